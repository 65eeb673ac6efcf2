"""What the laws of mixtures of experts share: the saturating number of experts, and a search for equal loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from simulators.laws.base import Floats


def saturating(x: ArrayLike, start: float, most: float) -> Floats:
    """1/x_hat = 1/(x - 1 + (1/start - 1/most)**-1) + 1/most (Clark et al., arXiv:2202.01169, equation 2): from
    ``start`` at x = 1 to ``most`` [of the unit of x].

    Raises ``ValueError`` for x below 1.

    >>> saturating([1.0, 8.0, 1e9], 2.0, 300.0).round(2).tolist()
    [2.0, 8.75, 300.0]
    """
    x = np.asarray(x, dtype=float)
    if np.any(x < 1):
        raise ValueError(f"the number of experts is {float(np.min(x)):g}; a dense model has 1")
    return np.asarray(1 / (1 / (x - 1 + 1 / (1 / start - 1 / most)) + 1 / most))


def solve_increasing(function: Callable[[float], float], low: float, high: float, wanted: float) -> float | None:
    """Where an increasing or decreasing ``function`` of a positive number takes the value ``wanted``, by bisection of
    the logarithm to a relative 1e-12; ``None`` where it does not between ``low`` and ``high``.

    >>> solve_increasing(lambda x: x**2, 1.0, 100.0, 49.0)
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
