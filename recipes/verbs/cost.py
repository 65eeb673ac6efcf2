"""``lehr cost``: what a whole recipe really costs."""

from __future__ import annotations

import json
from importlib.metadata import version

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.presenting.files import write_folder


def run(job: Composed) -> int:
    """Print the cost, and write its page where one is asked for; with ``format=json`` print it alone."""
    from lehr.recipes.costing.run import cost
    from lehr.recipes.costing.text import as_json, as_text

    form, page = form_of(job), job.bounded("page", bool, "true or false")
    found = cost(job)
    body = json.dumps({"version": 1, "lehr": version("lehr"), **as_json(found)}, indent=2, ensure_ascii=False) + "\n"
    if form == "json":
        print(body, end="")
        return 0
    print(as_text(found))
    if page:
        # pictures take matplotlib, which text does not wait for
        from lehr.recipes.costing.page import render

        folder = job.folder() / "cost" / found.model
        write_folder(folder, {"cost.json": body.encode(), **render(found, f"lehr cost {' '.join(job.overrides)}")})
        print(f"\n{folder / 'cost.html'}")
    return 0
