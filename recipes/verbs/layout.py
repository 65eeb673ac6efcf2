"""``lehr layout``: how to divide a model among accelerators."""

from __future__ import annotations

import json
from importlib.metadata import version

from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError


def run(job: Composed) -> int:
    """Print the best layout, what it takes and what the others lose."""
    from lehr.recipes.laying_out.answer import answer
    from lehr.recipes.laying_out.question import asked
    from lehr.recipes.laying_out.text import as_json, as_text

    form = job.choice("format", ("text", "json"))
    show = job.setting("show", int)
    if show < 1:
        raise LehrError(f"show: {show} is below 1; write how many layouts to list")
    found = answer(asked(job), show)
    if form == "json":
        print(json.dumps({"version": 1, "lehr": version("lehr"), **as_json(found)}, indent=2, ensure_ascii=False))
    else:
        print(as_text(found))
    return 0
