"""One minimum of a curve's fit: its scale from its own residuals, and how sure its coordinates are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from lehr.simulators.laws.curves import CurveForm
from lehr.simulators.laws.curves.fitting.descent import Problem, descend
from lehr.simulators.laws.curves.runs import LoggedRun
from lehr.simulators.quantities import Floats

ROUNDS = 3
"""Times that the scale of the residuals is estimated again."""
FIRST_SCALE = 3e-3
LEAST_SCALE = 1e-7
"""Below it the residuals are the blocks' own error, not the runs' noise [log loss]."""
MOST_LAGS = 80
STRAYS, PIECES = 1.2e-3, 4
"""By how much a run strays from its law at least [log loss], and in how many pieces each in its own way: rows of one
run say no more of the constants than so many that err by so much, however little noise they have."""
BELIEVED = 0.3
"""Of that variance, in the minimum; the rest, in the covariance alone, would give the prior more say than predicts
best."""


class Settled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A minimum whose scale agrees with its residuals; ``spread`` is the residuals' standard deviation."""

    theta: Floats
    covariance: Floats
    residual: list[Floats]
    scale: float
    repeated: float

    @property
    def spread(self) -> float:
        """Of the residuals, with outliers held at four scales [log loss]."""
        clipped = np.clip(np.concatenate(self.residual), -4 * self.scale, 4 * self.scale)
        return float(np.sqrt(np.mean(clipped**2)))


def problem_of(used: Sequence[LoggedRun], form: CurveForm, peak: float) -> Problem:
    """The minimisation, with a first guess of the residuals' scale."""
    return Problem(
        form=form,
        design=form.design(used, peak),
        log_loss=np.log(np.concatenate([run.loss for run in used])),
        weight=row_weights(used, form.weight_power),
        delta=FIRST_SCALE,
        variance=FIRST_SCALE**2,
    )


def settle(problem: Problem, theta: Floats, used: Sequence[LoggedRun], rounds: int = ROUNDS) -> Settled:
    """From a first minimum to one whose threshold, scale and repetition are those of its own residuals.

    >>> from lehr.simulators.laws.curves import PowerOfSum, curve_form
    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> rates = np.full(1000, 1e-3)
    >>> rows = np.arange(9, 1000, 10)
    >>> used = [make_run("a", rows, law.loss(rates)[rows] * np.exp(1e-3 * (-1.0) ** np.arange(100)), rates)]
    >>> problem = problem_of(used, curve_form("power_of_sum"), 1e-3)
    >>> found = settle(problem, np.array([3.0, np.log(0.5), 0.5]), used)
    >>> round(float(found.theta[2]), 2), round(found.scale, 4), round(found.repeated, 1)
    (0.5, 0.0015, 1.0)
    """
    cuts = np.cumsum([len(run) for run in used])[:-1]
    scale, repeated = FIRST_SCALE, 1.0
    for _ in range(rounds):
        error = problem.model(theta)[0] - problem.log_loss
        scale = max(float(1.4826 * np.median(np.abs(error))), LEAST_SCALE)
        repeated = repeats(np.split(np.clip(error, -3 * scale, 3 * scale), cuts))
        variance = row_variance(problem.form, scale, repeated, len(error), len(used))
        # what the law itself errs by is no outlier: else many quiet rows of a constant rate outvote the decay's few
        problem = msgspec.structs.replace(problem, delta=max(scale / 1.4826, STRAYS), variance=variance)
        theta, _ = descend(problem, theta)
    predicted, jacobian = problem.model(theta)
    residual = problem.log_loss - predicted
    return Settled(
        theta=theta,
        covariance=covariance_of(problem, residual, jacobian, repeated=repeated, n_runs=len(used)),
        residual=np.split(residual, cuts),
        scale=scale,
        repeated=repeated,
    )


