"""Curves as few numbers: what a page draws of learning rates and losses."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec
import numpy as np

from lehr.simulators.counting import ParameterCount
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.projection.forecast import Forecast
from lehr.simulators.projection.loss import loss_along
from lehr.simulators.projection.project import Projection
from lehr.simulators.quantities import Floats
from lehr.simulators.training import Stage

N_SAMPLES = 240
"""Updates of a stage at which its rate is read, before those on a straight line are left out."""
WITHIN = 0.005
"""Of the rate: how far a curve may lie beside the points that are kept. Less than the width of a line that is drawn."""
N_LOSSES = 24
"""Points of a law's curve, which is smooth in the logarithm of the tokens."""
SPAN = 300.0
"""How many times fewer tokens a law's curve begins at than it ends at."""


def rate_curve(stage: Stage) -> dict[str, Any] | None:
    """The learning rate over a stage, or ``None`` where schedule or length is not known.

    ``x`` are shares of the stage's tokens, or of its steps where its batch is not known; ``y`` the rates there.
    """
    curve = stage.curve()
    if curve is None:
        return None
    last = curve.n_steps - 1
    edges = np.cumsum([phase.steps for phase in curve.phases])
    # the two updates on each side of a phase's edge, so that a jump is drawn as one
    steps = np.unique(np.concatenate([np.linspace(0, last, N_SAMPLES).round(), edges - 1, edges])).astype(np.int64)
    steps = steps[(steps >= 0) & (steps <= last)]
    by = "steps"
    at = (steps + 1) / curve.n_steps
    if stage.batch is not None and stage.tokens_each is not None:
        clock = stage.batch.clock(stage.tokens_each)
        by = "tokens"
        at = np.asarray(clock.tokens_at(steps + 1), dtype=float) / float(clock.tokens_at(curve.n_steps))
    rates = np.asarray(curve.at(steps), dtype=float)
    kept = keep(at, rates, WITHIN)
    return {"by": by, "x": rounded(at[kept], 6), "y": rounded(rates[kept], 4)}


def keep(x: Floats, y: Floats, within: float) -> list[int]:
    """The points of a curve (points,) to keep so that straight lines between them stay ``within`` this share of it
    (Douglas and Peucker's search).

    >>> keep(np.arange(5.0), np.array([0.0, 1.0, 2.0, 3.0, 0.0]), 0.01)
    [0, 3, 4]
    """
    kept = {0, len(x) - 1}
    open_parts = [(0, len(x) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        line = np.interp(x[inner], [x[first], x[last]], [y[first], y[last]])
        # in units of what is allowed; a rate of nothing allows nothing but rounding
        off = np.abs(y[inner] - line) / (within * np.abs(y[inner]) + 1e-12 * np.abs(y).max() + 1e-300)
        worst = int(np.argmax(off))
        if off[worst] > 1:
            middle = first + 1 + worst
            kept.add(middle)
            open_parts += [(first, middle), (middle, last)]
    return sorted(kept)


def rounded(values: Floats, digits: int) -> list[float]:
    """Numbers (points,) to so many digits.

    >>> rounded(np.array([0.123456, 2e-5 / 3]), 3)
    [0.123, 6.67e-06]
    """
    return [float(f"{value:.{digits}g}") for value in values]


def loss_curves(laws: Sequence[ScalingLaw], count: ParameterCount, projection: Projection) -> dict[str, Any]:
    """By law the loss over cumulative tokens up to the end of pre-training; nothing where no stage has a loss."""
    trained = [s for s in projection.stages if s.loss and s.cumulative_tokens]
    if not trained:
        return {}
    last = trained[-1]
    end = last.cumulative_tokens or 0.0
    tokens = rounded(np.geomspace(end / SPAN, end, N_LOSSES), 6)
    curves: dict[str, Any] = {}
    for law in laws:
        loss = loss_along(law, count, np.array(tokens), flops_per_token=last.flops_per_token)
        lines = {"value": loss.value, "low": loss.low, "high": loss.high}
        curves[law.name] = {
            "tokens": tokens,
            **{name: rounded(line, 5) for name, line in lines.items() if line is not None},
        }
    return curves


def forecast_curve(found: Forecast | None) -> dict[str, Any] | None:
    """The loss under a recipe's own schedules, or ``None`` where they are not known."""
    if found is None:
        return None
    return {
        "tokens": rounded(found.tokens, 6),
        "value": rounded(found.central, 5),
        "low": rounded(found.low, 5),
        "high": rounded(found.high, 5),
        "stages": [msgspec.to_builtins(stage) for stage in found.stages],
        "known_until": found.known_until if isfinite(found.known_until) else None,
        "rises": found.rises,
    }
