"""What each stage trains on."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recipes.report.data import ReportData
from recipes.report.document import NOT_PUBLISHED, Picture
from recipes.report.numbers import percent
from recipes.report.plots.style import GRID, INK, MUTED, ON_FILL, SERIES, WIDTH, clear_frame, new_figure

CHARACTER = 0.078
"""The width of a character of a label [inch], on the generous side."""


def draw(data: ReportData) -> tuple[Figure, Picture]:
    """One bar a stage, cut by the shares of its data; a name has the same colour in every stage."""
    stages = data.recipe.ordered()
    names = list(dict.fromkeys(name for _, stage in stages for name in stage.data))
    colours = {name: SERIES[i % len(SERIES)] for i, name in enumerate(names)}
    left = 0.025 + 0.0078 * max(len(name) for name, _ in stages)
    inches = WIDTH * (0.985 - left)
    crowded = [_crowded(stage.data, inches) for _, stage in stages]
    tops, y = [], 0.0
    for extra in crowded:
        tops.append(y)
        y += 1.0 + (0.55 if extra else 0.0)
    figure = new_figure(0.5 + 0.42 * y)
    axes = figure.subplots()
    clear_frame(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(y - 0.45, -0.5)
    axes.set_xticks([])
    axes.set_yticks(tops, [name for name, _ in stages], color=INK)
    for top, (_, stage), extra in zip(tops, stages, crowded, strict=True):
        _bar(axes, top, stage.data, colours, extra)
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


def _crowded(mix: dict[str, float], inches: float) -> list[str]:
    """The parts of a mix whose label does not fit into their piece of the bar."""
    return [n for n, share in mix.items() if len(_label(n, share)) * CHARACTER > share * inches]


def _bar(axes: Axes, top: float, mix: dict[str, float], colours: dict[str, str], crowded: list[str]) -> None:
    start = 0.0
    for name, share in mix.items():
        axes.barh(top, share, left=start, height=0.62, color=colours[name], edgecolor=ON_FILL, linewidth=0.8)
        if name not in crowded:
            axes.text(start + share / 2, top, _label(name, share), ha="center", va="center", color=ON_FILL, size=9)
        start += share
    if start < 1 - 5e-3:
        text = NOT_PUBLISHED if not mix else f"not stated {percent(1 - start)}"
        axes.barh(top, 1 - start, left=start, height=0.62, color="none", edgecolor=GRID, hatch="////", linewidth=0.8)
        if (1 - start) > len(text) * CHARACTER / 8:
            axes.text(start + (1 - start) / 2, top, text, ha="center", va="center", color=MUTED, size=9, style="italic")
    # what does not fit into its piece is named below, in the piece's colour
    x = 1.0
    for name in reversed(crowded):
        text = _label(name, mix[name])
        axes.text(x, top + 0.62, text, ha="right", va="center", color=colours[name], size=8.5)
        x -= (len(text) + 3) * CHARACTER / 8
