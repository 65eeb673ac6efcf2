"""The trade-off of a plan as pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from lehr.recipes.planning.result import Planned
from lehr.recipes.planning.text import shape_of
from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, SERIES, new_figure
from lehr.recipes.presenting.tables import short
from lehr.simulators.laws.base import replicate
from lehr.simulators.planning.reading import size_for

LEVELS = 12
"""Iso-loss lines."""


def draw_all(plan: Planned) -> list[tuple[Figure, Picture]]:
    """Loss along the ladder, and the plane of parameters and tokens; none for a single network."""
    if len(plan.plan.candidates) < 3:
        return []
    return [along_the_ladder(plan), *([plane(plan)] if plan.surface is not None else [])]


def along_the_ladder(plan: Planned) -> tuple[Figure, Picture]:
    """What each network would reach at the budget, a line for each number of experts."""
    figure = new_figure(4.0)
    axes = figure.subplots()
    chosen = plan.plan.chosen
    for expansion, colour in zip(sorted({c.expansion for c in plan.plan.candidates}), SERIES, strict=False):
        mine = [c for c in plan.plan.candidates if c.expansion == expansion]
        label = "dense" if expansion == 1 else f"{plan.top_k} of {plan.top_k * expansion} experts"
        axes.plot([c.active for c in mine], [c.loss for c in mine], color=colour, marker="o", markersize=3, label=label)
        if mine[0].regret_low is not None:
            low = [chosen.loss + (c.regret_low or 0.0) for c in mine]
            high = [chosen.loss + (c.regret_high or 0.0) for c in mine]
            axes.fill_between([c.active for c in mine], low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(chosen.active, chosen.loss, marker="o", markersize=9, markerfacecolor="none", color=INK, linestyle="none")
    active = np.log([c.active for c in plan.plan.candidates])
    along = (np.log(chosen.active) - active.min()) / max(float(np.ptp(active)), 1e-9)
    # near an end of the ladder the words would leave the picture
    side = "right" if along > 0.8 else "left" if along < 0.2 else "center"
    axes.annotate(shape_of(chosen, plan.top_k), (chosen.active, chosen.loss), xytext=(0, -16),
                  textcoords="offset points", size=8.5, color=INK, ha=side)  # fmt: skip
    axes.set_xscale("log")
    losses = np.array([c.loss for c in plan.plan.candidates])
    # networks that end alike, as where data limits all of them, leave no span
    span = max(float(np.quantile(losses, 0.6) - losses.min()), 1e-3 * float(losses.min()))
    axes.set_ylim(losses.min() - 0.25 * span, losses.min() + 1.6 * span)
    axes.set_xlabel("Active parameters, both tables included")
    axes.set_ylabel(f"Loss by {plan.surface.name if plan.surface else plan.law.name}, {plan.plan.loss_unit}")
    _plain(axes)
    if plan.network != "dense":
        axes.legend(frameon=False, fontsize=8)
    figure.subplots_adjust(left=0.09, right=0.97, top=0.96, bottom=0.13)
    spends = "the same" if all(c.useful == 1 for c in plan.plan.candidates) else "at most"
    best = f"{shape_of(chosen, plan.top_k)} on {short(chosen.tokens)} tokens, loss {chosen.loss:.3f}"
    return figure, Picture(
        name="ladder",
        title="What each network of the ladder would reach",
        caption=f"Each point spends {spends} {plan.bought.work.value:.3g} FLOP; smaller networks see more tokens. The "
        "band is what the law's certainty leaves of the difference to the chosen network (95 %).",
        alternative=f"Loss along the ladder; the least is {best}.",
    )


def plane(plan: Planned) -> tuple[Figure, Picture]:
    """Iso-loss contours over parameters and tokens with iso-FLOP lines, the dense ladder at the budget, and the optimum
    of every replica of the law."""
    law, chosen = plan.surface, plan.plan.chosen
    assert law is not None
    dense = [(key, rung) for key, rung in plan.rungs.items() if key[1] == 1] or list(plan.rungs.items())
    n = np.array([size_for(law, rung) for _, rung in dense])
    left = plan.bought.work.value - np.array([rung.forward for _, rung in dense]) * plan.demand.served
    d = np.where(left > 0, left, np.nan) / np.array([rung.training for _, rung in dense])
    centre_n, centre_d = float(chosen.active), chosen.tokens
    x = np.geomspace(centre_n / 30, centre_n * 30, 200)
    y = np.geomspace(centre_d / 30, centre_d * 30, 200)
    losses = law.loss(x[None, :], y[:, None])
    figure = new_figure(4.8)
    axes = figure.subplots()
    lines = axes.contour(x, y, losses, levels=LEVELS, colors=MUTED, linewidths=0.7)
    axes.clabel(lines, fmt=lambda value: f"{value:.2f}", fontsize=7.5, inline_spacing=2)
    for factor in (0.01, 0.1, 1, 10, 100):
        axes.plot(x, plan.bought.work.value * factor / 6 / x, color=GRID if factor != 1 else SERIES[0], linewidth=1.0,
                  linestyle="--")  # fmt: skip
    axes.plot(n, d, color=SERIES[0], marker="o", markersize=2.5, linewidth=1.2)
    many = replicate(law, 1)
    if many is not None and plan.demand.unique is None:
        sizes = np.geomspace(centre_n / 30, centre_n * 30, 2000)
        tokens = np.exp(np.interp(np.log(sizes), np.log(n), np.log(np.where(np.isfinite(d), d, 1.0))))
        best = np.argmin(many.loss(sizes, tokens), axis=1)
        low, high = np.quantile(sizes[best], [0.025, 0.975])
        inside = (sizes >= low) & (sizes <= high)
        axes.plot(sizes[inside], tokens[inside], color=SERIES[1], linewidth=6, alpha=0.45, solid_capstyle="round")
    axes.plot(centre_n, centre_d, marker="o", markersize=9, markerfacecolor="none", color=INK)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    axes.set_xlabel(f"Parameters, {law.n_convention.replace('_', ' ')}; of a mixture those of one token")
    axes.set_ylabel("Tokens")
    _plain(axes, y=True)
    figure.subplots_adjust(left=0.09, right=0.97, top=0.97, bottom=0.11)
    return figure, Picture(
        name="plane",
        title="Iso-loss and iso-FLOP",
        caption=f"Grey lines: loss by {law.name}, {plan.plan.loss_unit}, every token unique. Dashed: 6 N D at 0.01 "
        "to 100 times the budget. Blue: the dense ladder at the budget by exact FLOPs. Orange: where the optimum "
        "of dense networks lies in 95 % of the law's replicas. Circle: the plan.",
        alternative=f"The plan lies at {short(centre_n)} parameters and {short(centre_d)} tokens.",
    )


def _plain(axes: object, y: bool = False) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    for axis in (axes.xaxis, axes.yaxis) if y else (axes.xaxis,):
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value))))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, color=GRID)
    axes.set_axisbelow(True)
