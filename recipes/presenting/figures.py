"""How every figure looks, and how it becomes bytes that are the same each time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lehr.recipes.presenting.document import Picture

T = TypeVar("T")

WIDTH = 9.0
"""Of every figure [inch]."""

INK, MUTED, GRID, PAPER, ON_FILL = "#1b1f24", "#57606a", "#d8dee4", "#ffffff", "#fefefe"
SERIES = ("#0067a5", "#c25400", "#007a5a", "#9c3f87", "#8a6400", "#4f62c4", "#5f6b77", "#84492f")
"""Told apart by people with any colour vision and readable under white text: 4.5 to 1 or more."""

VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    PAPER: "--paper",
    ON_FILL: "--on-fill",
    **{colour: f"--series-{i}" for i, colour in enumerate(SERIES, start=1)},
}
"""The CSS variable that stands for each colour where a figure is inside a page with a light and a dark side."""

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lehr",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "figure.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
}


@contextmanager
def styled() -> Iterator[None]:
    """Within this, figures are made and saved in the report's style."""
    with mpl.rc_context(SETTINGS):
        yield


def new_figure(height: float) -> Figure:
    """An empty figure of the common width; ``height`` in inches."""
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    return figure


def as_png(figure: Figure) -> bytes:
    """The figure in pixels, with neither date nor program in the file."""
    out = BytesIO()
    figure.savefig(out, format="png", dpi=144, metadata={"Software": None})
    return out.getvalue()


def as_svg(figure: Figure) -> str:
    """The figure as SVG with text as text, with neither date nor program in the file."""
    out = BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    # a reader's own sans-serif stands in where DejaVu Sans, which widths were measured with, is not installed
    return re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "'DejaVu Sans', sans-serif", out.getvalue().decode())


class Drawn(NamedTuple):
    """A figure in both formats, with its caption and its words."""

    picture: Picture
    svg: str
    png: bytes


def drawn_of(draw: Callable[[T], Iterable[tuple[Figure, Picture]]], told: T) -> list[Drawn]:
    """The figures that ``draw`` makes of ``told``, in the report's style."""
    with styled():
        return [Drawn(picture, as_svg(figure), as_png(figure)) for figure, picture in draw(told)]


def plot_files(drawn: Sequence[Drawn]) -> dict[str, bytes]:
    """Each figure as the two files that a page has beside it."""
    files = {}
    for picture, svg, png in drawn:
        files[f"plots/{picture.name}.svg"], files[f"plots/{picture.name}.png"] = svg.encode(), png
    return files


def for_page(svg: str, name: str, label: str) -> str:
    """An SVG to stand inside a page: colours by variable, the page's own font, identifiers that no other figure has."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # a style sheet in a figure would hold for the whole page; the page's own has the same rule for figures
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{name}-", svg)
    svg = re.sub(r"#[0-9a-f]{6}\b", lambda m: f"var({VARIABLES[m[0]]})" if m[0] in VARIABLES else m[0], svg)
    svg = svg.replace("'DejaVu Sans', sans-serif", "var(--sans)")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def clear_frame(axes: Axes, *, keep: str = "") -> None:
    """Take the frame and the ticks away; ``keep`` names sides that stay, such as ``left bottom``."""
    for side in ("left", "right", "top", "bottom"):
        axes.spines[side].set_visible(side in keep)
    axes.tick_params(length=0 if "left" not in keep else 3, left="left" in keep, bottom="bottom" in keep)
