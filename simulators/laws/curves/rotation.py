"""How far a step turns the weights: the learning rate over their norm, which weight decay draws to an equilibrium.

A layer before a normalisation does not feel the size of its weights, so that a step is as long as it turns them. With
an update of fixed size, as Adam's is nearly, and decoupled weight decay lambda, the mean square w of the weights
obeys dw = -2 lambda eta w + c eta^2 (the equilibrium of Kosson et al., arXiv:2305.17212). In M = 2 lambda w / c,
which has the unit of a learning rate, it is dM = 2 lambda eta (eta - M): M goes to the rate, within 1 / (2 lambda
eta) steps, and a step turns the weights by r = eta / sqrt(M). At a rate that was held for long r is the root of the
rate; where the rate falls fast, r falls as fast as the rate. So laws in r carry over from one peak rate to another,
and laws in eta do not.
"""

from __future__ import annotations

import msgspec
import numpy as np

from lehr.simulators.laws.curves.kernels import decaying_sum
from lehr.simulators.quantities import Floats


class Turning(msgspec.Struct, frozen=True, eq=False):
    """``turn``: r of each piece (pieces,) [root of learning rate]; ``middle`` and ``before``: M in the middle of each
    piece and before it (pieces,) [learning rate]; ``exponent``: 2 lambda eta times the steps of the piece (pieces,)."""

    turn: Floats
    middle: Floats
    before: Floats
    after: Floats
    exponent: Floats


def turning(rates: Floats, steps: Floats | None = None, *, weight_decay: float, start: float) -> Turning:
    """r of pieces of constant ``rates`` (pieces,), each for ``steps`` (pieces,) or one, from M = ``start``.

    Exact for M; r is taken in the middle of a piece. Without weight decay M stays where it began.

    >>> turning(np.full(200_000, 4e-4), weight_decay=0.1, start=1e-4).turn[[0, -1]].round(4)
    array([0.04, 0.02])
    """
    if weight_decay == 0.0:
        held = np.full_like(rates, start)
        return Turning(rates / np.sqrt(start), held, held, held, np.zeros_like(rates))
    # nothing is left of the past after e^-50
    exponent = np.minimum(2 * weight_decay * (rates if steps is None else rates * steps), 50.0)
    clock = np.cumsum(exponent)
    after, _ = decaying_sum(rates * np.expm1(exponent), clock.copy(), start, float(exponent.max()))
    before = np.concatenate([[start], after[:-1]])
    half = np.exp(exponent * -0.5)
    middle = before * half + rates * (1 - half)
    return Turning(rates / np.sqrt(middle), middle, before, after, exponent)


def rates_slope(by_turn: Floats, rates: Floats, steps: Floats | None, found: Turning, weight_decay: float) -> Floats:
    """The derivative by every rate (pieces,), from that by every r, of a function of the turning of ``rates``.

    A rate acts on its own r and, by M, on those of all later pieces: a sum backwards over the pieces.

    >>> rates = np.array([1e-3, 5e-4])
    >>> here = turning(rates, weight_decay=100.0, start=1e-3)
    >>> slope = rates_slope(np.array([0.0, 1.0]), rates, None, here, 100.0)      # of the last r
    >>> more = turning(rates + [1e-9, 0.0], weight_decay=100.0, start=1e-3)
    >>> bool(abs((more.turn[1] - here.turn[1]) / 1e-9 / slope[0] - 1) < 1e-5)
    True
    """
    direct = by_turn / np.sqrt(found.middle)
    if weight_decay == 0.0:
        return direct
    by_middle = -0.5 * by_turn * found.turn / found.middle
    whole, half = np.exp(-found.exponent), np.exp(found.exponent * -0.5)
    backwards = (by_middle * np.exp(found.exponent * 0.5))[::-1].copy()
    by_before, _ = decaying_sum(backwards, np.cumsum(found.exponent[::-1]), 0.0, float(found.exponent.max()))
    by_after = np.concatenate([by_before[::-1][1:], [0.0]])
    away = 2 * weight_decay * (1.0 if steps is None else steps) * (rates - found.before)
    return np.asarray(direct + by_middle * ((1 - half) + 0.5 * away * half) + by_after * ((1 - whole) + away * whole))
