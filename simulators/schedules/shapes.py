"""The shapes of a phase: how far a rate has gone from its start to its end, as a function of progress in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from lehr.simulators.quantities import Floats

Shape = Literal[
    "constant",
    "linear",
    "cosine",
    "exponential",
    "one_minus_sqrt",
    "one_minus_square",
    "mirror_cosine",
    "inverse_linear",
    "inverse_root",
    "half_cosine",
    "megatron_exponential",
    "inverse_sqrt",
    "power_law",
    "log",
    "power",
]
SHAPES: dict[Shape, str] = {
    "constant": "the rate stays",
    "linear": "1 - p of the way is left after the share p of the phase",
    "cosine": "(1 + cos(pi p)) / 2 is left",
    "exponential": "the logarithm of the rate goes linearly",
    "one_minus_sqrt": "1 - sqrt(p) is left",
    "one_minus_square": "1 - p^2 is left",
    "mirror_cosine": "2 (1 - p) less the cosine's share is left",
    "inverse_linear": "the inverse of the rate goes linearly",
    "inverse_root": "1 / sqrt(1 + power p) is left, scaled to end at nothing",
    "half_cosine": "1 - sin(pi p / 2) is left",
    "megatron_exponential": "2 / 2^p - 1 is left",
    "inverse_sqrt": "the rate falls as one over the root of the step",
    "power_law": "the rate falls as a power of the step",
    "log": "the rate rises as the logarithm of the step",
    "power": "(1 - p)^power is left",
}
"""How far the rate still has to go, p being the share of the phase that has gone by."""


def _cosine(p: Floats, power: float) -> Floats:
    p *= np.pi
    np.cos(p, out=p)
    p += 1.0
    p *= 0.5
    return p


def _one_minus(p: Floats) -> Floats:
    return np.subtract(1.0, p, out=p)


REMAINING: dict[str, Callable[[Floats, float], Floats]] = {
    "linear": lambda p, power: _one_minus(p),
    "cosine": _cosine,
    "one_minus_sqrt": lambda p, power: _one_minus(np.sqrt(p, out=p)),
    "one_minus_square": lambda p, power: _one_minus(np.square(p, out=p)),
    "mirror_cosine": lambda p, power: 2.0 * (1.0 - p) - _cosine(p.copy(), power),
    "half_cosine": lambda p, power: 1.0 - np.sin(np.pi / 2 * p),
    "megatron_exponential": lambda p, power: 2.0 * 0.5**p - 1.0,
    "inverse_root": lambda p, power: (
        (1 / np.sqrt(1 + power * p) - 1 / np.sqrt(1 + power)) / (1 - 1 / np.sqrt(1 + power))
    ),
    "log": lambda p, power: 1.0 - np.log(p * power + 1.0) / np.log(power),
    "power": lambda p, power: np.power(_one_minus(p), power, out=p),
}
"""What is left of the way from start to end; each may use the array it is given as its own."""


def rate_at(shape: Shape, progress: Floats, start: float, end: float, power: float = 1.0) -> Floats:
    """The rate at ``progress`` from ``start`` to ``end``; same shape as ``progress``, which may be overwritten.

    ``exponential`` is geometric between two rates above 0; ``inverse_linear`` has a linear reciprocal (WSD-S, Wen et
    al., arXiv:2410.05192); ``inverse_sqrt`` is (start - end) / sqrt(1 + p) + end and comes to no end, nor does
    ``power_law``, start (1 + p)**-power; ``power`` is (1 - p)**power; ``mirror_cosine`` the cosine mirrored at the
    straight line, ``half_cosine`` the second half of one; ``megatron_exponential`` has 2 / 2**p - 1 of the way left,
    ``inverse_root`` a part of 1 / sqrt(1 + power p) (Ibrahim et al., arXiv:2403.08763, section 6.4), and ``log``, of
    ``power`` steps, 1 - log(1 + p power) / log(power).

    >>> rate_at("cosine", np.array([0.0, 0.5, 1.0]), 3e-4, 3e-5).round(9).tolist()
    [0.0003, 0.000165, 3e-05]
    >>> rate_at("inverse_linear", np.array([0.0, 0.5, 1.0]), 1.0, 0.1).round(4).tolist()
    [1.0, 0.1818, 0.1]
    """
    if shape == "constant":
        return np.full_like(progress, start)
    if shape == "inverse_sqrt":
        return np.asarray(end + (start - end) / np.sqrt(1.0 + progress))
    if shape == "power_law":
        return np.asarray(start * (1.0 + progress) ** -power)
    if shape == "inverse_linear":
        return np.asarray(1.0 / (progress / end + (1.0 - progress) / start))
    if shape == "exponential":
        return np.asarray(start * (end / start) ** progress)
    remaining = REMAINING[shape](progress, power)
    remaining *= start - end
    remaining += end
    return remaining
