"""Searches on one number: where a function is least, and where it takes a value."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np

from lehr.simulators.laws.base import Floats

GOLDEN = (sqrt(5) - 1) / 2
"""The share of a bracket that a round keeps (Kiefer 1953)."""
ROUNDS = 50
"""They leave 4e-11 of a bracket, finer than any minimum of doubles can be told."""


def golden_section(function: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Where ``function`` is least between ``low`` and ``high``, by golden-section search: the best of each bracket of
    arrays of one shape, provided that there is one minimum in it.

    >>> golden_section(lambda x: (x - np.array([1.0, 2.0])) ** 2, np.array([0.0, 0.0]), np.array([4.0, 4.0])).round(6)
    array([1., 2.])
    """
    for _ in range(ROUNDS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        lower = function(left) < function(right)
        low, high = np.where(lower, low, left), np.where(lower, right, high)
    return np.asarray((low + high) / 2)


def solve_monotonic(function: Callable[[float], float], low: float, high: float, wanted: float) -> float | None:
    """Where a rising or falling ``function`` of a positive number takes the value ``wanted``, by bisection of
    the logarithm to a relative 1e-12; ``None`` where it does not between ``low`` and ``high``.

    >>> solve_monotonic(lambda x: x**2, 1.0, 100.0, 49.0)
    7.0
    """
    at_low, at_high = function(low) - wanted, function(high) - wanted
    if at_low * at_high > 0:
        return None
    left, right = np.log(low), np.log(high)
    while right - left > 1e-13 * max(1.0, abs(right)):
        middle = (left + right) / 2
        if middle in (left, right):
            break
        if (function(float(np.exp(middle))) - wanted) * at_low > 0:
            left = middle
        else:
            right = middle
    return float(f"{np.exp((left + right) / 2):.12g}")
