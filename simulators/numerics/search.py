"""Searches: where a function of one number is least or takes a value, and where one of several is least."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats

GOLDEN = (sqrt(5) - 1) / 2
"""The share of a bracket that a round keeps (Kiefer 1953)."""
ROUNDS = 50
"""They leave 4e-11 of a bracket, finer than any minimum of doubles can be told."""
MEMORY = 8
"""The last values below the highest of which a step may end: a step may go up a little, not for long."""


def golden_section(function: Callable[[Floats], Floats], low: Floats, high: Floats, rounds: int = ROUNDS) -> Floats:
    """Where ``function`` is least between ``low`` and ``high``, by golden-section search: the best of each bracket of
    arrays of one shape, provided that there is one minimum in it (Kiefer, Proceedings of the AMS 4, 1953).

    >>> golden_section(lambda x: (x - np.array([1.0, 2.0])) ** 2, np.array([0.0, 0.0]), np.array([4.0, 4.0])).round(6)
    array([1., 2.])
    """
    for _ in range(rounds):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        lower = function(left) < function(right)
        low, high = np.where(lower, low, left), np.where(lower, right, high)
    return np.asarray((low + high) / 2)


def bisect(above: Callable[[Floats], NDArray[np.bool_]], low: Floats, high: Floats, rounds: int = ROUNDS) -> Floats:
    """Where ``above`` changes, which is true at ``low`` and false at ``high``: the middle of each bracket of arrays of
    one shape after ``rounds`` halvings.

    >>> bisect(lambda x: x**2 < np.array([2.0, 9.0]), np.array([0.0, 0.0]), np.array([4.0, 4.0])).round(9)
    array([1.41421356, 3.        ])
    """
    for _ in range(rounds):
        middle = (low + high) / 2
        left = above(middle)
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    return np.asarray((low + high) / 2)


def solve_monotonic(function: Callable[[float], float], low: float, high: float, wanted: float) -> float | None:
    """Where a rising or falling ``function`` of a positive number takes the value ``wanted``, by bisection of
    the logarithm to a relative 1e-12; ``None`` where it does not between ``low`` and ``high``.

    >>> solve_monotonic(lambda x: x**2, 1.0, 100.0, 49.0)
    7.0
    """
    at_low, at_high = function(low) - wanted, function(high) - wanted
    if at_low * at_high > 0:
        return None
    left, right = np.log(low), np.log(high)
    while right - left > 1e-13 * max(1.0, abs(right)):
        middle = (left + right) / 2
        if middle in (left, right):
            break
        if (function(float(np.exp(middle))) - wanted) * at_low > 0:
            left = middle
        else:
            right = middle
    return float(f"{np.exp((left + right) / 2):.12g}")


def compass(loss: Callable[[Floats], float], start: Floats, *, step: float, least: float) -> tuple[Floats, float]:
    """The point and value of a local minimum of ``loss``: steps along each coordinate, halved where none goes down.

    It ends with a step of less than ``least`` (Kolda et al., SIAM Review 45, 2003, section 1.1).

    >>> point, value = compass(lambda x: float(((x - 1.5) ** 2).sum()), np.zeros(2), step=0.5, least=1e-3)
    >>> point.tolist(), value
    ([1.5, 1.5], 0.0)
    """
    point, value = start.copy(), loss(start)
    while step >= least:
        moved = False
        for i in range(len(point)):
            for sign in (1.0, -1.0):
                trial = point.copy()
                trial[i] += sign * step
                # as long as it goes down, the same way again
                while (found := loss(trial)) < value:
                    point, value, moved = trial.copy(), found, True
                    trial[i] += sign * step
        step = step if moved else step / 2
    return point, value


def projected_descent(
    loss_and_slope: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    high: float,
    *,
    steps: int,
    enough: float,
) -> tuple[Floats, float]:
    """The best point met and its value between 0 and ``high``: the spectral projected gradient (Birgin et al., SIAM
    Journal on Optimization 10, 2000, algorithm SPG2).

    It ends after ``steps``, or where no coordinate would move by ``enough``.

    >>> point, value = projected_descent(lambda x: (float(((x - [0.5, 3.0]) ** 2).sum()), 2 * (x - [0.5, 3.0])),
    ...                                  np.zeros(2), 2.0, steps=50, enough=1e-9)
    >>> point.round(6).tolist(), round(value, 6)
    ([0.5, 2.0], 1.0)
    """
    x = np.clip(start, 0.0, high)
    value, slope = loss_and_slope(x)
    best, least = x, value
    length = 1.0 / max(float(np.abs(slope).max()), 1e-300)
    recent = [value]
    for _ in range(steps):
        direction = np.clip(x - length * slope, 0.0, high) - x
        if np.abs(direction).max() < enough:
            break
        descent = float(slope @ direction)
        share = 1.0
        for _ in range(30):
            new = x + share * direction
            new_value, new_slope = loss_and_slope(new)
            if new_value <= max(recent) + 1e-4 * share * descent:
                break
            share /= 2
        else:
            break
        moved, bend = new - x, new_slope - slope
        curvature = float(moved @ bend)
        length = float(np.clip(moved @ moved / curvature, 1e-12, 1e12)) if curvature > 0 else 1e12
        x, value, slope = new, new_value, new_slope
        recent = [*recent[-MEMORY + 1 :], value]
        if value < least:
            best, least = x, value
    return best, least
