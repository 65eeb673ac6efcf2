"""What a schedule's shape does to the best peak rate and to the loss there (Schaipp et al. 2025, arXiv:2501.18965,
theorem 1): a bound for convex functions, which runs of language models follow."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.numerics.digamma import digamma
from lehr.simulators.quantities import Floats


def bound_terms(rates: ArrayLike, steps: ArrayLike | None = None) -> tuple[float, float]:
    """T1 and T2 [1] of a schedule of constant pieces: ``rates`` (pieces,), each for ``steps`` (pieces,), real numbers,
    by default one each. For a factor g on the rates, gradients of norm 1 and a start at distance 1, the bound on the
    last loss of a convex function is T1 / g + g T2.

    T1 = 1 / (2 S_1) and T2 = (Q_1 / S_1 + sum_(k<T) eta_k Q_k / (S_(k+1) S_k)) / 2, where S_k and Q_k are the sums
    of eta and eta**2 from step k on; a piece's part of the sum is closed, so that the work is that of the pieces.

    Raises ``ValueError`` unless some rate is above zero; zeros at the end are left out, and pieces of the last step are
    one of their mean rate.

    >>> [round(term, 4) for term in bound_terms([1.0, 1.0, 0.5, 0.25])]
    [0.1818, 1.5774]
    >>> [round(term, 4) for term in bound_terms([1.0, 0.5, 0.25], [2, 1, 1])]
    [0.1818, 1.5774]
    """
    eta = np.trim_zeros(np.asarray(rates, dtype=float), "b")
    if not len(eta):
        raise ValueError("every learning rate is zero")
    n: Floats = np.ones(len(eta)) if steps is None else np.asarray(steps, dtype=float)[: len(eta)]
    last = int(np.searchsorted(np.cumsum(n[::-1]), 1 - 1e-9)) + 1
    if 1 < last <= len(n):  # the last step is a whole one: pieces within it are one of their mean rate
        eta = np.append(eta[:-last], np.dot(eta[-last:], n[-last:]) / n[-last:].sum())
        n = np.append(n[:-last], n[-last:].sum())
    s: Floats = np.cumsum((n * eta)[::-1])[::-1]
    q: Floats = np.cumsum((n * eta**2)[::-1])[::-1]
    after, noise = np.append(s[1:], 0.0), np.append(q[1:], 0.0)
    up = eta > 0  # a step of rate zero is a step less
    eta, n, after, noise = eta[up], n[up], after[up], noise[up]
    a = after / eta
    # sum_(0<=j<n) (noise / eta + (j + 1) eta) (1 / (a + j) - 1 / (a + j + 1)), without the last step of all
    before = np.divide(1.0, a, out=np.ones_like(a), where=a > 0)
    heads = (noise / eta + eta) * (before - 1 / (a + n))
    tails = eta * (digamma(a + n) - digamma(a + 1) - (n - 1) / (a + n))
    return float(1 / (2 * s[0])), float((q[0] / s[0] + np.sum(heads + tails)) / 2)


def least_bound(rates: ArrayLike, steps: ArrayLike | None = None) -> float:
    """The bound at the peak that is best for the schedule: 2 sqrt(T1 T2) [1]. Raises ``ValueError`` as ``bound_terms``.

    >>> t = (np.arange(1000) + 0.5) / 1000
    >>> round(least_bound(np.ones(1000)) / least_bound(1 - t), 2)     # a rate that never falls, and one that does
    1.45
    """
    first, second = bound_terms(rates, steps)
    return float(2 * np.sqrt(first * second))


def best_peak(rates: ArrayLike) -> float:
    """The best factor on a schedule's ``rates`` (steps,) by the bound: g = sqrt(T1 / T2) [1]. Only ratios between
    schedules of one length mean anything for a network: there warm-up, stable, decay wants about half the peak of a
    cosine, as the bound says.

    Raises ``ValueError`` unless the rates are positive; a schedule may end in zeros, which are left out.

    >>> t = np.arange(1000) / 1000
    >>> cosine, decay = (1 + np.cos(np.pi * t)) / 2, np.minimum(1, (1 - t) / 0.1)
    >>> round(best_peak(decay) / best_peak(cosine), 2)
    0.47
    """
    eta = np.trim_zeros(np.asarray(rates, dtype=float), "b")
    if not len(eta) or not np.all(eta > 0):
        raise ValueError("the rates of a schedule must be above 0; leave the first step of a warm-up from 0 out")
    first, second = bound_terms(eta)
    return float(np.sqrt(first / second))
