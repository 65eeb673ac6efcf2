"""``explorer.html``: one page that needs nothing else, with its data inside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lehr.recipes.presenting.html import TEMPLATES as REPORT_TEMPLATES
from lehr.recipes.presenting.html import environment

TEMPLATES = Path(__file__).parent / "templates"

SCRIPTS = ("numbers.js", "cost.js", "charts.js", "timeline.js", "listing.js", "scatter.js", "comparison.js", "main.js")
"""The page's script, in the order in which its parts build on each other."""


def as_html(data: Mapping[str, Any], selected: Sequence[str]) -> str:
    """The page over ``data`` of ``lehr.recipes.exploring.data``; the models ``selected`` are compared when it opens."""
    models = data["models"]
    return (
        environment(TEMPLATES)
        .get_template("explorer.html.j2")
        .render(
            version=data["lehr"],
            n_models=len(models),
            n_recipes=sum("recipe" in model for model in models),
            families=sorted({model["family"] for model in models}, key=str.casefold),
            kinds=sorted({model["kind"] for model in models}),
            attention=sorted({a for model in models if model["attention"] for a in model["attention"].split("+")}),
            stage_kinds=data["stage_kinds"],
            accelerators={name: device["title"] for name, device in data["accelerators"].items()},
            precisions=sorted({p for device in data["accelerators"].values() for p in device["peak"]}),
            fallback=data["accelerators"][data["fallback"]]["title"],
            marks=data["marks"],
            laws=data["laws"],
            style=Markup((REPORT_TEMPLATES / "report.css").read_text() + (TEMPLATES / "explorer.css").read_text()),
            script=Markup("".join((TEMPLATES / name).read_text() for name in SCRIPTS)),
            data=Markup(for_script({**data, "selected": list(selected)})),
        )
    )


def for_script(value: Any) -> str:
    """JSON that may stand inside a ``script`` element: no ``<`` that could end it or open a comment.

    >>> for_script({"note": "</script><!--"})
    '{"note":"\\\\u003c/script>\\\\u003c!--"}'
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
