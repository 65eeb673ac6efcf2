"""Sums over all past changes of the learning rate, at every step of a schedule, without a quadratic loop.

Both annealing terms are convolutions of the changes of the rate with a kernel. An exponential kernel is a
recurrence. The kernel (1 + C x)^-beta is written as a sum of exponentials, each of them a recurrence.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from lehr.simulators.quantities import Floats

CHUNK = 8192
"""Steps that are worked on at a time; few enough to stay in a processor's cache."""
LARGEST_EXPONENT = 300.0
"""Rescaled sums hold terms up to e^300, far from overflow at e^709."""
FORGOTTEN = 1e-30
"""A sum that has decayed so far is left out."""
TAIL_TERMS = 3
"""Terms of the Taylor series that stands for all slower exponentials."""


def drops(rates: Floats) -> Floats:
    """By how much each step's rate lies below the one before; before the first step the rate is zero.

    >>> drops(np.array([1.0, 1.0, 0.5])).tolist()
    [-1.0, 0.0, 0.5]
    """
    return np.concatenate([[0.0], rates[:-1]]) - rates


def relative_error(beta: float, spacing: float) -> float:
    """A bound on the relative error of the trapezoidal rule below for x^-beta [1].

    By Poisson's summation formula the rule's error is the sum over m != 0 of Gamma(beta + 2 pi i m / h)
    x^(-beta - 2 pi i m / h) / Gamma(beta); |Gamma| is bounded by the NIST Handbook's (DLMF) equation 5.6.9.

    >>> round(relative_error(0.5, math.log(2.0)) * 1e6, 2)
    1.89
    """
    total = 0.0
    for m in range(1, 6):
        omega = 2 * math.pi * m / spacing
        size = math.hypot(beta, omega)
        log_bound = 0.5 * math.log(2 * math.pi) + (beta - 0.5) * math.log(size) - math.pi * omega / 2 + 1 / (6 * size)
        total += 2 * math.exp(log_bound - math.lgamma(beta))
    return total


class Exponentials(msgspec.Struct, frozen=True, kw_only=True):
    """x^-beta = ``prefactor`` sum_j sigma_j^beta e^(-sigma_j x), with log(sigma_(j+1) / sigma_j) = ``spacing``.

    Terms with sigma x > ``upper`` are nothing; terms slower than the first sigma are left to a Taylor series.
    """

    sigma: Floats
    beta: float
    spacing: float
    prefactor: float
    upper: float


def exponentials(beta: float, nearest: float, farthest: float, tolerance: float) -> Exponentials:
    """Rates sigma_j such that x^-beta = h / Gamma(beta) sum_j sigma_j^beta e^(-sigma_j x) for nearest <= x <= farthest.

    It is the trapezoidal rule with spacing h = log(sigma_(j+1) / sigma_j) for Gamma(beta) x^-beta =
    integral e^(beta u) e^(-x e^u) du. Three errors, relative to nearest^-beta, are each held below a third of
    ``tolerance``: the spacing's (``relative_error``); what lies above the largest rate, less than
    U^beta e^-U / Gamma(beta) with U = sigma x; and the Taylor remainder of what lies below the smallest.

    >>> len(exponentials(0.6, nearest=1.0, farthest=1e4, tolerance=1e-7).sigma)
    31
    """
    third = tolerance / 3
    spacing = 2.0
    while relative_error(beta, spacing) > third:
        spacing *= 0.97
    prefactor = spacing / math.gamma(beta)
    upper = 1.0 + 2 * beta
    while upper**beta * math.exp(-upper) / math.gamma(beta) > third:
        upper += 0.5
    ratio = math.expm1(spacing * (beta + TAIL_TERMS)) * math.factorial(TAIL_TERMS)
    # sigma_0 x, at most; the remainder is prefactor lower^(beta + 3) / ratio
    lower = min(1.0, (third * ratio / prefactor) ** (1 / (beta + TAIL_TERMS)))
    smallest = lower / farthest
    count = math.ceil(math.log(upper / nearest / smallest) / spacing) + 1
    return Exponentials(
        sigma=smallest * np.exp(spacing * np.arange(count)),
        beta=beta,
        spacing=spacing,
        prefactor=prefactor,
        upper=upper,
    )


