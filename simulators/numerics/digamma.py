"""The digamma function, the derivative of the logarithm of the gamma function."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.quantities import Floats


def digamma(x: ArrayLike) -> Floats:
    """The digamma function at ``x`` above zero (n,), to 1e-12: ten steps of the recurrence below 10, then its
    asymptotic series (Abramowitz and Stegun, 6.3.18).

    >>> digamma([1.0, 2.0, 0.5]).round(10).tolist()
    [-0.5772156649, 0.4227843351, -1.963510026]
    """
    x = np.array(x, dtype=float, ndmin=1)
    shift, small = np.zeros_like(x), np.flatnonzero(x < 10)
    for _ in range(10):
        shift[small] -= 1 / x[small]
        x[small] += 1
    y = 1 / x**2
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    out: Floats = shift + np.log(x) - 0.5 / x - series
    return out
