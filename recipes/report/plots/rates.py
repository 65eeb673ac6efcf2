"""The learning rate over all stages."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, PAPER, SERIES, new_figure
from lehr.recipes.presenting.numbers import power, quantity, rate, whole
from lehr.recipes.report.facts import ReportData
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import Curve
from lehr.simulators.training import Stage

N_POINTS = 1500
LOGARITHMIC_FROM = 8.0
"""A logarithmic axis where the highest published rate is this many times the lowest stage's peak or final rate."""


def draw(data: ReportData) -> tuple[Figure, Picture] | None:
    """One band a stage, each with its own scale of tokens or steps; one without a published schedule is hatched.

    Nothing is drawn where no schedule is known.
    """
    stages = [(name, stage, stage.curve()) for name, stage in data.recipe.ordered()]
    if all(curve is None for _, _, curve in stages):
        return None
    ends = [value for _, _, c in stages if c is not None for value in (c.peak, c.final) if value > 0]
    figure = new_figure(3.6 if ends else 1.8)
    axes = figure.subplots()
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.115, right=0.985, top=1 - 0.43 / height, bottom=0.32 / height)
    axes.set_xticks([])
    logarithmic = _scale(axes, ends)
    axes.set_ylabel(f"Learning rate{' (logarithmic)' if logarithmic else ''}")
    widths = [_weight(data, name, curve) for name, _, curve in stages]
    axes.set_xlim(0, plain_sum(widths))
    left = 0.0
    for i, ((name, stage, curve), width) in enumerate(zip(stages, widths, strict=True)):
        _draw_band(axes, Band(left, width, name, stage, curve), shaded=i % 2 == 0)
        left += width
    described = "; ".join(
        f"{name}: " + ("not known" if c is None else f"peak {rate(c.peak)}, at the end {rate(c.final)}")
        for name, _, c in stages
    )
    return figure, Picture(
        name="learning_rate",
        title="Learning rate over all stages",
        caption="Each stage has its own scale of tokens, or of steps where its batch is not known."
        + (" Hatched: no schedule, or no length, is known." if any(c is None for _, _, c in stages) else ""),
        alternative=f"One band a stage. {described}.",
    )


def _scale(axes: Axes, ends: list[float]) -> bool:
    """Set up the axis of rates between the lowest and the highest of ``ends``; is it logarithmic?"""
    if not ends:
        axes.set_yticks([])
        return False
    highest, lowest = max(ends), min(ends)
    axes.grid(axis="y")
    if highest / lowest < LOGARITHMIC_FROM:
        axes.set_ylim(-0.1 * highest, 1.15 * highest)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: "" if y < 0 else rate(float(f"{y:.6g}"))))
        axes.spines["bottom"].set_position(("data", 0))
        return False
    axes.set_yscale("log")
    axes.set_ylim(lowest / 2.5, highest * 1.9)
    steps = (1.0,) if highest / lowest > 60 else (1.0, 2.0, 5.0)
    axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=12))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: power(y, 1)))
    return True


def _weight(data: ReportData, name: str, curve: Curve | None) -> float:
    """The width of a band: the longest known stage has more room, a stage without a curve less."""
    if curve is None:
        return 0.9
    tokens = {s.name: s.tokens or 0.0 for s in data.projection.stages}
    return 2.6 if tokens[name] == max(tokens.values()) > 0 else 1.2


class Band(msgspec.Struct, frozen=True):
    """A stage's place on the axis and what is drawn there."""

    left: float
    width: float
    name: str
    stage: Stage
    curve: Curve | None

    @property
    def middle(self) -> float:
        """The centre of the band on the axis."""
        return self.left + self.width / 2


def _draw_band(axes: Axes, band: Band, *, shaded: bool) -> None:
    right, blend = band.left + band.width, axes.get_xaxis_transform()
    if shaded:
        axes.axvspan(band.left, right, color=GRID, alpha=0.3, linewidth=0, zorder=0)
    if band.left:
        axes.axvline(band.left, color=MUTED, linewidth=0.7)
    above: Any = {"xycoords": blend, "textcoords": "offset points", "ha": "center"}
    axes.annotate(band.stage.kind, (band.middle, 1), (0, 4), color=MUTED, size=8.5, **above)
    axes.annotate(band.name, (band.middle, 1), (0, 16), weight="bold", size=9, **above)
    if band.curve is None:
        axes.axvspan(band.left, right, facecolor="none", edgecolor=GRID, hatch="///", linewidth=0)
        schedule = band.stage.schedule
        text = "not\npublished" if schedule is None else f"peak\n{rate(schedule.peak)},\nlength not\npublished"
        paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 2.0}
        axes.text(band.middle, 0.5, text, transform=blend, ha="center", va="center", color=MUTED, size=8.5, bbox=paper)
        return
    last = band.curve.n_steps - 1
    edges = np.cumsum([phase.steps for phase in band.curve.phases])
    # the two updates on each side of a phase's edge, so that a jump is drawn as one
    steps = np.unique(np.concatenate([np.linspace(0, last, N_POINTS).round(), edges - 1, edges])).astype(np.int64)
    steps = steps[(steps >= 0) & (steps <= last)]
    rates = band.curve.at(steps)
    position, length = _positions(band.stage, steps, band.curve.n_steps)
    # on a logarithmic axis a rate of zero lies below the panel: the curve leaves it there
    shown = np.maximum(rates, axes.get_ylim()[0] / 100) if axes.get_yscale() == "log" else rates
    axes.plot(band.left + band.width * position, shown, color=SERIES[0], solid_joinstyle="round")
    axes.text(band.middle, -0.04, length, transform=blend, ha="center", va="top", size=8.5, color=MUTED)
    _label_values(axes, band, band.curve)


def _positions(stage: Stage, steps: NDArray[np.int64], n_steps: int) -> tuple[Floats, str]:
    """Where each step lies in its stage [0 to 1], by tokens where they are known, and how long the stage is."""
    if stage.batch is None or stage.tokens_each is None:
        return (steps + 1) / n_steps, f"{whole(n_steps)} steps"
    clock = stage.batch.clock(stage.tokens_each)
    # an update stands where its batch has been seen
    tokens = np.asarray(clock.tokens_at(steps + 1), dtype=float)
    end = float(clock.tokens_at(n_steps))
    return tokens / end, f"{quantity(stage.n_tokens or end, 4)} tokens"


def _label_values(axes: Axes, band: Band, curve: Curve) -> None:
    """The peak above the curve and, where it differs, the final rate at its end."""
    constant = curve.peak == curve.final
    x, align = (band.middle, "center") if constant else (band.left + 0.04 * band.width, "left")
    _label(axes, rate(curve.peak), (x, curve.peak), align)
    if not constant:
        # a curve comes down from the left, so that there is room below its end
        low = axes.get_ylim()[0]
        end = (band.left + band.width, max(curve.final, low))
        inside = curve.final > low
        text = rate(curve.final) if inside else f"to {rate(curve.final)}"
        _label(axes, text, end, "right", offset=(-4, -4 if inside else 4))


def _label(axes: Axes, text: str, at: tuple[float, float], align: str, offset: tuple[int, int] = (0, 4)) -> None:
    """Text just above a point, or below it where the offset goes down."""
    below = "top" if offset[1] < 0 else "bottom"
    axes.annotate(text, at, offset, textcoords="offset points", ha=align, va=below, size=8.5, color=INK)
