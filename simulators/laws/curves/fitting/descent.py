"""Robust minimisation: Huber's loss on the log loss, a prior, and damped Gauss-Newton steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
import numpy as np

from lehr.simulators.laws.curves.form import CurveForm, Design
from lehr.simulators.numerics.levenberg import damped_step, huber, influence
from lehr.simulators.quantities import Floats

SORTING, FOLLOWED, LEAP = 2, 8, 4
"""After so many steps of every start the best are told apart, so many are followed to their end, and after so many
steps more it is seen which of them have met."""
MET = 1e-2
"""Starts whose objectives and whose L0 differ by less than this share go to the same minimum."""
LINEAR_LOW, LINEAR_HIGH = -30.0, 30.0
"""Of the logarithm of a linear constant."""
LEAST_LOSS = 0.05
"""Far from a fit the loss may be negative, where it has no logarithm [loss_unit]."""
MOST_STEPS = 60
SETTLED = 1e-3
"""A step that lowers the objective by less ends the descent: the objective is half a chi-square, so that it would move
the constants by a twentieth of their standard error. Where the objective is above 1,000, SHARE of it."""
SHARE = 1e-3


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is minimised: sum_i weight_i rho(e_i) / variance + sum_j ((theta_j - centre_j) / spread_j)^2 / 2.

    e is the log of fitted over measured loss, rho Huber's loss with ``delta``; ``variance`` is that of one row, times
    the rows that say the same.
    """

    form: CurveForm
    design: Design
    log_loss: Floats
    weight: Floats
    delta: float
    variance: float

    @property
    def n_linear(self) -> int:
        """L0 and what multiplies the columns: how many constants [1]."""
        return 1 + len(self.form.linear)

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Centre and precision (1 / spread^2) of each coordinate."""
        shapes, shares = self.form.shapes, self.form.shares or ((1.0, np.inf),) * len(self.form.linear)
        lowest = float(self.log_loss.min())
        return (
            np.array([0.0, *(np.log(share) + lowest for share, _ in shares), *(s.centre for s in shapes)]),
            np.array([0.0, *(spread**-2.0 for _, spread in shares), *(s.spread**-2.0 for s in shapes)]),
        )

    @property
    def limits(self) -> tuple[Floats, Floats]:
        """Lowest and highest of each coordinate."""
        shapes, n = self.form.shapes, self.n_linear - 1
        signed = np.array([name in self.form.signed for name in self.form.linear])
        return (
            np.concatenate([[-np.inf], np.where(signed, -np.inf, np.full(n, LINEAR_LOW)), [s.low for s in shapes]]),
            np.concatenate([[np.inf], np.where(signed, np.inf, np.full(n, LINEAR_HIGH)), [s.high for s in shapes]]),
        )

    def model(self, theta: Floats) -> tuple[Floats, Floats]:
        """Log loss of every row and its derivatives (rows, coordinates)."""
        n = self.n_linear
        columns, slopes = self.design.columns(theta[n:])
        signed = np.array([name in self.form.signed for name in self.form.linear])
        with np.errstate(over="ignore"):
            linear = np.where(signed, theta[1:n], np.exp(np.clip(theta[1:n], LINEAR_LOW, LINEAR_HIGH)))
        loss = theta[0] + columns @ linear
        loss = np.maximum(loss, LEAST_LOSS)
        jacobian = np.empty((len(loss), len(theta)))
        jacobian[:, 0] = 1.0
        jacobian[:, 1:n] = columns * np.where(signed, 1.0, linear)
        jacobian[:, n:] = (slopes @ linear).T
        return np.log(loss), jacobian / loss[:, None]

    def value(self, theta: Floats, error: Floats) -> float:
        """The objective at coordinates ``theta`` with the rows' ``error`` (rows,) [1]."""
        centre, precision = self.prior
        rows = huber(error, self.delta, self.weight) / self.variance
        return float(rows + 0.5 * precision @ (theta - centre) ** 2)


