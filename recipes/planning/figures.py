"""The trade-off of a plan as pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lehr.recipes.planning.result import Planned
from lehr.recipes.planning.text import shape_of
from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, SERIES, new_figure
from lehr.recipes.presenting.labels import Label, line_of, write
from lehr.recipes.presenting.tables import short
from lehr.simulators.laws.base import replicate
from lehr.simulators.planning.choosing import Candidate
from lehr.simulators.planning.reading import size_for
from lehr.simulators.quantities import Floats

LEVELS = 12
"""Iso-loss lines."""
WIDE = 12.0
"""How far the plane goes about the plan, to either side: a factor."""


def draw_all(plan: Planned) -> list[tuple[Figure, Picture]]:
    """Loss along the ladder, and the plane of parameters and tokens; none for a single network."""
    if len(plan.plan.candidates) < 3:
        return []
    return [along_the_ladder(plan), *([plane(plan)] if plan.surface is not None else [])]


def along_the_ladder(plan: Planned) -> tuple[Figure, Picture]:
    """What each network would reach at the budget, a line for each number of experts."""
    figure = new_figure(4.0)
    axes = figure.subplots()
    chosen, names = plan.plan.chosen, []
    experts = sorted({c.expansion for c in plan.plan.candidates})
    for expansion, colour in zip(experts, SERIES, strict=False):
        mine = [c for c in plan.plan.candidates if c.expansion == expansion]
        axes.plot([c.active for c in mine], [c.loss for c in mine], color=colour, marker="o", markersize=3)
        if expansion != chosen.expansion:
            label = "dense" if expansion == 1 else f"{plan.top_k} of {plan.top_k * expansion} experts"
            names.append(Label(label, line_of(*_columns(mine)), colour, around=((1, -1), (0, -1), (1, 0), (1, 1))))
        # of several lines the bands would hide each other
        if expansion == chosen.expansion and mine[0].regret_low is not None:
            low = [chosen.loss + (c.regret_low or 0.0) for c in mine]
            high = [chosen.loss + (c.regret_high or 0.0) for c in mine]
            axes.fill_between([c.active for c in mine], low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(chosen.active, chosen.loss, marker="o", markersize=9, markerfacecolor="none", color=INK, linestyle="none")
    axes.set_xscale("log")
    losses = np.array([c.loss for c in plan.plan.candidates])
    # networks that end alike, as where data limits all of them, leave no span
    span = max(float(np.quantile(losses, 0.6) - losses.min()), 1e-3 * float(losses.min()))
    # beneath the lines stand the words
    axes.set_ylim(losses.min() - (0.25 if len(experts) == 1 else 0.5) * span, losses.min() + 1.6 * span)
    seen = [c.active for c in plan.plan.candidates if c.loss <= axes.get_ylim()[1]]
    axes.set_xlim(min(seen) / 1.15, max(seen) * 1.15)
    axes.set_xlabel("Active parameters, both tables included")
    axes.set_ylabel(f"Loss by {plan.surface.name if plan.surface else plan.law.name}, {plan.plan.loss_unit}")
    _plain(axes)
    figure.subplots_adjust(left=0.09, right=0.97 if len(experts) == 1 else 0.88, top=0.96, bottom=0.13)
    told = f"the plan: {shape_of(chosen, plan.top_k).partition(', ')[0]}"
    if chosen.expansion > 1:
        told += f", {plan.top_k} of {plan.top_k * chosen.expansion} experts"
    write(axes, [*names, Label(told, [(chosen.active, chosen.loss)], around=((0, -1), (1, -1), (-1, -1)))])
    spends = "the same" if all(c.useful == 1 for c in plan.plan.candidates) else "at most"
    best = f"{shape_of(chosen, plan.top_k)} on {short(chosen.tokens)} tokens, loss {chosen.loss:.3f}"
    whose = "" if len(experts) == 1 else ", drawn for networks with as many experts"
    return figure, Picture(
        name="ladder",
        title="What each network of the ladder would reach",
        caption=f"Each point spends {spends} {plan.bought.work.value:.3g} FLOP; smaller networks see more tokens. The "
        f"band is what the law's certainty leaves of the difference to the chosen network (95 %){whose}.",
        alternative=f"Loss along the ladder; the least is {best}.",
    )


def _columns(candidates: list[Candidate]) -> tuple[Floats, Floats]:
    """Active parameters and losses as arrays."""
    return np.array([float(c.active) for c in candidates]), np.array([c.loss for c in candidates])


def plane(plan: Planned) -> tuple[Figure, Picture]:
    """Iso-loss contours over parameters and tokens with iso-FLOP lines, the dense ladder at the budget, and the optimum
    of every replica of the law."""
    law, chosen = plan.surface, plan.plan.chosen
    assert law is not None
    dense = [(key, rung) for key, rung in plan.rungs.items() if key[1] == 1] or list(plan.rungs.items())
    n = np.array([size_for(law, rung) for _, rung in dense])
    left = plan.bought.work.value - np.array([rung.forward for _, rung in dense]) * plan.demand.served
    d = np.where(left > 0, left, np.nan) / np.array([rung.training for _, rung in dense])
    rung = plan.rungs.get(chosen.key)
    # by the law's own count, as the axis has it
    centre_n, centre_d = float(chosen.active) if rung is None else size_for(law, rung), chosen.tokens
    x = np.geomspace(centre_n / WIDE, centre_n * WIDE, 200)
    y = np.geomspace(centre_d / WIDE, centre_d * WIDE, 200)
    losses = law.loss(x[None, :], y[:, None])
    figure = new_figure(4.8)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    axes.set_xlabel(f"Parameters, {law.n_convention.replace('_', ' ')}; of a mixture those of one token")
    axes.set_ylabel("Tokens")
    _plain(axes, y=True)
    figure.subplots_adjust(left=0.09, right=0.97, top=0.94, bottom=0.11)
    for factor in (0.01, 0.1, 1, 10, 100):
        axes.plot(x, plan.bought.work.value * factor / 6 / x, color=GRID if factor != 1 else SERIES[0], linewidth=1.0,
                  linestyle="--")  # fmt: skip
    axes.plot(n, d, color=SERIES[0], marker="o", markersize=2.5, linewidth=1.2)
    inner = np.abs(np.log(n / centre_n)) < 0.9 * np.log(WIDE)
    ladder = line_of(n[inner], d[inner])
    many = replicate(law, 1)
    names = [Label("the plan", [(centre_n, centre_d)], around=((-1, -1), (1, 1), (0, -1), (0, 1)))]
    if many is not None and plan.demand.unique is None:
        sizes = np.geomspace(x[0], x[-1], 2000)
        tokens = np.exp(np.interp(np.log(sizes), np.log(n), np.log(np.where(np.isfinite(d), d, 1.0))))
        best = np.argmin(many.loss(sizes, tokens), axis=1)
        low, high = np.quantile(sizes[best], [0.025, 0.975])
        # an optimum that lies at the rim lies beyond it
        inside = (sizes >= max(low, n.min())) & (sizes <= min(high, n.max())) & (sizes < sizes[-1])
        # what lies above or below the frame is neither drawn nor named
        inside &= (tokens >= y[0]) & (tokens <= y[-1])
        if inside.sum() > 1:
            axes.plot(sizes[inside], tokens[inside], color=SERIES[1], linewidth=6, alpha=0.45, solid_capstyle="round")
            middle = int(np.flatnonzero(inside)[inside.sum() // 2])
            names.append(Label("optimum of 95 % of the law's replicas", [(sizes[middle], tokens[middle])], SERIES[1]))
    axes.plot(centre_n, centre_d, marker="o", markersize=9, markerfacecolor="none", color=INK)
    names.append(Label("dense networks at the budget", ladder, SERIES[0], around=((1, 1), (-1, -1))))
    lines = axes.contour(x, y, losses, levels=LEVELS, colors=MUTED, linewidths=0.7)
    write(axes, names, on_paper=True)
    _name_levels(axes, [float(level) for level in lines.levels], x, losses[-1])
    # its tokens go further than those of a dense network of as many parameters
    where = "; it has experts, and may lie beside the line of dense networks" if chosen.expansion > 1 else ""
    return figure, Picture(
        name="plane",
        title="Iso-loss and iso-FLOP",
        caption=f"Thin lines: loss by {law.name}, {plan.plan.loss_unit}, every token unique, written at the top. "
        "Dashed: 6 N D at 0.01 to 100 times the budget; dense networks are placed by their exact FLOPs. Circle: the "
        f"plan, at the parameters that one of its tokens uses{where}.",
        alternative=f"The plan lies at {short(centre_n)} parameters and {short(centre_d)} tokens.",
    )


def _name_levels(axes: Axes, levels: list[float], x: Floats, along_the_top: Floats) -> None:
    """Each iso-loss line's loss above the frame, where the line leaves it."""
    if not (np.diff(along_the_top) < 0).all():
        return
    last = -np.inf
    for level in sorted(levels, reverse=True):
        if along_the_top[-1] < level < along_the_top[0]:
            at = float(np.exp(np.interp(level, along_the_top[::-1], np.log(x)[::-1])))
            dots = axes.transData.transform((at, axes.get_ylim()[1]))[0] * 72 / axes.figure.dpi
            # a number is some 18 pt wide
            if dots - last > 24:
                axes.annotate(f"{level:.2f}", (at, 1), (0, 2), xycoords=axes.get_xaxis_transform(),
                              textcoords="offset points", ha="center", size=7.5, color=MUTED)  # fmt: skip
                last = dots


def _plain(axes: Axes, y: bool = False) -> None:
    for axis in (axes.xaxis, axes.yaxis) if y else (axes.xaxis,):
        low, high = axis.get_view_interval()
        if high / low < 100:
            few = (1, 2, 5) if high / low > 10 else (1, 1.5, 2, 3, 4, 5, 7)
            axis.set_major_locator(LogLocator(subs=few, numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value))))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, color=GRID)
    axes.set_axisbelow(True)
