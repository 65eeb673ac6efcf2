"""How the best peak rate depends on the schedule's shape (Schaipp et al. 2025, arXiv:2501.18965, theorem 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.quantities import Floats


def best_peak(rates: ArrayLike) -> float:
    """The best factor on a schedule's ``rates`` (steps,), for gradients of norm 1 and a start at distance 1 [1].

    For a factor g the bound on the last loss of a convex function is T1 / g + g T2 with T1 = 1 / (2 S_1) and
    T2 = (Q_1 / S_1 + sum_(k<T) eta_k Q_k / (S_(k+1) S_k)) / 2, where S_k and Q_k are the sums of eta and eta**2 from
    step k on; it is least at g = sqrt(T1 / T2). Only ratios between schedules of one length mean anything for a
    network: there warm-up, stable, decay wants about half the peak of a cosine, as the bound says.

    Raises ``ValueError`` unless the rates are positive; a schedule may end in zeros, which are left out.

    >>> t = np.arange(1000) / 1000
    >>> cosine, decay = (1 + np.cos(np.pi * t)) / 2, np.minimum(1, (1 - t) / 0.1)
    >>> round(best_peak(decay) / best_peak(cosine), 2)
    0.47
    """
    eta = np.trim_zeros(np.asarray(rates, dtype=float), "b")
    if not len(eta) or not np.all(eta > 0):
        raise ValueError("the rates of a schedule must be above 0; leave the first step of a warm-up from 0 out")
    rest: Floats = np.cumsum(eta[::-1])[::-1]
    squares: Floats = np.cumsum((eta**2)[::-1])[::-1]
    later = float(np.sum(eta[:-1] / rest[1:] * squares[:-1] / rest[:-1]))
    return float(np.sqrt(1 / (squares[0] + rest[0] * later)))
