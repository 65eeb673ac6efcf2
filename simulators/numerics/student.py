"""Student's t distribution: its tail and its quantiles."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log, log1p, pi


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
    scale = lgamma((degrees + 1) / 2) - lgamma(degrees / 2) - log(degrees * pi) / 2
    t = (low + high) / 2
    for _ in range(100):
        over = t_tail(t, degrees)
        low, high = (t, high) if over > tail else (low, t)
        # Newton's step in the logarithm of the tail, whose slope is the density over the tail
        density = exp(scale - (degrees + 1) / 2 * log1p(t * t / degrees))
        step = t + over / density * log(over / tail)
        step = step if low < step < high else (low + high) / 2
        if abs(step - t) <= 1e-15 * t:
            break
        t = step
    return t
