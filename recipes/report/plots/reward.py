"""The gain of reinforcement learning against compute."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, SERIES, new_figure
from lehr.recipes.presenting.labels import Label, line_of, write
from lehr.recipes.presenting.numbers import percent, quantity
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.reward import curves, reward_rows


def draw(data: ReportData) -> tuple[Figure, Picture] | None:
    """Share of the gain against hours, a curve a law, a line a stage; nothing where no stage can be placed."""
    laws, rows = curves(data), [row for row in reward_rows(data) if row.by_law]
    if not laws or not rows:
        return None
    placed = [hours for row in rows for hours in row.by_law.values()]
    low, high = min(100.0, *placed) / 1.5, max(1e5, *placed) * 1.5
    hours = np.geomspace(low, high, 200)
    figure = new_figure(2.9)
    axes = figure.subplots()
    names = []
    for law, colour in zip(laws, SERIES, strict=False):
        fitted = law.range.accelerator_hours or (low, high)
        inside = (hours >= fitted[0]) & (hours <= fitted[1])
        share = law.share_of_gain(hours)
        axes.plot(hours, share, color=colour, linestyle=(0, (4, 2.5)), linewidth=1.2)
        axes.plot(hours[inside], share[inside], color=colour)
        names.append(Label(law.title, line_of(hours[inside], share[inside]), colour, around=((-1, 1), (0, 1), (1, -1))))
    for row in rows:
        at = next(iter(row.by_law.values()))
        axes.axvline(at, color=INK, linewidth=1.0)
        axes.annotate(
            row.stage, (at, 0.03), xytext=(4, 0), textcoords="offset points", color=INK, fontsize=8.5, rotation=90
        )
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: quantity(x)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: percent(y) if y else "0"))
    axes.set_xlabel(f"Hours of {laws[0].accelerator}, generating and updating (logarithmic)")
    axes.set_ylabel("Share of the gain in pass rate")
    axes.spines["left"].set_color(GRID)
    figure.subplots_adjust(left=0.085, right=0.985, top=0.97, bottom=0.17)
    write(axes, names)
    said = "; ".join(
        f"{row.stage}: {percent(float(law.share_of_gain(row.by_law[law.name])))} by {law.name}"
        for row in rows
        for law in laws
        if law.name in row.by_law
    )
    return figure, Picture(
        name="reward",
        title="How far along a saturating curve the training is",
        caption="Dashed: outside the hours that the curve was fitted on. Lines: the hours of each stage.",
        alternative=f"Curves that rise with compute and level off. {said}.",
    )
