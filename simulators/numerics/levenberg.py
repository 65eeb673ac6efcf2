"""Robust least squares from thousands of starting points at once.

The objective of a start is sum_i w_i H(f(theta, x_i) - y_i) with Huber's H: r**2 / 2 up to delta,
delta |r| - delta**2 / 2 beyond (Hoffmann et al. 2022, appendix D.3, with y = log loss). Every step is a
Levenberg-Marquardt step on weights min(1, delta / |r|), which majorise H, so that an accepted step lowers the objective
itself and the last digits are those of its minimum. All starts move together, a row each.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats

Model = Callable[[Floats], tuple[Floats, Floats]]
"""From parameters (starts, p) to predictions (starts, n) and their derivatives (starts, p, n)."""

CHUNK = 128
"""Starts worked on together: 128 x 5 x 240 doubles fit a core's cache."""
ROUND = 5
"""Steps between two halvings of the field."""
ENOUGH = 1e-10
"""The same for each of many minima of resampled runs: it moves no interval by a thousandth of itself."""
SORTING = 4
"""Rounds after which the starts of a group are told apart."""
SURVIVORS = 40
"""Starts that are followed to convergence."""
LONGEST_STEP = 3.0
"""No coordinate moves further in one step; coordinates are logarithms and exponents."""
TOLERANCE = 1e-13
"""Relative decrease over a round below which a start stands still: hundreds of roundings of a double."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is minimised: a model, targets (n,) or one row a start, weights alike, Huber's ``delta`` [log loss].

    ``low`` and ``high`` bound each parameter; a parameter with ``free`` false stays where it starts.
    """

    model: Model
    target: Floats
    delta: float
    low: Floats
    high: Floats
    weight: Floats | None = None
    free: Floats | None = None

    def rows(self, chosen: np.ndarray) -> tuple[Floats, Floats | None]:
        """Targets and weights of the starts ``chosen``."""
        target = self.target[chosen] if self.target.ndim == 2 else self.target
        weight = self.weight[chosen] if self.weight is not None and self.weight.ndim == 2 else self.weight
        return target, weight

    def objective(self, theta: Floats) -> Floats:
        """The sum of Huber losses of every row of ``theta``."""
        values = np.empty(len(theta))
        # a start so far off that it overflows is not finite, and leaves
        with np.errstate(all="ignore"):
            for first in range(0, len(theta), CHUNK):
                chosen = np.arange(first, min(first + CHUNK, len(theta)))
                target, weight = self.rows(chosen)
                values[chosen] = huber(self.model(theta[chosen])[0] - target, self.delta, weight)
        return values


def huber(residual: Floats, delta: float, weight: Floats | None = None) -> Floats:
    """The sum of Huber losses along the last axis.

    >>> float(huber(np.array([0.5, -3.0]), 1.0))
    2.625
    """
    # with m = min(|r|, delta) both branches are m |r| - m**2 / 2
    size = np.abs(residual)
    inner = np.minimum(size, delta)
    losses = inner * (size - 0.5 * inner)
    return np.asarray((losses if weight is None else losses * weight).sum(axis=-1))


def influence(residual: Floats, delta: float, weight: Floats | float = 1.0) -> Floats:
    """Weights of least squares that majorise Huber's losses of ``residual``: weight times min(1, delta / |r|).

    >>> influence(np.array([0.5, -4.0]), 1.0).tolist()
    [1.0, 0.25]
    """
    return np.asarray(np.minimum(1.0, delta / np.maximum(np.abs(residual), 1e-300)) * weight)


def damped_step(curvature: Floats, gradient: Floats, damping: Floats, held: NDArray[np.bool_]) -> Floats:
    """The step of Levenberg and Marquardt (SIAM Journal on Applied Mathematics 11, 1963), for each of several problems:
    curvature (problems, p, p), gradient and ``held`` (problems, p), damping (problems,). What is held does not move.

    >>> held = np.array([[False, True]])
    >>> damped_step(np.array([[[2.0, 0.0], [0.0, 4.0]]]), np.array([[2.0, 4.0]]), np.zeros(1), held)
    array([[-1., -0.]])
    """
    moves = ~held
    n = np.arange(gradient.shape[1])
    curvature = curvature * (moves[:, :, None] & moves[:, None, :])
    scale = curvature[:, n, n]
    curvature[:, n, n] += damping[:, None] * scale + 1e-13 * scale.max(axis=1, keepdims=True) + 1e-300
    return np.asarray(-np.linalg.solve(curvature, (gradient * moves)[:, :, None])[:, :, 0])


def descend(problem: Problem, theta: Floats, steps: int, value: Floats | None = None) -> tuple[Floats, Floats]:
    """``steps`` steps from every row of ``theta``; the new rows and their objectives, never above the old."""
    theta = np.clip(theta, problem.low, problem.high)
    value = problem.objective(theta) if value is None else value.copy()
    with np.errstate(all="ignore"):
        for first in range(0, len(theta), CHUNK):
            chosen = np.arange(first, min(first + CHUNK, len(theta)))
            theta[chosen], value[chosen] = _descend_chunk(problem, theta[chosen], value[chosen], steps, chosen)
    return theta, value


