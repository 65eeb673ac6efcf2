"""``lehr rollout``: what a step of reinforcement learning takes."""

from __future__ import annotations

import json
from importlib.metadata import version

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.presenting.files import write_folder


def run(job: Composed) -> int:
    """Print the step, and write its page where one is asked for; with ``format=json`` print it alone."""
    from lehr.recipes.generating.run import roll
    from lehr.recipes.generating.text import as_json, as_text

    form, page = form_of(job), job.bounded("page", bool, "true or false")
    found = roll(job)
    body = json.dumps({"version": 1, "lehr": version("lehr"), **as_json(found)}, indent=2, ensure_ascii=False) + "\n"
    if form == "json":
        print(body, end="")
        return 0
    print(as_text(found))
    if page:
        # pictures take matplotlib, which text does not wait for
        from lehr.recipes.generating.page import render

        folder = job.folder() / "rollout" / found.model
        write_folder(
            folder, {"rollout.json": body.encode(), **render(found, f"lehr rollout {' '.join(job.overrides)}")}
        )
        print(f"\n{folder / 'rollout.html'}")
    return 0