def poorness(problem: Problem, found: Sequence[Settled], used: Sequence[LoggedRun]) -> list[float]:
    """How poorly each of ``found`` describes the rows: half a chi-square at the scale of the least residuals, and the
    prior. Each own scale would let a law that goes wrong in a part of the rows call them outliers."""
    least = min(found, key=lambda one: one.scale)
    rows = len(problem.log_loss)
    variance = row_variance(problem.form, least.scale, least.repeated, rows, len(used))
    centre, precision = problem.prior
    return [0.5 * float(rows * one.spread**2 / variance + precision @ (one.theta - centre) ** 2) for one in found]


def row_variance(form: CurveForm, scale: float, repeated: float, rows: int, runs: int) -> float:
    """Of one of ``rows`` of ``runs`` whose residuals have this ``scale``: at least what runs stray by."""
    # a form without a prior on every constant has nothing else to believe
    return max(scale**2 * repeated, BELIEVED * straying(rows, runs) if form.shares else 0.0)


def straying(rows: int, runs: int) -> float:
    """The variance of one of ``rows`` of ``runs`` that say no more than ``PIECES`` of each run [log loss squared].

    >>> straying(400, 2) == 1.2e-3**2 * 50
    True
    """
    return STRAYS**2 * rows / (PIECES * runs)


def row_weights(runs: Sequence[LoggedRun], power: float) -> Floats:
    """Weights with mean one: each run the same in all, within a run s^-power at step s.

    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> rates = np.ones(401)
    >>> runs = [make_run("a", [100, 400], [3, 2], rates), make_run("b", [400], [2], rates)]
    >>> row_weights(runs, 0.5).round(3).tolist()
    [1.0, 0.5, 1.5]
    """
    parts = []
    for run in runs:
        weight = np.maximum(run.steps, 1.0) ** -power
        parts.append(weight / weight.sum())
    weights = np.concatenate(parts)
    return np.asarray(weights / weights.mean())


def repeats(residuals: Sequence[Floats]) -> float:
    """1 + 2 sum of the autocorrelations up to the first that is not positive: how many rows say the same.

    >>> repeats([np.array([1.0, -1.0] * 50)])
    1.0
    """
    lags = min(MOST_LAGS, max(len(r) for r in residuals) // 2)
    products = np.zeros(lags + 1)
    for r in residuals:
        for lag in range(min(lags, len(r) - 1) + 1):
            products[lag] += r[lag:] @ r[: len(r) - lag]
    if products[0] <= 0:
        return 1.0
    correlation = products[1:] / products[0]
    below = np.flatnonzero(correlation <= 0)
    return float(1 + 2 * correlation[: below[0] if len(below) else lags].sum())


def covariance_of(problem: Problem, residual: Floats, jacobian: Floats, *, repeated: float, n_runs: int) -> Floats:
    """The covariance of the M-estimate with unequal weights, its prior and rows that repeat each other.

    V = H^-1 (J' W^2 J / v + P) H^-1 with H = J' W J / v + P, P the prior's precision and v = repeated E[psi^2] /
    E[psi']^2, the asymptotic variance of Huber's estimate (Huber 1964), times n / (n - p) of the independent rows; at
    least that of runs that stray (``STRAYS``).
    """
    n, p = jacobian.shape
    psi = np.clip(residual, -problem.delta, problem.delta)
    inside = max(float(np.mean(np.abs(residual) <= problem.delta)), 0.1)
    independent = max(n / repeated, p + 1.0)
    variance = max(
        float(np.mean(psi**2)) / inside**2 * repeated * independent / max(independent - p, 0.25 * independent),
        LEAST_SCALE**2,
        straying(n, n_runs),
    )
    precision = np.diag(problem.prior[1])
    size = np.sqrt(np.sum(jacobian**2, axis=0) / variance + np.diag(precision))
    size = np.where(size > 0, size, 1.0)
    scaled = jacobian / size
    prior = precision / np.outer(size, size)
    bread = (scaled * problem.weight[:, None]).T @ scaled / variance + prior
    meat = (scaled * problem.weight[:, None] ** 2).T @ scaled / variance + prior
    values, vectors = np.linalg.eigh(bread)
    inverse = (vectors / np.maximum(values, 1e-12)) @ vectors.T
    return np.asarray((inverse @ meat @ inverse) / np.outer(size, size))
