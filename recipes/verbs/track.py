"""``lehr track``: a running job's log beside its forecast."""

from __future__ import annotations

import json

import msgspec

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.tracking.result import Look
from lehr.recipes.tracking.run import (
    follow_job,
    log_of,
    lost,
    no_cross_entropy,
    rates_beside,
    runs_of,
    track_job,
    track_several,
)
from lehr.recipes.tracking.text import as_json, as_line, as_table, as_text, rate_words


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
        data = {name: as_json(one.law, one.planned, one.seen, one.notes) for name, one in looks}
        print(json.dumps(data, indent=2, ensure_ascii=False) if form == "json" else as_table(looks))
        return int(any(one.seen.outside for _, one in looks))
    look = track_job(job)
    if form == "json":
        print(json.dumps(as_json(look.law, look.planned, look.seen, look.notes), indent=2, ensure_ascii=False))
    else:
        print(as_text(look.law, look.planned, look.seen, look.notes))
    illustrate(job, look)
    return int(look.seen.outside)


def run_rates(job: Composed, form: str) -> int:
    """The learning rate where no law forecasts the loss, and losses that are none; 1 where something is wrong."""
    if job.setting("follow", bool) or job.setting("picture", bool):
        raise LehrError(
            "follow, picture: no law is given; write law=./fit.yaml that lehr fit wrote from runs of its model"
        )
    found = rates_beside(job)
    if form == "json":
        data = {
            n: {
                "rate": None if off is None else msgspec.to_builtins(off),
                "steps_without_loss": lost(r).tolist(),
                "notes": r.notes,
            }
            for n, off, r in found
        }
        print(json.dumps({"version": 1, "law": None, "runs": data}, indent=2, ensure_ascii=False))
    else:
        for name, off, read in found:
            last = f"{int(read.rows.steps[-1]):,}" if len(read.rows) else "none"
            if len(bad := lost(read)):
                span = f"steps {bad[0]:,} to {bad[-1]:,}" if len(bad) > 1 else f"step {bad[0]:,}"
                print(f"{name}: DIVERGENCE: {span}: the loss is no finite number above zero")
            words = "is on its plan" if off is None else f"leaves the plan: {rate_words(off)}"
            print(f"{name}: the learning rate {words} (last step {last})")
            if (why := no_cross_entropy(read)) is not None:
                print(f"{name}: {why}: nothing is said of it")
            print("".join(f"note: {note}\n" for note in read.notes), end="")
        print(
            "no law given, so that nothing is said of the loss; write law=./fit.yaml, fitted to runs of the same model"
        )
    return int(any((off is not None and off.lasts) or len(lost(read)) for _, off, read in found))


def illustrate(job: Composed, look: Look) -> None:
    """Write the figure where it is wanted."""
    if job.setting("picture", bool):
        from lehr.recipes.tracking.figures import draw

        write_folder(job.folder() / "track" / log_of(job).stem, draw(look.law, look.planned, look.seen))
