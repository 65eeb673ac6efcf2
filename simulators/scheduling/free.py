"""The schedule of least final loss among all that never rise after warm-up: the bound of what a shape can reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.numerics.search import projected_descent
from lehr.simulators.quantities import Floats
from lehr.simulators.scheduling.final import final_loss
from lehr.simulators.scheduling.pieces import pieces_of

N_KNOTS = 256
"""Points between which the free form is straight."""
LOWEST = 1e-6
"""The least rate of a knot, as a share of the peak."""
MOST_STEPS = 200
"""Of the descent from one start."""
MOST_PIECES, PARTS = 8192, 16
"""Of constant rate, in which a descent reads a schedule; of longer ones so many between two knots."""
STEEPEST = 2.0
"""The largest fall of the logarithm of the rate from one knot to the next."""


def knots(first: int, n_steps: int, n: int = N_KNOTS) -> Floats:
    """Steps at which the free form may bend: half of them evenly spaced, half denser and denser towards the end.

    >>> knots(100, 1000, 8).tolist()
    [100.0, 325.0, 550.0, 774.0, 940.0, 991.0, 998.0, 999.0]
    """
    last = float(n_steps - 1)
    even = np.linspace(first, last, n // 2 + 1)
    late = last - np.geomspace(1.0, max((last - first) / 2, 1.0), n // 2)
    return np.unique(np.concatenate([even, late[late > first]]).round())


def free_form(law: CurveLaw, warm_up: Floats, peak: float, n_steps: int, starts: Sequence[Floats]) -> Floats:
    """Rates of ``n_steps`` updates that begin with ``warm_up`` and then never rise, of least final loss by ``law``.

    The rate at each knot is that of the one before times exp(-u), u >= 0; a projected descent along the law's own
    slope goes down from each of ``starts`` (n_steps,). The result is a local optimum of a problem that is not convex,
    at least as good as every start. Raises ``ValueError`` for a form without a slope.

    >>> from lehr.simulators.laws.curves import MultiPower
    >>> law = MultiPower(name="x", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641)
    >>> flat = np.full(2000, 3e-4)
    >>> free = free_form(law, flat[:100], 3e-4, 2000, [flat])
    >>> bool((np.diff(free) <= 0).all()), round(final_loss(law, flat), 2), round(final_loss(law, free), 2)
    (True, 3.83, 3.78)
    """
    first = len(warm_up)
    at = knots(first, n_steps)
    edges = piece_edges(at, n_steps)
    held = np.diff(edges)
    # the rate of a piece is that of the middle of its steps
    steps = edges[:-1] + (held - 1) / 2
    right = np.clip(np.searchsorted(at, steps, side="right"), 1, len(at) - 1)
    share = (steps - at[right - 1]) / (at[right] - at[right - 1])
    begin, ones = pieces_of(warm_up)
    lengths = np.concatenate([ones, held])
    every = np.arange(first, n_steps, dtype=float)

    def at_knots_of(u: Floats) -> Floats:
        return np.asarray(np.maximum(peak * np.exp(-np.cumsum(u)), peak * LOWEST))

    def whole(u: Floats) -> Floats:
        return np.concatenate([warm_up, np.interp(every, at, at_knots_of(u))])

    def objective(u: Floats) -> tuple[float, Floats]:
        at_knots = at_knots_of(u)
        # in this form equal knots give equal rates, to the last bit
        between = at_knots[right - 1] + share * (at_knots[right] - at_knots[right - 1])
        loss, slope = law.final_slope(np.concatenate([begin, between]), lengths)
        slope = slope[len(begin) :]
        by_knot = np.bincount(right - 1, (1 - share) * slope, len(at)) + np.bincount(right, share * slope, len(at))
        by_log = np.where(at_knots > peak * LOWEST, by_knot * at_knots, 0.0)
        return loss, -np.cumsum(by_log[::-1])[::-1]

    best, least = starts[0], np.inf
    for start in starts:
        if (loss := final_loss(law, start)) < least:
            best, least = start, loss
        log_rate = np.log(np.maximum(start[at.astype(int)], peak * LOWEST) / peak)
        u = np.clip(-np.diff(log_rate, prepend=0.0), 0.0, STEEPEST)
        point, _ = projected_descent(objective, u, STEEPEST, steps=MOST_STEPS, enough=1e-7)
        found = whole(point)
        if (loss := final_loss(law, found)) < least:
            best, least = found, loss
    return best


def piece_edges(at: Floats, n_steps: int) -> Floats:
    """Where the pieces begin and end that stand for the steps between knots ``at``: every step, or a few a knot.

    >>> piece_edges(np.array([0.0, 2.0, 4.0]), 5).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    if n_steps - at[0] <= MOST_PIECES:
        return np.arange(at[0], n_steps + 1)
    parts = np.linspace(at[:-1], at[1:], PARTS, endpoint=False).T.ravel()
    return np.unique(np.concatenate([parts.round(), [at[-1], n_steps]]))
