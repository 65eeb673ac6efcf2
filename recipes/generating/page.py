"""A step of reinforcement learning as a page."""

from __future__ import annotations

from importlib.metadata import version

from lehr.recipes.generating.figures import draw_all
from lehr.recipes.generating.result import Rolled
from lehr.recipes.generating.text import as_text
from lehr.recipes.presenting.document import Document, Section, Text
from lehr.recipes.presenting.figures import drawn_of, plot_files
from lehr.recipes.presenting.html import as_html


def render(found: Rolled, command: str) -> dict[str, bytes]:
    """``rollout.html`` and ``plots/``."""
    drawn = drawn_of(draw_all, found)
    said = [line.strip() for line in as_text(found).splitlines() if line.strip()]
    document = Document(
        title=found.model,
        subtitle=command,
        verdict=said[0],
        verdict_mark="",
        sections=[
            Section(name="step", title="A step", parts=[*(picture for picture, _, _ in drawn)]),
            Section(name="told", title="In words", parts=[*(Text(line) for line in said[1:])]),
        ],
        about="a step of reinforcement learning",
        version=version("lehr"),
        numbers={},
        beside=[("rollout.json", "holds the same as data")],
    )
    page = as_html(document, {p.name: svg for p, svg, _ in drawn})
    return {"rollout.html": page.encode(), **plot_files(drawn)}
