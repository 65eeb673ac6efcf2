"""The shapes of a phase: how far a rate has gone from its start to its end, as a function of progress in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shape = Literal[
    "constant", "linear", "cosine", "exponential", "one_minus_sqrt", "one_minus_square", "polynomial", "inverse_sqrt"
]

REMAINING: dict[str, Callable[[Floats, float], Floats]] = {
    "constant": lambda p, power: np.ones_like(p),
    "linear": lambda p, power: 1.0 - p,
    "cosine": lambda p, power: 0.5 * (1.0 + np.cos(np.pi * p)),
    "one_minus_sqrt": lambda p, power: 1.0 - np.sqrt(p),
    "one_minus_square": lambda p, power: 1.0 - p * p,
    "polynomial": lambda p, power: (1.0 - p) ** power,
}
"""What is left of the way from start to end, by shape; ``exponential`` is geometric
between the two rates, ``inverse_sqrt`` has no end."""


def rate_at(shape: Shape, progress: Floats, start: float, end: float, power: float = 1.0) -> Floats:
    """The rate at ``progress`` from ``start`` to ``end``; same shape as ``progress``.

    >>> rate_at("cosine", np.array([0.0, 0.5, 1.0]), 3e-4, 3e-5).round(9).tolist()
    [0.0003, 0.000165, 3e-05]
    """
    if shape == "inverse_sqrt":
        # progress in timescales, without end
        return np.asarray(start / np.sqrt(1.0 + progress))
    if shape == "exponential":
        return np.asarray(start * (end / start) ** progress)
    return np.asarray(end + (start - end) * REMAINING[shape](progress, power))
