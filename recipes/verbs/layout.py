"""``lehr layout``: how to divide a model among accelerators."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import msgspec

from lehr.recipes.composing.job import Composed
from lehr.recipes.presenting.files import write_folder


def run(job: Composed) -> int:
    """Print the best layout, what it takes and what the others lose, and write its folder; with ``format=json`` print
    it alone."""
    from lehr.recipes.laying_out.answer import answer
    from lehr.recipes.laying_out.question import asked
    from lehr.recipes.laying_out.settings import bounded, word
    from lehr.recipes.laying_out.text import as_json, as_text

    form, page = word(job, "format", ("text", "json")), bounded(job, "page")
    if (axes := bounded(job, "over")) is not None:
        return _table(job, axes, form)
    found = answer(asked(job), bounded(job, "show"))
    body = json.dumps({"version": 1, "lehr": version("lehr"), **as_json(found)}, indent=2, ensure_ascii=False) + "\n"
    if form == "json":
        print(body, end="")
        return 0
    print(as_text(found))
    if page:
        # pictures take matplotlib, which text does not wait for
        from lehr.recipes.laying_out.page import render

        folder = job.folder() / "layout" / found.question.name
        command = f"lehr layout {' '.join(job.overrides)}"
        write_folder(folder, {"layout.json": body.encode(), **render(found, command)})
        print(f"\n{folder / 'layout.html'}")
    return 0


def _table(job: Composed, axes: dict[str, list[Any]], form: str) -> int:
    """Print one network on several machines."""
    from lehr.recipes.laying_out.over import as_text, over

    points = over(job, axes)
    if form == "json":
        print(json.dumps(msgspec.to_builtins(points), indent=2, ensure_ascii=False))
    else:
        print(as_text(points))
    return 0
