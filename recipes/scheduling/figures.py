"""The figures of a search and of cool-downs: rates above, losses below."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lehr.recipes.presenting.figures import MUTED, SERIES, as_png, as_svg, new_figure, styled
from lehr.recipes.scheduling.result import CooledDown, Scheduled
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.scheduling.candidates import Budget, Search
from lehr.simulators.scheduling.cooldown import CoolDown

N_POINTS = 1200
RIGHT = 0.66
"""Where the curves end; the labels stand to the right of it."""


def draw(given: Scheduled) -> dict[str, bytes]:
    """``schedules.svg`` or ``cool_downs.svg``, and the same as PNG."""
    if isinstance(given, CooledDown):
        return draw_cool_downs(given.law, given.now, given.so_far, given.downs)
    return draw_search(given.law, given.budget, given.found)


def draw_search(law: CurveLaw, budget: Budget, found: Search) -> dict[str, bytes]:
    """The free form, the best schedule and the defaults, as ``schedules.svg`` and ``schedules.png``."""
    lines = [(c.name, c.rates, c.loss) for c in (found.free, found.best, *found.defaults)]
    with styled():
        return _both(_figure(law, lines, start=budget.warmup_steps), "schedules")


def draw_cool_downs(law: CurveLaw, now: int, so_far: Floats, downs: list[CoolDown]) -> dict[str, bytes]:
    """The cool-downs of least loss for each length, as ``cool_downs.svg`` and ``cool_downs.png``."""
    best = {d.steps: min((e for e in downs if e.steps == d.steps), key=lambda e: e.loss) for d in downs}
    lines = [(f"{d.steps:,} steps, {d.shape.replace('_', ' ')}", d.rates, d.loss) for d in best.values()]
    longest = max(d.steps for d in downs)
    with styled():
        return _both(_figure(law, lines, start=max(now - 2 * longest, 1)), "cool_downs")


def _both(figure: Figure, name: str) -> dict[str, bytes]:
    return {f"{name}.svg": as_svg(figure).encode(), f"{name}.png": as_png(figure)}


def _figure(law: CurveLaw, lines: list[tuple[str, Floats, float]], *, start: int) -> Figure:
    """Rates from step 0, losses from ``start`` on, each line named with its final loss."""
    figure = new_figure(6.0)
    above, below = figure.subplots(2, 1)
    figure.subplots_adjust(left=0.09, right=RIGHT, top=0.95, bottom=0.085, hspace=0.28)
    lowest, highest = np.inf, -np.inf
    for (_, rates, _), colour in reversed(list(zip(lines, SERIES, strict=False))):
        steps = np.unique(np.linspace(0, len(rates) - 1, N_POINTS).round().astype(int))
        above.plot(steps, rates[steps], color=colour)
        shown = steps[steps >= start + (len(rates) - start) // 4]
        losses = law.loss(rates)
        below.plot(shown, losses[shown], color=colour)
        lowest, highest = min(lowest, float(losses[shown].min())), max(highest, float(losses[shown].max()))
    above.set_ylabel("Learning rate")
    below.set_ylabel(f"Loss [{law.loss_unit}]")
    below.set_xlabel("Step")
    gap = 0.04 * (highest - lowest)
    below.set_ylim(lowest - gap, highest + gap)
    for axes in (above, below):
        axes.grid(axis="y")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    _names(above, lines)
    above.set_title("Schedules, and the loss by the law", loc="left")
    below.text(
        1.02, 0.0, f"{fill(law.title, 40)}.\nFinal losses by the law.", transform=below.transAxes, color=MUTED, size=8.5
    )
    return figure


def _names(axes: Axes, lines: list[tuple[str, Floats, float]]) -> None:
    """The legend beside the panel: each line's name and final loss in its colour."""
    for i, ((name, _, loss), colour) in enumerate(zip(lines, SERIES, strict=False)):
        axes.text(1.02, 1 - 0.16 * i, f"{name}\n{loss:.4f}", transform=axes.transAxes, color=colour, size=8.5, va="top")
