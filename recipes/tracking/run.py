"""A running job's log beside its forecast: one look, or one after the other while the log grows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import level_of
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.projecting.schedules import curve_law, read_schedule, stage_schedule
from lehr.recipes.reading import UnfinishedError
from lehr.recipes.reading.rows import read_rows
from lehr.recipes.tracking.result import Look
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import Plan, Rows, Tracked, in_order, track
from lehr.simulators.tracking.track import plan


def log_of(job: Composed) -> Path:
    """The log. Raises ``LehrError`` where none is named."""
    given = job.setting("log", str | None)
    if given is None:
        raise LehrError("log: which log? write log=run.jsonl")
    return Path(given)


def track_job(job: Composed) -> Look:
    """One look. Raises ``LehrError`` for a mistake in the input."""
    path, law = log_of(job), curve_law(job)
    planned = _planned(job, law)
    rows, notes = read_rows(path, *_read(job))
    return Look(law=law, planned=planned, seen=track_rows(job, planned, rows), notes=notes)


def follow_job(job: Composed) -> Iterator[Look]:
    """A look whenever the log has grown, until its last step."""
    path, law = log_of(job), curve_law(job)
    planned = _planned(job, law)
    every = job.setting("every", float)
    if every <= 0:
        raise LehrError(f"every: {every} is not above 0; write seconds, such as 10")
    columns, name = _read(job)
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
        seen = track_rows(job, planned, rows)
        if (seen.step, len(seen.steps)) != before:
            before = (seen.step, len(seen.steps))
            yield Look(law=law, planned=planned, seen=seen, notes=notes)
        if last_row + spacing > planned.n_steps:
            return
        time.sleep(every)


def _planned(job: Composed, law: CurveLaw) -> Plan:
    try:
        return plan(law, rates(job))
    except ValueError as error:
        raise LehrError(f"schedule: {error}") from error


def _read(job: Composed) -> tuple[dict[str, str], str | None]:
    """How the log is read: the headings of columns, and the run."""
    return job.setting("columns", dict[str, str] | None) or {}, job.setting("run", str | None)


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


def track_rows(job: Composed, planned: Plan, rows: Rows) -> Tracked:
    """One look at ``rows``."""
    try:
        return track(planned, rows, false_alarms=job.setting("false_alarms", float), level=level_of(job))
    except ValueError as error:
        raise LehrError(str(error)) from error
