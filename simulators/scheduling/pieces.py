"""A schedule as pieces of constant rate, which a search reads faster than its steps."""

from __future__ import annotations

import numpy as np

from lehr.simulators.quantities import Floats

MOST_PIECES = 400
"""Of warm-up."""
PLATEAU_PIECES = 40
"""Of a stretch of constant rate, in which the norm of the weights goes on to its equilibrium: short ones first."""


def pieces_of(rates: Floats, most: int = MOST_PIECES) -> tuple[Floats, Floats]:
    """``rates`` (steps,) as no more than ``most`` pieces of the mean rate, and the steps of each.

    >>> pieces_of(np.array([1.0, 2.0, 3.0, 4.0]), most=2)
    (array([1.5, 3.5]), array([2., 2.]))
    """
    if len(rates) <= most:
        return rates, np.ones(len(rates))
    bounds = np.linspace(0, len(rates), most + 1).round().astype(int)
    steps = np.diff(bounds).astype(float)
    return np.add.reduceat(rates, bounds[:-1]) / steps, steps


def plateau(rate: float, steps: float) -> tuple[Floats, Floats]:
    """One rate for ``steps`` [steps] as pieces whose lengths grow.

    >>> rates, steps = plateau(3e-4, 1e6)
    >>> len(rates), bool(abs(steps.sum() / 1e6 - 1) < 1e-12), bool(steps[0] < 1e4)
    (40, True, True)
    """
    ends = steps * (np.geomspace(0.01, 1.01, PLATEAU_PIECES + 1) - 0.01)
    return np.full(PLATEAU_PIECES, rate), np.diff(ends)


def as_pieces(rates: Floats, most: int = 8192) -> tuple[Floats, Floats]:
    """A whole schedule (steps,) as no more than ``most`` pieces, shorter and shorter towards its end where drops count.

    >>> rates, steps = as_pieces(np.linspace(1.0, 0.0, 100_000), most=100)
    >>> len(rates) <= 100, float(steps.sum()), float(steps[-1])
    (True, 100000.0, 1.0)
    """
    n = len(rates)
    if n <= most:
        return rates, np.ones(n)
    even, late = np.linspace(0, n, most // 2), n - np.geomspace(1.0, n / 2, most // 2 - 1)
    bounds = np.unique(np.concatenate([even, late]).round().astype(int))
    steps = np.diff(bounds).astype(float)
    return np.add.reduceat(rates, bounds[:-1]) / steps, steps
