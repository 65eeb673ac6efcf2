"""``lehr plan schedule``: the schedule of least final loss by a curve law, or what a cool-down from now would give."""

from __future__ import annotations

import json
from importlib.metadata import version

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.scheduling.result import Chosen
from lehr.recipes.scheduling.run import schedule_job


def run(job: Composed) -> int:
    """Print the plan and write its files; with ``format=json`` print it alone."""
    from lehr.recipes.scheduling.text import as_json, as_text, files

    form = form_of(job)
    found = schedule_job(job)
    body = json.dumps({"version": 1, "lehr": version("lehr"), **as_json(found)}, indent=2, ensure_ascii=False) + "\n"
    if form == "json":
        print(body, end="")
        return 0
    folder = job.folder() / ("plan_schedule" if isinstance(found, Chosen) else "cool_down") / found.law.name
    write_folder(folder, {**files(found), "plan.json": body.encode()})
    print(as_text(found))
    print(f"\n{folder}/")
    return 0