def power_annealing(
    rates: Floats,
    *,
    C: float,  # noqa: N803
    beta: float,
    gamma: float,
    level: Floats | None = None,
    tolerance: float = 1e-7,
) -> Floats:
    """sum_(k <= t) (v_(k-1) - v_k) G(eta_k^-gamma S_k(t)) at every step t [unit of v], v = ``level`` or eta.

    G(x) = 1 - (1 + C x)^-beta and S_k(t) = eta_k + ... + eta_t (Luo et al., arXiv:2503.12811, section 3). With
    a_k = C eta_k^-gamma the kernel is (a_k (S_t - z_k))^-beta about z_k = S_(k-1) - 1 / a_k, so that one set of
    exponentials serves all k. ``tolerance`` bounds the error of G: that of the sum is at most ``tolerance`` times
    the sum of |v_(k-1) - v_k|. The work is proportional to the steps.

    >>> rates = np.full(100, 1e-3); rates[50:] = 1e-4
    >>> exact = -1e-3 * (1 - (1 + 2 * 1e-3**-0.5 * rates.sum())**-0.6) + 9e-4 * (1 - (1 + 2 * 1e-4**-0.5 * 5e-3)**-0.6)
    >>> bool(abs(power_annealing(rates, C=2.0, beta=0.6, gamma=0.5)[-1] - exact) < 1.9e-3 * 1e-7)
    True
    """
    change = drops(rates if level is None else level)
    total = np.cumsum(rates)
    before = total - rates
    reach = rates**gamma / C
    weight = change * reach**beta
    positive = (rates > 0) & (change != 0)
    if not positive.any():
        return np.zeros_like(rates)
    centre = before - reach
    nearest = float((rates + reach)[positive].min())
    farthest = float(total[-1] - centre[positive].min())
    terms = exponentials(beta, nearest, farthest, tolerance)
    forgotten = _slow_part(weight, centre, total, terms)
    carry = np.zeros(len(terms.sigma))
    for low in range(0, len(rates), CHUNK):
        here = slice(low, low + CHUNK)
        forgotten[here] += _fast_part(
            weight[here], reach[here], rates[here], clock=total[here] - before[low], terms=terms, carry=carry
        )
    forgotten *= terms.prefactor
    # a drop to zero takes effect only once the rate rises again: x is zero until then
    for k in np.flatnonzero((rates == 0) & (change != 0) & (gamma > 0)):
        risen = np.flatnonzero(rates[k:] > 0)
        forgotten[k : k + (risen[0] if len(risen) else len(rates))] += change[k]
    return np.cumsum(change) - forgotten


def _slow_part(weight: Floats, centre: Floats, total: Floats, terms: Exponentials) -> Floats:
    """All exponentials slower than the first of ``terms``, by their Taylor series: geometric sums over the rates."""
    moments = [np.cumsum(weight * centre**p) for p in range(TAIL_TERMS)]
    powers = [
        moments[0],
        total * moments[0] - moments[1],
        total * total * moments[0] - 2 * total * moments[1] + moments[2],
    ]
    slow = np.zeros_like(total)
    for p, power in enumerate(powers):
        exponent = terms.beta + p
        geometric = float(terms.sigma[0]) ** exponent / math.expm1(terms.spacing * exponent)
        slow += (-1) ** p / math.factorial(p) * geometric * power
    return slow


def _fast_part(
    weight: Floats, reach: Floats, rates: Floats, *, clock: Floats, terms: Exponentials, carry: Floats
) -> Floats:
    """One chunk's sums over ``terms``; ``carry`` holds each sum at the end of the chunk before and is updated."""
    out = np.zeros_like(weight)
    acting = weight != 0
    nearest = float((reach + rates)[acting].min()) if acting.any() else math.inf
    peak = float(rates.max())
    for j, s in enumerate(terms.sigma.tolist()):
        feeds = s * nearest <= terms.upper
        if not feeds and carry[j] == 0.0:
            continue
        source = np.exp(np.maximum(reach * -s, -50.0)) * weight if feeds else np.zeros_like(weight)
        sums, carry[j] = decaying_sum(source, clock * s, float(carry[j]), s * peak)
        out += sums * s**terms.beta
        if not feeds and abs(carry[j]) < FORGOTTEN:
            carry[j] = 0.0
    return out


def decaying_sum(source: Floats, clock: Floats, carry: float, fastest: float) -> tuple[Floats, float]:
    """M_t = (M_(t-1) + source_t) e^-(clock_t - clock_(t-1)) for every t, from M = ``carry`` at clock 0.

    Rescaled running sums in blocks in which e^clock does not overflow; ``fastest`` bounds the clock's steps.
    Returns M of every step and the last one.

    >>> m, last = decaying_sum(np.array([1.0, 0.0]), np.log([2.0, 4.0]), 0.0, 1.0)
    >>> m.round(12).tolist()
    [0.5, 0.25]
    """
    n = len(source)
    if clock[-1] <= LARGEST_EXPONENT:
        grown = np.exp(clock)
        source[1:] *= grown[:-1]
        sums = np.cumsum(source)
        sums += carry
        sums /= grown
        return sums, float(sums[-1])
    block = max(int(LARGEST_EXPONENT / fastest), 1)
    n_blocks = -(-n // block)
    padding = n_blocks * block - n
    source = np.pad(source, (0, padding)).reshape(n_blocks, block)
    clock = np.pad(clock, (0, padding), mode="edge").reshape(n_blocks, block)
    begins = np.concatenate([[0.0], clock[:-1, -1]])
    # one step alone may exceed the bound; what it leaves of the past is then nothing
    grown = np.exp(np.minimum(clock - begins[:, None], 2 * LARGEST_EXPONENT))
    source[:, 1:] *= grown[:, :-1]
    sums = np.cumsum(source, axis=1)
    carries = []
    for gained, growth in zip(sums[:, -1].tolist(), grown[:, -1].tolist(), strict=True):
        carries.append(carry)
        carry = (carry + gained) / growth
    sums += np.array(carries)[:, None]
    sums /= grown
    return sums.ravel()[:n], carry


def momentum_annealing(change: Floats, decay: float) -> Floats:
    """sum_(i <= t) m_i with m_i = decay m_(i-1) + change_i, at every step t [learning rate times steps].

    >>> momentum_annealing(np.array([0.0, 1.0, 0.0, 0.0]), 0.5).tolist()
    [0.0, 1.0, 1.5, 1.75]
    """
    if decay == 0.0:
        return np.cumsum(change)
    rate = -math.log(decay)
    # decaying_sum decays what a step brings by that step's own decay; the momentum does not
    sums, _ = decaying_sum(np.asarray(change / decay), rate * np.arange(1.0, len(change) + 1), 0.0, rate)
    return np.cumsum(sums)
