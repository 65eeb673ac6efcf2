"""How many tokens of repeated data are of use: more epochs than that hurt, or teach nothing."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
from numpy.typing import NDArray

from lehr.simulators.numerics.search import golden_section
from lehr.simulators.quantities import Floats

LEFT = 0.1
"""A plan stops where one more repeat of a token is worth less than this share of a fresh one [1]: the money buys more
elsewhere, and the runs that the law was fitted to are few beyond."""
LEFT_BY_ITSELF = 1e-3
"""The same where a law of repeated data is the law of the choice: its own optimum stands."""
POINTS = 12
ROUNDS = 12
"""They leave 3e-3 of a bracket of a hundred epochs; a mixture is slow to read."""


def most_epochs(star: float, left: float = LEFT) -> float:
    """The epochs after which a law of repeated data, where one more is worth exp(-R / ``star``) of a fresh one, leaves
    less than ``left``.

    >>> round(most_epochs(15.39), 1)                                               # Muennighoff et al. 2023
    36.4
    """
    return 1.0 + star * log(1 / left)


def as_if_even(tokens: Floats, unique: float, seen: float, star: float) -> Floats:
    """The tokens, repeated evenly over all that differ, that are worth as much as ``seen`` fresh ones and ``tokens`` of
    ``unique`` that repeat alone: what a base model was trained on does not repeat with what follows it. R epochs more
    than one add U ``star`` (1 - exp(-R / ``star``)) (Muennighoff et al. 2023, equation 5).

    >>> as_if_even(np.array([1e9, 5e9]), 1e9, 0.0, 15.39).round(-3).tolist()       # without a base as they are
    [1000000000.0, 5000000000.0]
    >>> f"{as_if_even(np.array([5e9]), 1e9, 1e12, 15.39)[0] - 1e12:.3g}"           # what they are worth
    '4.52e+09'
    """
    if not seen:
        return tokens
    fresh = np.minimum(tokens, unique)
    worth = fresh + fresh * star * -np.expm1(-(tokens / fresh - 1) / star)
    whole = seen + fresh
    return np.asarray(whole * (1 - star * np.log1p(-(worth - fresh) / whole / star)))


def useful_tokens(
    loss: Callable[[Floats, NDArray[np.int64]], Floats], tokens: Floats, unique: float, most: float
) -> Floats:
    """The tokens, one a network, at most ``tokens``, at which ``loss`` is least, which is asked for some rows of
    them: ``tokens`` itself where all are of use. Fewer than ``unique`` are not tried, nor more than ``most``.

    >>> loss = lambda d, rows: 2.0 + (np.log(d) - np.log(3e9)) ** 2
    >>> [f"{d:.2g}" for d in useful_tokens(loss, np.array([5e8, 2e9, 9e9]), 1e9, 1e11)]
    ['5e+08', '2e+09', '3e+09']
    """
    found = np.minimum(tokens, most)
    rows = np.flatnonzero(found > unique)
    if not rows.size:
        return found
    high = found[rows]
    grid = np.log(unique) + np.linspace(0, 1, POINTS)[:, None] * np.log(high / unique)
    losses = np.array([*(loss(np.exp(row), rows) for row in grid[:-1]), loss(high, rows)])
    # of equal ones the last: no law's answer, and no epoch, is no reason to spend less
    best = POINTS - 1 - np.argmin(losses[::-1], axis=0)
    inner = np.flatnonzero(best < POINTS - 1)
    if inner.size:
        best, rows = best[inner], rows[inner]
        low, up = grid[np.maximum(best - 1, 0), inner], grid[best + 1, inner]
        found[rows] = np.exp(golden_section(lambda at: loss(np.exp(at), rows), low, up, ROUNDS))
    return found
