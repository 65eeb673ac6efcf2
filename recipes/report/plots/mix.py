"""What each stage trains on."""

from __future__ import annotations

from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recipes.report.data import ReportData
from recipes.report.document import NOT_PUBLISHED, Picture
from recipes.report.numbers import percent
from recipes.report.plots.style import GRID, INK, MUTED, ON_FILL, PAPER, SERIES, WIDTH, clear_frame, new_figure

CHARACTER = 0.078
"""The width of a character of a label [inch], on the generous side."""


def draw(data: ReportData) -> tuple[Figure, Picture]:
    """One bar a stage, cut by the shares of its data; a name has the same colour in every stage."""
    stages = data.recipe.ordered()
    names = list(dict.fromkeys(name for _, stage in stages for name in stage.data))
    colours = {name: SERIES[i % len(SERIES)] for i, name in enumerate(names)}
    left = 0.025 + 0.0078 * max(len(name) for name, _ in stages)
    inches = WIDTH * (0.985 - left)
    tops, y = [], 0.0
    for _, stage in stages:
        tops.append(y)
        y += 1.0 + 0.5 * (1 + max((row for _, row in _crowded(stage.data, inches).values()), default=-1))
    figure = new_figure(0.5 + 0.42 * y)
    axes = figure.subplots()
    clear_frame(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(y - 0.45, -0.5)
    axes.set_xticks([])
    axes.set_yticks(tops, [name for name, _ in stages], color=INK)
    for top, (_, stage) in zip(tops, stages, strict=True):
        _bar(axes, top, stage.data, colours, inches)
    figure.subplots_adjust(left=left, right=0.985, top=0.98, bottom=0.03)
    listed = "; ".join(
        f"{name}: {', '.join(f'{part} {percent(share)}' for part, share in stage.data.items()) or NOT_PUBLISHED}"
        for name, stage in stages
    )
    return figure, Picture(
        name="data",
        title="Data mix of each stage",
        caption="Shares of the stage's tokens.",
        alternative=f"One bar a stage. {listed}.",
    )


def _label(name: str, share: float) -> str:
    return f"{name.replace('_', ' ')} {percent(share)}"


def _crowded(mix: dict[str, float], inches: float) -> dict[str, tuple[float, int]]:
    """Where the labels go that do not fit into their piece of the bar: start [0 to 1] and row below the bar.

    Each stands as near below its piece as its neighbours let it; what one row cannot hold is shared out over several.
    """
    start, tight = 0.0, []
    for name, share in mix.items():
        width = len(_label(name, share)) * CHARACTER / inches
        if width > share:
            tight.append((name, start, width + 2 * CHARACTER / inches))
        start += share
    n_rows = ceil(sum(width for _, _, width in tight))
    places: dict[str, tuple[float, int]] = {}
    for row in range(n_rows):
        chosen = tight[row::n_rows]
        starts, end = [], 0.0
        for _, wanted, width in chosen:
            starts.append(max(wanted, end))
            end = starts[-1] + width
        limit = 1.0
        for i in reversed(range(len(chosen))):
            name, _, width = chosen[i]
            limit = min(starts[i], limit - width)
            places[name] = (limit, row)
    return places


def _bar(axes: Axes, top: float, mix: dict[str, float], colours: dict[str, str], inches: float) -> None:
    start, crowded = 0.0, _crowded(mix, inches)
    for name, share in mix.items():
        axes.barh(top, share, left=start, height=0.62, color=colours[name], edgecolor=ON_FILL, linewidth=0.8)
        if name not in crowded:
            axes.text(start + share / 2, top, _label(name, share), ha="center", va="center", color=ON_FILL, size=9)
        start += share
    if start < 1 - 5e-3:
        text = NOT_PUBLISHED if not mix else f"not stated {percent(1 - start)}"
        axes.barh(top, 1 - start, left=start, height=0.62, color="none", edgecolor=GRID, hatch="////", linewidth=0.8)
        if (1 - start) * inches > len(text) * CHARACTER:
            paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
            middle = start + (1 - start) / 2
            axes.text(middle, top, text, ha="center", va="center", color=MUTED, size=9, bbox=paper)
    # what does not fit into its piece is named below, in the piece's colour
    for name, (x, row) in crowded.items():
        axes.text(x, top + 0.62 + 0.5 * row, _label(name, mix[name]), va="center", color=colours[name], size=8.5)
