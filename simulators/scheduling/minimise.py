"""Two small searches for a minimum: along coordinates without a slope, and down a slope between bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lehr.simulators.laws.curves.base import Floats

MEMORY = 8
"""The last values below the highest of which a step may end: a step may go up a little, not for long."""


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
