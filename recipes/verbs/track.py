"""``lehr track``: a running job's log beside its forecast."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.projecting.schedules import curve_law, read_schedule, stage_schedule
from lehr.recipes.reading import UnfinishedError
from lehr.recipes.tracking import as_json, as_line, as_text, draw, read_rows
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import Plan, Rows, Tracked, in_order, track
from lehr.simulators.tracking.track import plan


def run(job: Composed) -> int:
    """Look at the log, once or until its last step; 1 where the run is outside its band then."""
    given = job.setting("log", str | None)
    if given is None:
        raise LehrError("log: which log? write log=run.jsonl")
    form = job.choice("format", ("text", "json"))
    law, path = curve_law(job), Path(given)
    try:
        planned = plan(law, rates(job))
    except ValueError as error:
        raise LehrError(f"schedule: {error}") from error
    if job.setting("follow", bool):
        return follow(job, law, planned, path)
    rows, notes = read_rows(path, job.setting("columns", dict[str, str] | None) or {}, job.setting("run", str | None))
    seen = look(job, planned, rows)
    if form == "json":
        print(json.dumps(as_json(law, planned, seen, notes), indent=2, ensure_ascii=False))
    else:
        print(as_text(law, planned, seen, notes))
    illustrate(job, law, planned, seen, path)
    return int(seen.outside)


def rates(job: Composed) -> Floats:
    """The learning rates that were planned: of ``schedule``, else of the recipe's stage."""
    given = job.setting("schedule", str | dict[str, Any] | None)
    if given is not None:
        return read_schedule(given).values()
    if job.config.get("recipe") is None:
        raise LehrError("schedule: which one? write schedule=schedule.yaml, or recipe=starcoder")
    recipe = decode(job.config["recipe"], RecipeFile, "recipe")
    name = job.setting("stage", str | None) or recipe.order[0]
    if name not in recipe.stages:
        raise LehrError(f"stage: {recipe.name} has none called {name!r}; {nearest(name, recipe.order)}")
    return stage_schedule(recipe.stages[name], f"stage {name} of {recipe.name}").values()


def look(job: Composed, planned: Plan, rows: Rows) -> Tracked:
    """One look at ``rows``."""
    try:
        return track(planned, rows, false_alarms=job.setting("false_alarms", float), level=job.setting("level", float))
    except ValueError as error:
        raise LehrError(str(error)) from error


def follow(job: Composed, law: CurveLaw, planned: Plan, path: Path) -> int:
    """Look again whenever the log has grown, until its last step; the status is that of the last look."""
    every = job.setting("every", float)
    if every <= 0:
        raise LehrError(f"every: {every} is not above 0; write seconds, such as 10")
    columns, name = job.setting("columns", dict[str, str] | None) or {}, job.setting("run", str | None)
    spacing, last_row = 1.0, -1
    before: tuple[int | None, int] | None = None
    while True:
        rows, notes = in_order([], []), list[str]()
        try:
            if path.exists():
                rows, notes = read_rows(path, columns, name)
                spacing, last_row = rows.spacing, int(rows.steps[-1]) if len(rows) else -1
        except UnfinishedError:
            # it is being written: the next look may find it whole
            if before is not None:
                time.sleep(every)
                continue
        seen = look(job, planned, rows)
        if (seen.step, len(seen.steps)) != before:
            before = (seen.step, len(seen.steps))
            data = as_json(law, planned, seen, notes)
            print(json.dumps(data) if job.setting("format", str) == "json" else as_line(planned, seen), flush=True)
            illustrate(job, law, planned, seen, path)
        if last_row + spacing > planned.n_steps:
            return int(seen.outside)
        time.sleep(every)


def illustrate(job: Composed, law: CurveLaw, planned: Plan, seen: Tracked, path: Path) -> None:
    """Write the figure where it is wanted."""
    if job.setting("picture", bool):
        write_folder(job.folder() / "track" / path.stem, draw(law, planned, seen))
