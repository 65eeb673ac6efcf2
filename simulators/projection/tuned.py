"""What a schedule's shape is worth where its peak rate is tuned for it, from runs of small models.

A surface gives the loss at the end of a cosine to a tenth, tuned. A schedule of another shape, at the peak that is best
for it, ends above or below that by ``WORTH`` times what the convex bound of Schaipp et al. (2025, arXiv:2501.18965,
theorem 1) rises or falls by: so it is in 31 pairs of shapes of one 124M model at the best of three to five peaks, from
no decay at all to a linear one, and in 38 pairs of nine sizes from 33M to 360M, which set nothing. The difference is
one in nats: from 33M to 360M, where what is to be won above the floor falls to a half, it stays as it is.
"""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np

from lehr.simulators.laws.hyper.schedule_shape import least_bound
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import Cosine, Warmup

WORTH = 0.24
"""Nats a token for a bound twice as high as the cosine's: least squares on the 124M pairs, which a test regenerates."""
LEAST_WORTH = 0.05
"""The same where it falls with what is to be won: a loss of 2.05 is a fifth as far from the floor of the default law as
those runs were. No pair says so, but none was larger than 360M."""
MOST_WORTH = 0.5
"""The same where it rises with tokens: a 610M model on 80 tokens a parameter beats 200 when its rate falls linearly to
zero instead of a tenth (Bergsma et al. 2025, arXiv:2502.15938, abstract); 0.073 nats by the default law."""
MISS = 0.02
"""Nats a token: more than the rule missed any of the 69 pairs by, all of them in view."""
RUNS_LOSS = 3.0
"""Nats a token where those runs ended; what shapes are worth in another unit is as large a share of the loss there."""
STEPS = (50_000, 15_000)
"""The longest and the shortest of the 124M runs: a run of any length is taken for one of so many steps."""
REFERENCE_PARTS = 1000
"""Equal parts of the cosine: its rate is constant within each."""


class Worth(msgspec.Struct, frozen=True, eq=False):
    """By how much the loss stands above that of a tuned cosine to a tenth (points,) [loss unit], and its bounds."""

    central: Floats
    low: Floats
    high: Floats


def worth(excess: Floats, level: Floats, unit: str) -> Worth:
    """What bounds that lie by ``excess`` (lengths, points) above the cosine's [1] are worth where the surface says
    ``level`` (points,) [``unit``]. The first of the lengths is the central one.

    >>> found = worth(np.array([[0.5, -0.1], [0.4, -0.08]]), np.array([2.0, 2.0]), "nats/token")
    >>> [side.round(4).tolist() for side in (found.central, found.low, found.high)]
    [[0.12, -0.024], [0.0, -0.07], [0.27, 0.016]]
    """
    scale = np.ones_like(level) if unit == "nats/token" else level / RUNS_LOSS
    all_of = np.stack([excess * LEAST_WORTH, excess * MOST_WORTH])
    return Worth(
        scale * WORTH * excess[0],
        scale * (all_of.min(axis=(0, 1)) - MISS),
        scale * (all_of.max(axis=(0, 1)) + MISS),
    )


def excess(rates: Floats, lengths: Floats, *, steps: int, warm_up: float = 0.0) -> float:
    """By how much the bound of a schedule of pieces lies above that of a cosine to a tenth of as many ``steps`` [1],
    each at the peak that is best for it: ``rates`` (pieces,), each for ``lengths`` (pieces,) of it, which sum to 1;
    the cosine warms up for the share ``warm_up``.

    >>> t = (np.arange(2000) + 0.5) / 2000
    >>> even = np.full(2000, 1 / 2000)
    >>> shapes = [np.ones(2000), np.minimum(1, (1 - t) / 0.1), np.minimum(1, (1 - t) / 0.2), 1 - t]
    >>> [round(excess(shape, even, steps=50_000), 3) for shape in shapes]
    [0.545, 0.002, -0.052, -0.122]
    """
    return least_bound(rates, lengths * steps) / _cosine_bound(steps, warm_up) - 1


@cache
def _cosine_bound(steps: int, warm_up: float) -> float:
    """The least bound of a cosine to a tenth over ``steps``, of which it warms up for the share ``warm_up`` [1]."""
    warmup = Warmup(fraction=warm_up) if warm_up else None
    rates = Cosine(peak=1.0, floor_ratio=0.1, warmup=warmup).resolve(REFERENCE_PARTS).values()
    return least_bound(rates, np.full(REFERENCE_PARTS, steps / REFERENCE_PARTS))
