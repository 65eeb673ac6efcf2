"""The loss over all pre-training stages, by every law."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, SERIES, new_figure
from lehr.recipes.presenting.numbers import between, loss, quantity
from lehr.recipes.report.facts import ReportData
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.projection.forecast import Forecast
from lehr.simulators.projection.loss import loss_along
from lehr.simulators.projection.project import StageProjection
from lehr.simulators.quantities import Amount

N_POINTS = 41
RIGHT = 0.70
"""Where the curves end; the labels stand to the right of it."""


def draw(data: ReportData) -> tuple[Figure, Picture] | None:
    """Loss against cumulative tokens, one panel for each unit of loss; nothing where no stage has a loss."""
    stages = [s for s in data.projection.stages if s.loss and s.cumulative_tokens]
    if not stages:
        return None
    units = list(dict.fromkeys(law.loss_unit for law in data.laws))
    figure = new_figure(0.4 + 3.1 * len(units))
    panels = figure.subplots(len(units), 1, sharex=True, squeeze=False)[:, 0]
    for axes, unit in zip(panels, units, strict=True):
        _panel(axes, data, stages, [law for law in data.laws if law.loss_unit == unit], unit)
    panels[-1].set_xlabel("Tokens of pre-training so far, those of the base model included (logarithmic)")
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.075, right=RIGHT, top=1 - 0.38 / height, bottom=0.52 / height, hspace=0.3)
    last = stages[-1]
    reached = "; ".join(f"{law.title}: {loss(a.value)} {a.unit}" for law in data.laws if (a := last.loss.get(law.name)))
    sparse = data.projection.parameters.active["all"] < data.projection.parameters.total
    if sparse:
        band = "Band: from a dense model of the total parameters to one of the active ones. "
    else:
        banded = any(a.low is not None for a in last.loss.values())
        band = "Band: the law's own interval at 95 %, where it has one. " if banded else ""
    return figure, Picture(
        name="loss",
        title="Projected loss over pre-training",
        caption=f"Dashed: outside the runs that the law was fitted on. {band}Dots: the end of a stage. "
        f"The laws give the loss at the end of a schedule of that length.{_course_words(data)}",
        alternative="Curves that fall with the tokens. "
        f"After {quantity(last.cumulative_tokens or 0.0, 4)} tokens: {reached}.",
    )


def _course_words(data: ReportData) -> str:
    """What the line in the colour of the text is, where there is one."""
    if data.forecast is None:
        return ""
    change = "" if data.forecast.known_until == inf else "; dotted after the data changes, whose shift is not modelled"
    whose = f"the loss under the recipe's own schedules, by {data.laws[0].title}, with its band{change}."
    return f" In the colour of the text: {whose}"


def _panel(axes: Axes, data: ReportData, stages: list[StageProjection], laws: list[ScalingLaw], unit: str) -> None:
    count, base = data.projection.parameters, data.recipe.base
    end = max(s.cumulative_tokens or 0.0 for s in stages)
    seen = base.n_tokens if base is not None and base.n_tokens else None
    start = min(seen / 3, end / 10) if seen else end / 300
    grid = [start * (end / start) ** (i / (N_POINTS - 1)) for i in range(N_POINTS)]
    finals: list[tuple[ScalingLaw, Amount, str]] = []
    for law, colour in zip(laws, SERIES, strict=False):
        curve = loss_along(law, count, np.array(grid), flops_per_token=stages[-1].flops_per_token)
        smallest = count.at(law.n_convention, stages[-1].flops_per_token)[0]
        outside = [bool(law.warnings(smallest, tokens)) for tokens in grid]
        values = curve.value
        for i in range(N_POINTS - 1):
            # one segment at a time would break the dashes; a run of equal ones is one line
            if i == 0 or outside[i] != outside[i - 1]:
                end_of_run = next((j for j in range(i, N_POINTS) if outside[j] != outside[i]), N_POINTS - 1)
                style = (0, (4, 2)) if outside[i] else "solid"
                axes.plot(grid[i : end_of_run + 1], values[i : end_of_run + 1], color=colour, linestyle=style)
        if curve.low is not None and curve.high is not None:
            axes.fill_between(grid, curve.low, curve.high, color=colour, alpha=0.13, linewidth=0)
        dots = [(s.cumulative_tokens or 0.0, s.loss[law.name].value) for s in stages if law.name in s.loss]
        axes.plot([x for x, _ in dots], [y for _, y in dots], "o", color=colour, markersize=4)
        finals.append((law, curve.at(-1), colour))
        if data.forecast is not None and law is data.laws[0]:
            _course(axes, data.forecast)
    axes.set_xscale("log")
    axes.set_xlim(start, end)
    axes.set_ylabel(f"Loss [{unit}]")
    axes.grid(axis="y")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: quantity(x)))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    _label_laws(axes, finals)
    _mark_stages(axes, stages, start, end)
    if seen and base is not None:
        axes.axvline(seen, color=MUTED, linewidth=0.9)
        # the curves have fallen by here, so that there is room at the top
        text = f"{base.model},\n{quantity(seen, 4)} tokens"
        grey: Any = {"textcoords": "offset points", "color": MUTED, "size": 8.5, "ha": "right", "va": "top"}
        axes.annotate(text, (seen, high), (-5, -2), **grey)


def _course(axes: Axes, course: Forecast) -> None:
    """The loss under the recipe's own schedules with its band; dotted once the data has changed."""
    after = course.tokens >= course.known_until
    for part, style in ((~after, "solid"), (after, (0, (1, 1.5)))):
        # the first point after the change joins the two
        joined = part | np.roll(part, 1) & ~part if style == "solid" else part
        joined[0] = part[0]
        axes.plot(course.tokens[joined], course.central[joined], color=INK, linewidth=1.1, linestyle=style)
    axes.fill_between(course.tokens, course.low, course.high, color=INK, alpha=0.1, linewidth=0)


def _label_laws(axes: Axes, finals: Sequence[tuple[ScalingLaw, Amount, str]]) -> None:
    """Name each curve at its right end; labels that would touch are moved apart, inside the panel."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.2
    ranked = sorted(finals, key=lambda f: f[1].value)
    places: list[float] = []
    for _, amount, _ in ranked:
        lowest = places[-1] + gap if places else low + gap / 2
        places.append(max(amount.value, lowest))
    for (law, amount, colour), y in zip(ranked, places, strict=True):
        interval = f" ({between(amount, loss)})" if between(amount, loss) else ""
        axes.annotate(
            f"{fill(law.title, 32)}\n{loss(amount.value)}{interval}",
            (1, (y - low) / (high - low)),
            xycoords="axes fraction",
            xytext=(8, 0),
            textcoords="offset points",
            color=colour,
            size=9,
            va="center",
            annotation_clip=False,
        )


def _mark_stages(axes: Axes, stages: list[StageProjection], start: float, end: float) -> None:
    """A line at the end of each stage with its name above; stages that end close together share one name."""
    groups: list[tuple[float, list[str]]] = []
    for stage in stages:
        x = log((stage.cumulative_tokens or start) / start) / log(end / start)
        axes.axvline(stage.cumulative_tokens or start, color=GRID, linewidth=0.9, zorder=0)
        if groups and x - groups[-1][0] < 0.012 * len(stage.name) + 0.02:
            groups[-1] = (x, [*groups[-1][1], stage.name])
        else:
            groups.append((x, [stage.name]))
    for x, names in groups:
        axes.text(
            x,
            1.02,
            " + ".join(names),
            transform=axes.transAxes,
            ha="right" if x > 0.5 else "left",
            va="bottom",
            size=8.5,
            color=INK,
        )
