"""What the laws of mixtures of experts share: the saturating number of experts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.quantities import Floats


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