def _descend_chunk(
    problem: Problem, theta: Floats, value: Floats, steps: int, chosen: np.ndarray
) -> tuple[Floats, Floats]:
    target, weight = problem.rows(chosen)
    damping = np.full(len(theta), 1e-3)
    predicted, slopes = problem.model(theta)
    for _ in range(steps):
        residual = predicted - target
        weighted = slopes * influence(residual, problem.delta, 1.0 if weight is None else weight)[:, None]
        curvature = weighted @ slopes.transpose(0, 2, 1)
        gradient = (weighted @ residual[:, :, None])[:, :, 0]
        # a parameter that stands at a bound and would leave it, or is held, takes no part in the step
        held = ((theta <= problem.low) & (gradient > 0)) | ((theta >= problem.high) & (gradient < 0))
        if problem.free is not None:
            held |= problem.free < 0.5
        step = damped_step(curvature, gradient, damping, held)
        longest = np.abs(step).max(axis=1, keepdims=True)
        step *= np.minimum(1.0, LONGEST_STEP / np.maximum(longest, 1e-300))
        tried = np.clip(theta + step, problem.low, problem.high)
        tried_predicted, tried_slopes = problem.model(tried)
        tried_value = huber(tried_predicted - target, problem.delta, weight)
        better = tried_value < value
        damping = np.clip(np.where(better, damping * 0.3, damping * 4.0), 1e-9, 1e9)
        theta[better], value[better] = tried[better], tried_value[better]
        predicted[better], slopes[better] = tried_predicted[better], tried_slopes[better]
        if not better.any() and damping.min() > 1e6:
            break
    return theta, value


def race(
    problem: Problem, starts: Floats, survivors: int = SURVIVORS, scout: Problem | None = None
) -> tuple[Floats, Floats]:
    """Let all ``starts`` descend; after every round the worse half leaves, and the last run until they stand still.
    ``scout``, the same problem with fewer targets, decides the first two halvings of a field four times as large as the
    ``survivors``.

    Returns their rows and objectives, best first. Raises ``ValueError`` where no start has a finite objective.
    """
    first = problem if scout is None or len(starts) <= 4 * survivors else scout
    theta, value = np.clip(starts, problem.low, problem.high), first.objective(starts)
    finite = np.isfinite(value)
    if not finite.any():
        raise ValueError("no starting point gives a finite loss; check the units of parameters and tokens")
    theta, value = theta[finite], value[finite]
    for halving in count():
        if first is not problem and (halving == 2 or len(theta) <= survivors):
            first, value = problem, problem.objective(theta)
        if len(theta) <= survivors:
            break
        theta, value = descend(first, theta, ROUND, value)
        order = np.argsort(value, kind="stable")[: max(len(theta) // 2, survivors)]
        theta, value = theta[order], value[order]
    theta, value = settle(problem, theta, value)
    order = np.argsort(value, kind="stable")
    return theta[order], value[order]


def settle(
    problem: Problem, theta: Floats, value: Floats | None = None, rounds: int = 60, tolerance: float = TOLERANCE
) -> tuple[Floats, Floats]:
    """Descend until no row improves by ``tolerance`` of itself, or ``rounds`` rounds of 10 steps have passed; rows that
    stand still rest.

    With targets or weights a row each, ``theta`` must have as many rows.
    """
    theta = np.array(theta, dtype=float)
    value = problem.objective(theta) if value is None else value
    awake = np.arange(len(theta))
    for _ in range(rounds):
        target, weight = problem.rows(awake)
        part = msgspec.structs.replace(problem, target=target, weight=weight)
        moved, lower = descend(part, theta[awake], 10, value[awake])
        still = value[awake] - lower <= tolerance * value[awake]
        theta[awake], value[awake] = moved, lower
        awake = awake[~still]
        if not len(awake):
            break
    return theta, value


def settle_groups(problem: Problem, starts: Floats, groups: int) -> Floats:
    """The best row of each of ``groups`` minimisations, each begun from all ``starts`` (groups, p).

    ``problem`` has a row of weights for each group, and of targets where they differ. After ``SORTING`` rounds a third
    of a group's starts goes on.
    """
    count = len(starts)
    weight = problem.weight
    assert weight is not None

    def of(rows: np.ndarray) -> Problem:
        target = problem.target[rows] if problem.target.ndim == 2 else problem.target
        return msgspec.structs.replace(problem, weight=weight[rows], target=target)

    owner = np.repeat(np.arange(groups), count)
    theta, value = descend(of(owner), np.tile(starts, (groups, 1)), SORTING * ROUND)
    kept = np.argsort(value.reshape(groups, count), axis=1, kind="stable")[:, : max(count // 3, 1)]
    rows = (np.arange(groups)[:, None] * count + kept).ravel()
    theta, value = settle(of(owner[rows]), theta[rows], value[rows], tolerance=ENOUGH)
    best = value.reshape(groups, -1).argmin(axis=1)
    return np.asarray(theta.reshape(groups, kept.shape[1], -1)[np.arange(groups), best])
