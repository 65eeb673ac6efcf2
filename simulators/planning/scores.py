"""What a network would score on a benchmark, by a law of scores read at the loss that a law of the loss gives."""

from __future__ import annotations

import numpy as np

from lehr.simulators.laws.base import replicate
from lehr.simulators.laws.downstream import (
    AnyDownstreamLaw,
    DifficultyCluster,
    ExponentialError,
    PassRatePower,
    SigmoidScore,
    TaskLadder,
)
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.quantities import Amount, Floats

ROWS = 2000
"""Draws of the score: of the loss and of the law of scores, each on its own."""


def score_at(
    law: AnyDownstreamLaw, *, losses: Floats, loss_unit: str, size: float, tokens: float, flops: float
) -> Amount:
    """The score with its interval (95 %) [law.metric]: ``losses`` are the forecast and then draws of it, ``size`` is N
    by the law's own convention. The errors of both laws are chained, with the scatter of single networks about the law
    of scores; without an interval where neither says how sure it is.

    Raises ``ValueError`` where the law asks for a loss of another unit, or for what a plan does not know.

    >>> law = ExponentialError(name="x", title="", metric="error", benchmark="17 tasks", loss_unit="nats/token",
    ...     epsilon=0.85, k=2.08, gamma=0.756)
    >>> losses = np.array([2.5, 2.4, 2.6])
    >>> found = score_at(law, losses=losses, loss_unit="nats/token", size=1e9, tokens=1e11, flops=6e20)
    >>> round(found.value, 3), round(found.low, 2), round(found.high, 2)
    (0.536, 0.51, 0.56)
    """

    def asked(of: AnyDownstreamLaw, at: Floats) -> Floats:
        if isinstance(of, (ExponentialError, SigmoidScore)):
            return of.score(at)
        if isinstance(of, TaskLadder):
            return of.score(size, tokens)
        if isinstance(of, (PassRatePower, DifficultyCluster)):
            return of.score(flops)
        raise ValueError(f"{law.name} asks for scores of other benchmarks, which a plan does not know")

    if isinstance(law, (ExponentialError, SigmoidScore)) and law.loss_unit != loss_unit:
        raise ValueError(f"{law.name} asks for a loss in {law.loss_unit}, and this plan's is in {loss_unit}")
    value = float(asked(law, losses[0]))
    many = replicate(law)
    if many is None and len(losses) == 1:
        return Amount(value=value, unit=law.metric)
    rng = np.random.default_rng(4)
    drawn = losses[1:] if len(losses) > 1 else losses
    drawn = drawn[rng.integers(len(drawn), size=ROWS)]
    if many is None:
        scores = np.broadcast_to(asked(law, drawn), ROWS)
    else:
        rows = asked(many, drawn[:, None]) if isinstance(law, (ExponentialError, SigmoidScore)) else asked(many, drawn)
        scores = rows[np.arange(ROWS), rng.integers(rows.shape[-1], size=ROWS)] if rows.ndim > 1 else rows
        scatter = getattr(law.uncertainty, "residual", None) or 0.0
        scores = scores + scatter * rng.standard_normal(len(scores))
    low, high = np.clip(np.quantile(scores, [0.025, 0.975]), 0.0, 1.0)
    return Amount(value=value, low=float(low), high=float(high), unit=law.metric)


def losses_of(surface: Surface, read_at: tuple[float, float], unique: float | None, loss: float) -> Floats:
    """The forecast, and draws of it where the law says how sure it is; another vocabulary or repeats shift them all."""
    if replicate(surface) is None:
        return np.array([loss])
    asked = {} if unique is None else {"unique": unique}
    here = float(surface.loss(*read_at, **asked))
    return np.concatenate([[loss], surface.draws(*read_at, unique=unique) + loss - here])
