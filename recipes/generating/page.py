"""A step of reinforcement learning as a page."""

from __future__ import annotations

from importlib.metadata import version

from lehr.recipes.generating.figures import draw_all
from lehr.recipes.generating.result import Rolled
from lehr.recipes.generating.text import as_text
from lehr.recipes.presenting.document import Document, Section, Text
from lehr.recipes.presenting.figures import as_png, as_svg, styled
from lehr.recipes.presenting.html import as_html


def render(found: Rolled, command: str) -> dict[str, bytes]:
    """``rollout.html`` and ``plots/``."""
    with styled():
        drawn = [(picture, as_svg(figure), as_png(figure)) for figure, picture in draw_all(found)]
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
        version=version("lehr"),
        numbers={},
        beside=[("rollout.json", "holds the same as data")],
    )
    files = {"rollout.html": as_html(document, {p.name: svg for p, svg, _ in drawn}).encode()}
    for picture, svg, png in drawn:
        files[f"plots/{picture.name}.svg"], files[f"plots/{picture.name}.png"] = svg.encode(), png
    return files