def first_points(problem: Problem, phis: Sequence[Floats]) -> list[Floats]:
    """Complete coordinates for shapes ``phis``: the linear constants by weighted least squares; the best first."""
    loss = np.exp(problem.log_loss)
    root = np.sqrt(problem.weight) / loss
    signed = np.array([name in problem.form.signed for name in problem.form.linear])
    found: list[tuple[float, int, Floats]] = []
    for phi in phis:
        columns, _ = problem.design.columns(phi)
        whole = np.concatenate([np.ones((len(loss), 1)), columns], axis=1) * root[:, None]
        linear = np.linalg.lstsq(whole, loss * root, rcond=None)[0]
        if (linear[1:][~signed] <= 0).any():
            # a term of the wrong sign is all but left out, and the others without it are found by the descent
            size = float(loss.mean()) / np.maximum(np.abs(columns).max(axis=0), 1e-300)
            linear[1:] = np.where(signed, linear[1:], np.maximum(linear[1:], 1e-2 * size))
            linear[0] = np.average(loss - columns @ linear[1:], weights=root**2)
        coded = np.where(signed, linear[1:], np.log(np.where(signed, 1.0, linear[1:])))
        theta = np.concatenate([linear[:1], coded, phi])
        predicted = np.log(np.maximum(linear[0] + columns @ linear[1:], LEAST_LOSS))
        value = problem.value(theta, predicted - problem.log_loss)
        found.append((value, len(found), theta))
    return [theta for _, _, theta in sorted(found)]


class Way:
    """A descent as far as it has come: the coordinates ``theta`` and the objective ``value`` there, whether it is
    ``going`` on, and how many starts have ``met`` in it."""

    def __init__(self, problem: Problem, point: Floats) -> None:
        self._steps = descent(problem, point)
        self.theta, self.value = next(self._steps)
        self.going, self.met = True, 1

    def follow(self, steps: int) -> None:
        """So many steps further, or to the end."""
        taken = list(islice(self._steps, steps))
        self.theta, self.value = taken[-1] if taken else (self.theta, self.value)
        self.going = len(taken) == steps


def meet(one: tuple[Floats, float], other: tuple[Floats, float]) -> bool:
    """Are coordinates and objective of the two of one minimum, as far as can be seen?

    >>> meet((np.array([2.5]), 10.0), (np.array([2.51]), 10.05)), meet((np.array([2.5]), 10.0), (np.array([2.4]), 10.0))
    (True, False)
    """
    near = abs(one[1] - other[1]) < MET * max(abs(other[1]), 1.0)
    return near and bool(abs(one[0][0] - other[0][0]) < MET * abs(other[0][0]))


def race(problem: Problem, points: Sequence[Floats]) -> list[Way]:
    """Where the starts ``points`` end, the best first: all of them take ``SORTING`` steps, the best ``FOLLOWED`` go on,
    and of those that meet the best."""
    ways = [Way(problem, point) for point in points]
    for way in ways:
        way.follow(SORTING)
    ways = sorted(ways, key=lambda way: way.value)[:FOLLOWED]
    while any(way.going for way in ways):
        for way in ways:
            way.follow(LEAP)
        apart: list[Way] = []
        for way in sorted(ways, key=lambda way: way.value):
            same = next((b for b in apart if meet((way.theta, way.value), (b.theta, b.value))), None)
            if same is None:
                apart.append(way)
            else:
                same.met += way.met
        ways = apart
    return ways


def descend(problem: Problem, theta: Floats, most_steps: int = MOST_STEPS) -> tuple[Floats, float]:
    """The minimum that is reached from ``theta``, and the objective there."""
    *_, end = descent(problem, theta, most_steps)
    return end


def descent(problem: Problem, theta: Floats, most_steps: int = MOST_STEPS) -> Iterator[tuple[Floats, float]]:
    """``theta`` and where each step from there leads, ever lower, to a minimum; the objective at each."""
    low, high = problem.limits
    centre, precision = problem.prior
    theta = np.clip(theta, low, high)
    predicted, jacobian = problem.model(theta)
    error = predicted - problem.log_loss
    value, damping = problem.value(theta, error), 1e-3
    yield theta, value
    for _ in range(most_steps):
        gradient, curvature = steepness(problem, error, jacobian)
        gradient = gradient + precision * (theta - centre)
        curvature = curvature + np.diag(precision)
        # a coordinate at its limit that wants to leave it stays
        held = ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))
        improved = False
        for _ in range(12):
            step = damped_step(curvature[None], gradient[None], np.array([damping]), held[None])[0]
            trial = np.clip(theta + step, low, high)
            new_predicted, new_jacobian = problem.model(trial)
            new_error = new_predicted - problem.log_loss
            new_value = problem.value(trial, new_error)
            if new_value < value:
                improved = True
                break
            damping *= 5
        if not improved:
            return
        gain = value - new_value
        theta, value, error, jacobian = trial, new_value, new_error, new_jacobian
        damping = max(damping / 5, 1e-9)
        yield theta, value
        if gain < SETTLED * max(SHARE * value, 1.0):
            return


def steepness(problem: Problem, error: Floats, jacobian: Floats) -> tuple[Floats, Floats]:
    """Gradient of the rows' part of the objective and the curvature that its steps use."""
    share = influence(error, problem.delta, problem.weight / problem.variance)
    return jacobian.T @ (share * error), (jacobian * share[:, None]).T @ jacobian
