"""The quantiles that the rules need: Student's t, and ten rows in a row above a level."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, inf, lgamma, log, log1p, sqrt

import numpy as np


def beta_share(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    >>> round(beta_share(2.0, 3.0, 0.4), 12)
    0.5248
    """
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_share(b, a, 1.0 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    # Lentz's evaluation
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 500):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / (1.0 + numerator * d)
            c = 1.0 + numerator / c
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return front * value


def t_tail(t: float, degrees: int) -> float:
    """P(T > t) of Student's t with ``degrees`` of freedom.

    >>> round(t_tail(2.0096, 49), 5)
    0.025
    """
    half = beta_share(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2
    return half if t >= 0 else 1.0 - half


@lru_cache
def t_quantile(tail: float, degrees: int) -> float:
    """The t that is exceeded with probability ``tail``. Raises ``ValueError`` unless 0 < ``tail`` < 0.5.

    >>> round(t_quantile(0.025, 49), 4)
    2.0096
    """
    if not 0 < tail < 0.5:
        raise ValueError(f"tail is {tail}; write a probability between 0 and 0.5")
    low, high = 0.0, 1.0
    while t_tail(high, degrees) > tail:
        low, high = high, 2 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, degrees) > tail else (low, middle)
    return (low + high) / 2


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

    def probability(c: float) -> float:
        levels = means[:, None] + c * spans[None, :]
        above = np.vectorize(lambda x: 0.5 * erfc(x / sqrt(2)))(levels) ** run
        return float(weights @ above @ density)

    low, high = -3.0, 3.0
    if not probability(high) < tail < probability(low):
        return inf if probability(high) >= tail else low
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(middle) > tail else (low, middle)
    return (low + high) / 2
