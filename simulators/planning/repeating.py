"""How many tokens of repeated data are of use: more epochs than that hurt, or teach nothing."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np

from lehr.simulators.numerics.search import golden_section
from lehr.simulators.quantities import Floats

LEFT = 1e-3
"""Of what repeats can teach at all, so much is left where a plan stops: more epochs add less than it."""
POINTS = 64
ROUNDS = 20


def most_epochs(star: float) -> float:
    """The epochs after which a law of repeated data, which falls off as exp(-R / ``star``), has ``LEFT`` to gain.

    >>> round(most_epochs(15.39), 1)                                               # Muennighoff et al. 2023
    107.3
    """
    return 1.0 + star * log(1 / LEFT)


def useful_tokens(loss: Callable[[Floats], Floats], tokens: Floats, unique: float, most: float) -> Floats:
    """The tokens, an entry a network and at most ``tokens``, at which ``loss`` is least: ``tokens`` itself where all of
    them are of use. Fewer than ``unique`` are not tried, nor more than ``most``.

    >>> loss = lambda d: 2.0 + (np.log(d) - np.log(3e9)) ** 2
    >>> [f"{d:.4g}" for d in useful_tokens(loss, np.array([5e8, 2e9, 9e9]), 1e9, 1e11)]
    ['5e+08', '2e+09', '3e+09']
    """
    high = np.minimum(tokens, most)
    low = np.minimum(high, unique)
    grid = np.log(low) + np.linspace(0, 1, POINTS)[:, None] * np.log(high / low)
    losses = np.array([loss(np.exp(row)) for row in grid[:-1]] + [loss(high)])
    # of equal ones the last: no law's answer, and no epoch, is no reason to spend less
    best = POINTS - 1 - np.argmin(losses[::-1], axis=0)
    columns = np.arange(len(tokens))
    found = np.exp(golden_section(
        lambda at: loss(np.exp(at)), grid[np.maximum(best - 1, 0), columns],
        grid[np.minimum(best + 1, POINTS - 1), columns], ROUNDS,
    ))  # fmt: skip
    return np.where((best == POINTS - 1) | ~(loss(found) < loss(high)), high, found)
