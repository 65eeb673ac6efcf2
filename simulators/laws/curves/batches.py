"""The noise that runs share since they saw the same batches in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats

SHARED = 0.95
"""Correlation of two runs' noise from which on it is that of their batches."""
NOISY = 0.005
"""Rows that scatter by less [log loss] tell what they have to without."""
FEWEST, MOST = 60, 20_000
"""Rows that runs have in common, at least, and places that are kept, at most."""
UNIT = 1e-5
"""Of a logarithm, in which the noise is written."""


class Batches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The noise that the rows of the fitted runs at steps ``first``, ``first + every``, ... have in common: the numbers
    of ``noise`` in units of 1e-5 of the log loss, ``.`` where no row is. ``own`` is the standard deviation of what a
    row has beside it [log loss].

    >>> Batches(first=100, every=50, noise="12 . -310", own=0.002).at(np.array([100, 200, 150, 170]))
    array([ 0.00012, -0.0031 ,      nan,      nan])
    """

    first: int
    every: int
    noise: str
    own: float

    def at(self, steps: NDArray[np.int_]) -> Floats:
        """The noise at ``steps`` (rows,) [log loss], not a number where none is known."""
        values = np.array([float("nan") if v == "." else UNIT * int(v) for v in self.noise.split()])
        place, odd = np.divmod(steps - self.first, self.every)
        known = (odd == 0) & (place >= 0) & (place < len(values))
        return np.where(known, values[np.where(known, place, 0)], np.nan)


def shared_noise(runs: Sequence[tuple[NDArray[np.int_], Floats]]) -> Batches | None:
    """What ``runs``, the steps of each and its residuals about a law (rows,) [log loss], have in common at the same
    steps; ``None`` where that is little, or the rows scatter little anyway.

    >>> rng = np.random.default_rng(0)
    >>> steps, batches = np.arange(100, 4100, 20), 0.04 * rng.standard_normal(200)
    >>> found = shared_noise([(steps, batches + 0.002 * rng.standard_normal(200)) for _ in range(2)])
    >>> found.first, found.every, len(found.noise.split()), 0.002 < found.own < 0.003
    (100, 20, 200, True)
    >>> shared_noise([(steps, 0.04 * rng.standard_normal(200)) for _ in range(2)]) is None
    True
    """
    pieces = [(steps, e) for steps, e in runs if len(e) >= FEWEST and np.isfinite(e).all()]
    alike = [both for one, other in combinations(pieces, 2) if (both := _apart(*one, *other)) is not None]
    if not alike or min(c for c, _, _ in alike) < SHARED or max(n for _, n, _ in alike) < NOISY:
        return None
    own = max(o for _, _, o in alike)
    steps = np.unique(np.concatenate([s for s, _ in pieces]))
    every = int(np.median(np.diff(steps)))
    first = int(steps[0])
    places = (int(steps[-1]) - first) // every + 1
    if own == 0.0 or places > MOST:
        return None
    total, count = np.zeros(places), np.zeros(places)
    for at, noise in pieces:
        place, odd = np.divmod(at - first, every)
        total[place[odd == 0]] += noise[odd == 0]
        count[place[odd == 0]] += 1
    words = [str(round(t / c / UNIT)) if c else "." for t, c in zip(total.tolist(), count.tolist(), strict=True)]
    return Batches(first=first, every=every, noise=" ".join(words), own=own * sqrt(1 + 1 / len(pieces)))


def _apart(a: NDArray[np.int_], e: Floats, b: NDArray[np.int_], f: Floats) -> tuple[float, float, float] | None:
    """Of the rows that two runs have in common: their correlation, their noise, and what each has of its own
    [log loss]; ``None`` where few are common, or all are the same rows."""
    _, i, j = np.intersect1d(a, b, return_indices=True)
    if len(i) < FEWEST:
        return None
    u, v = (np.diff(x, n=2) / sqrt(6) for x in (e[i], f[j]))
    # what was copied from one log to the other says nothing
    fresh = np.abs(u - v) > 1e-9
    if fresh.sum() < FEWEST // 2:
        return None
    u, v = u[fresh], v[fresh]
    noise, own = (1.4826 * float(np.median(np.abs(d))) for d in (u, u - v))
    u, v = np.clip(u, -4 * noise, 4 * noise), np.clip(v, -4 * noise, 4 * noise)
    return float(u @ v / np.sqrt((u @ u) * (v @ v))), noise, own / sqrt(2)
