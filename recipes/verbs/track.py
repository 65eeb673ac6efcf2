"""``lehr track``: a running job's log beside its forecast."""

from __future__ import annotations

import json

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.tracking.result import Look, Unread
from lehr.recipes.tracking.run import (
    follow_job,
    log_of,
    runs_of,
    track_job,
    track_several,
    without_law,
)
from lehr.recipes.tracking.text import as_json, as_line, as_table, as_text
from lehr.recipes.tracking.without_law import notes_of, without_law_json, without_law_lines, wrong


def run(job: Composed) -> int:
    """Look at the log, once or until its last step; 1 where the run is outside its band then."""
    form = form_of(job)
    if job.config.get("law") is None:
        return run_rates(job, form)
    if job.setting("follow", bool):
        outside = False
        for look in follow_job(job):
            data = as_json(look.law, look.planned, look.seen, look.notes)
            print(json.dumps(data) if form == "json" else as_line(look.planned, look.seen), flush=True)
            illustrate(job, look)
            outside = look.seen.outside
        return int(outside)
    if len(runs_of(job)) > 1:
        looks = track_several(job)
        data = {
            name: {"error": one.why} if isinstance(one, Unread) else as_json(one.law, one.planned, one.seen, one.notes)
            for name, one in looks
        }
        print(json.dumps(data, indent=2, ensure_ascii=False) if form == "json" else as_table(looks))
        return int(any(isinstance(one, Unread) or one.seen.outside for _, one in looks))
    look = track_job(job)
    if form == "json":
        print(json.dumps(as_json(look.law, look.planned, look.seen, look.notes), indent=2, ensure_ascii=False))
    else:
        print(as_text(look.law, look.planned, look.seen, look.notes))
    illustrate(job, look)
    return int(look.seen.outside)


def run_rates(job: Composed, form: str) -> int:
    """The learning rate, and whether the loss rises, where no law forecasts it; 1 where something is wrong."""
    if job.setting("follow", bool) or job.setting("picture", bool):
        raise LehrError(
            "follow, picture: no law is given; write law=./fit.yaml that lehr fit wrote from runs of its model"
        )
    found = without_law(job)
    if form == "json":
        data = {name: {"error": one.why} if isinstance(one, Unread) else without_law_json(one) for name, one in found}
        print(json.dumps({"version": 1, "law": None, "runs": data}, indent=2, ensure_ascii=False))
    else:
        for name, one in found:
            if isinstance(one, Unread):
                print(f"{name}: not looked at: {one.why}")
                continue
            print("\n".join(f"{name}: {line}" for line in without_law_lines(one)))
            print("".join(f"note: {note}\n" for note in notes_of(one)), end="")
        print(
            "no law given, so that of the loss only is told whether it rises above the rows before; write "
            "law=./fit.yaml, fitted to runs of the same model"
        )
    return int(any(isinstance(one, Unread) or wrong(one) for _, one in found))


def illustrate(job: Composed, look: Look) -> None:
    """Write the figure where it is wanted."""
    if job.setting("picture", bool):
        from lehr.recipes.tracking.figures import draw

        write_folder(job.folder() / "track" / log_of(job).stem, draw(look.law, look.planned, look.seen))
