"""Schedules that fall in a few sudden drops, which no smooth shape comes near and some laws like best."""

from __future__ import annotations

import numpy as np

from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.numerics.search import compass
from lehr.simulators.quantities import Floats
from lehr.simulators.scheduling.pieces import pieces_of, plateau

MOST_STAIRS = 6
SHARES = (0.01, 0.03, 0.1, 0.3)
"""Of the steps after warm-up, at which the first drop is looked for."""
FACTORS = (0.3, 0.03, 1e-3)
"""By which the first drop is looked for."""
LOWEST = 1e-6
"""The least rate, as a share of the peak."""
ADDED_SHARE, ADDED_FACTOR = 0.25, 0.2
"""Of the last stair's steps and rate: where the search for one more begins."""
GAIN = 1e-6
"""A stair that lowers the loss by less [loss_unit] is left out, and the search ends."""


def stairs(law: CurveLaw, warm_up: Floats, peak: float, n_steps: int) -> Floats:
    """Rates of ``n_steps`` updates that begin with ``warm_up``, stay at ``peak`` and fall in a few sudden drops, of
    least final loss by ``law``: one drop after a look over lengths and factors, then one more as long as that helps.

    >>> from lehr.simulators.laws.curves import MultiPower
    >>> law = MultiPower(name="x", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641)
    >>> rates = stairs(law, np.linspace(0.0, 3e-4, 100), 3e-4, 2000)
    >>> (1 + np.flatnonzero(np.diff(rates) < 0)).tolist(), round(law.final_loss(rates), 3)
    ([1897, 1984], 3.788)
    """
    rest = n_steps - len(warm_up)
    begin, ones = pieces_of(warm_up)

    def pieces(point: Floats) -> tuple[Floats, Floats]:
        """The rate of each piece after warm-up and how many steps it holds."""
        lengths = np.exp(point[::2])
        rates = peak * np.exp(np.concatenate([[0.0], np.cumsum(point[1::2])]))
        return rates, np.concatenate([[rest - lengths.sum()], lengths])

    def whole(point: Floats) -> Floats:
        rates, lengths = pieces(point)
        ends = np.cumsum(lengths).round().astype(int)
        return np.concatenate([warm_up, np.repeat(rates, np.diff(ends, prepend=0))])

    def loss(point: Floats) -> float:
        rates, lengths = pieces(point)
        if lengths[0] < 0 or (point[1::2] > 0).any() or rates[-1] < LOWEST * peak:
            return float("inf")
        held, longer = plateau(rates[0], lengths[0])
        return law.final_loss(np.concatenate([begin, held, rates[1:]]), np.concatenate([ones, longer, lengths[1:]]))

    looks = [np.log([max(share * rest, 1.0), factor]) for share in SHARES for factor in FACTORS]
    point, least = compass(loss, min(looks, key=loss), step=0.4, least=0.01)
    for _ in range(MOST_STAIRS - 1):
        last = float(np.exp(point[-2]))
        kept, added = last * (1 - ADDED_SHARE), last * ADDED_SHARE
        start = np.concatenate([point[:-2], np.log([kept]), point[-1:], np.log([added, ADDED_FACTOR])])
        longer, found = compass(loss, start, step=0.4, least=0.01)
        if found > least - GAIN:
            break
        point, least = longer, found
    return whole(point)
