"""The level that ten rows in a row exceed by chance once in so many runs."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, inf, sqrt

import numpy as np

from lehr.simulators.numerics.search import bisect
from lehr.simulators.quantities import Floats


@lru_cache
def run_quantile(tail: float, run: int, reference: int) -> float:
    """The c for which ``run`` values all exceed m + c s with probability ``tail``.

    All values are independent draws of one normal distribution; m and s are mean and standard deviation of
    ``reference`` further ones. The probability is E[Q(m + c s)^run] with m ~ N(0, 1/n) and s^2 ~ chi^2_(n-1) / (n-1),
    by Gauss and Hermite's rule in m and a sum over the density of s. May be negative where ``run`` is long.

    >>> bool(0.6 < run_quantile(1e-5, 10, 50) < 0.9)
    True
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    means = nodes / sqrt(reference)
    weights = weights / weights.sum()
    degrees = reference - 1
    # s lies within 8 of its standard deviations, 1 / sqrt(2 degrees) each
    spans = np.linspace(max(1 - 8 / sqrt(2 * degrees), 1e-3), 1 + 8 / sqrt(2 * degrees), 121)
    log_density = degrees * np.log(spans) - degrees * spans**2 / 2 - np.log(spans)
    density = np.exp(log_density - log_density.max())
    density /= density.sum()

    def probability(c: Floats) -> float:
        levels = means[:, None] + c * spans[None, :]
        above = np.vectorize(lambda x: 0.5 * erfc(x / sqrt(2)))(levels) ** run
        return float(weights @ above @ density)

    low, high = np.array(-3.0), np.array(3.0)
    if not probability(high) < tail < probability(low):
        return inf if probability(high) >= tail else float(low)
    return float(bisect(lambda c: np.asarray(probability(c) > tail), low, high, rounds=40))
