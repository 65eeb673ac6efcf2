"""Tokens, training FLOPs and cost of each stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, SERIES, clear_frame, new_figure
from lehr.recipes.presenting.numbers import dollars, estimate, quantity
from lehr.recipes.report.facts import ReportData
from lehr.simulators.quantities import Amount


def draw(data: ReportData) -> tuple[Figure, Picture] | None:
    """Horizontal bars, one panel for each quantity, stages in order from the top; nothing where nothing is known."""
    stages = data.projection.stages
    if all(s.tokens is None and s.flops is None and s.time is None for s in stages):
        return None
    names = [s.name for s in stages]
    hours = [s.time.hours if s.time else None for s in stages]
    cost = [s.time.cost if s.time else None for s in stages]
    figure = new_figure(1.0 + 0.36 * len(stages))
    panels = figure.subplots(1, 4, sharey=True, gridspec_kw={"wspace": 0.12})
    plain = [None if s.tokens is None else Amount(value=s.tokens, unit="tokens") for s in stages]
    flops = [None if s.flops is None else Amount(value=s.flops, unit="FLOP") for s in stages]
    _panel(panels[0], "Tokens", plain, quantity, SERIES[0])
    _panel(panels[1], "Training FLOPs", flops, estimate, SERIES[1])
    _panel(panels[2], "Accelerator-hours", hours, estimate, SERIES[2])
    _panel(panels[3], "Cost, USD", cost, dollars, SERIES[3])
    panels[0].set_yticks(range(len(names)), names, color=INK)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    figure.subplots_adjust(left=_margin(names), right=0.985, top=1 - 0.42 / figure.get_figheight(), bottom=0.06)
    known = "; ".join(
        f"{s.name}: {quantity(s.tokens)} tokens, {quantity(s.flops)} FLOP"
        + (f", {quantity(s.time.hours.value)} accelerator-hours" if s.time else "")
        for s in stages
        if s.tokens is not None and s.flops is not None
    )
    return figure, Picture(
        name="work",
        title="Tokens, work, time and cost of each stage",
        caption="Linear scales, each panel its own. A whisker is the interval of the projection.",
        alternative=f"Bars for each stage. {known or 'No stage has a published length'}.",
    )


def _margin(names: Sequence[str]) -> float:
    """The share of the width that the longest name needs."""
    return 0.025 + 0.0078 * max(len(n) for n in names)


def _panel(
    axes: Axes, title: str, amounts: Sequence[Amount | None], shown: Callable[[float], str], colour: str
) -> None:
    top = max((max(a.value, a.high or 0.0) for a in amounts if a is not None), default=0.0) or 1.0
    clear_frame(axes, keep="left")
    axes.tick_params(length=0)
    axes.spines["left"].set_color(GRID)
    axes.set_xticks([])
    # room on the right for the label of the longest bar
    axes.set_xlim(0, top * 1.62)
    axes.set_title(title)
    for row, amount in enumerate(amounts):
        if amount is None:
            axes.text(top * 0.03, row, "unknown", va="center", color=MUTED, style="italic", size=8.5)
            continue
        axes.barh(row, amount.value, height=0.56, color=colour)
        end = amount.value
        if amount.low is not None and amount.high is not None:
            axes.plot([amount.low, amount.high], [row, row], color=INK, linewidth=1.0)
            end = max(end, amount.high)
        axes.text(end + top * 0.04, row, shown(amount.value), va="center", size=9)
