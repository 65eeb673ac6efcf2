"""Intervals of a fit: runs drawn again with replacement, and profiles of the objective."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.base import Bounds, Draws, quantiles
from lehr.simulators.laws.fitting.fit import LawFit, free_of, holding, problem_of
from lehr.simulators.laws.fitting.shared import SharedErrors
from lehr.simulators.laws.surfaces import Surface
from lehr.simulators.laws.surfaces.forms import form_called
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import settle, settle_groups
from lehr.simulators.quantities import Floats

STARTS_PER_DRAW = 6
"""The fitted point, and points about it."""
FLOOR = "log E"
PROFILE_POINTS = 81
PROFILE_WIDTH = 10.0
"""Standard errors to each side that a profile is followed."""


class Resampled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A bootstrap: the coordinates of every fit to resampled runs (draws, p), and the law that carries them."""

    fit: LawFit
    theta: Floats
    law: Surface

    def interval(self, constant: str, level: float = 0.95) -> Bounds:
        """The central interval of one of the law's constants. Raises ``ValueError`` where it has none of that name."""
        values = form_called(self.fit.form).constants(self.theta, self.fit.runs)
        if constant not in values:
            raise ValueError(f"{constant!r} is no constant of {self.fit.form}; it has {', '.join(values)}")
        low, high = quantiles(values[constant], level)
        return float(low), float(high)


def resample(fit: LawFit, draws: int = 200, seed: int = 0, *, shared: SharedErrors | None = None) -> Resampled:
    """Fit again to ``draws`` samples of the runs, drawn with replacement; rows of one label stay together. Errors that
    runs of one size have ``shared`` are drawn anew for every sample.

    Every sample is fitted from ``STARTS_PER_DRAW`` points. The law that comes back has the draws for its
    uncertainty, so that every interval of it is a percentile interval of them.

    Raises ``ValueError`` below 20 draws.
    """
    if draws < 20:
        raise ValueError(f"draws is {draws}; an interval needs 20 or more, a 95 % interval 200")
    form = form_called(fit.form)
    starts = starts_about(fit, STARTS_PER_DRAW, seed)
    counts = resample_counts(fit.runs, draws, seed)
    problem = problem_of(fit.runs, form, fit.delta, fit.held)
    if shared is not None:
        problem = msgspec.structs.replace(problem, target=problem.target + shared.shifts(draws, seed))
    chosen = settle_groups(msgspec.structs.replace(problem, weight=counts), starts, draws)
    constants = form.constants(chosen, fit.runs)
    uncertainty = Draws.of(list(constants), np.stack(list(constants.values()), axis=1), fit.scale)
    return Resampled(fit=fit, theta=chosen, law=msgspec.structs.replace(fit.law, uncertainty=uncertainty))


def resample_counts(runs: Runs, draws: int, seed: int) -> Floats:
    """How often each run occurs in each of ``draws`` samples (draws, runs)."""
    return counts_of_groups(runs.label, draws, seed)


def counts_of_groups(labels: Sequence[object], draws: int, seed: int) -> Floats:
    """The same for rows of which those of one label stay together."""
    group = groups_of(labels)
    n_groups = int(group.max()) + 1
    picks = np.random.default_rng(seed).multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=draws)
    return np.asarray(picks[:, group], dtype=float)


def groups_of(labels: Sequence[object]) -> NDArray[np.int64]:
    """The group of each row, in the order of their first rows: what rows are called does not number them.

    >>> groups_of(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    _, first, group = np.unique(np.asarray(labels), return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[group.reshape(-1)])


def starts_about(fit: LawFit, count: int, seed: int) -> Floats:
    """The fitted point and ``count - 1`` normal draws about it, at twice its covariance's spread.

    Half of the draws have an E between a fifth and nine tenths of the least loss: where E fell to nothing, its
    logarithm has no slope that would lead back.
    """
    values, vectors = np.linalg.eigh(fit.covariance)
    # a direction that the runs leave open is not searched for ever
    half = vectors * np.sqrt(np.clip(values, 0.0, 1.0))
    rng = np.random.default_rng(seed + 1)
    near = fit.theta + 2.0 * rng.standard_normal((count - 1, len(fit.theta))) @ half.T
    if FLOOR in fit.coordinates:
        near[::2, fit.coordinates.index(FLOOR)] = np.log(rng.uniform(0.2, 0.9, len(near[::2])) * fit.runs.loss.min())
    return np.concatenate([fit.theta[None], holding(near, form_called(fit.form), fit.held)])


def profile(fit: LawFit, coordinate: str, level: float = 0.95) -> Bounds:
    """Where the objective, least over all other coordinates, stays below its threshold: a profile interval.

    Twice the rise of the objective is V_ii / (H**-1)_ii times chi-squared with one degree of freedom, V the robust
    covariance and H the curvature (Kent 1982). A side on which the objective never rises so far is infinite: the runs
    set no limit there. Raises ``ValueError`` where the form has no such coordinate.
    """
    if coordinate not in fit.coordinates:
        raise ValueError(f"{coordinate!r} is no coordinate of {fit.form}; write one of {', '.join(fit.coordinates)}")
    if coordinate.removeprefix("log ") in fit.held:
        raise ValueError(f"{coordinate!r} was held: it has no profile")
    i = fit.coordinates.index(coordinate)
    variance, curvature = float(fit.covariance[i, i]), float(fit.inverse_curvature[i, i])
    threshold = 0.5 * NormalDist().inv_cdf((1 + level) / 2) ** 2 * variance / curvature
    form = form_called(fit.form)
    problem = problem_of(fit.runs, form, fit.delta)
    error = min(np.sqrt(variance), 5.0)
    offsets = np.linspace(-PROFILE_WIDTH, PROFILE_WIDTH, PROFILE_POINTS) * error
    offsets = offsets[(fit.theta[i] + offsets >= problem.low[i]) & (fit.theta[i] + offsets <= problem.high[i])]
    # the others begin where the covariance expects them
    along = np.clip(fit.covariance[:, i] / variance, -1e3, 1e3)
    along[i] = 1.0
    free = free_of(form, fit.held).astype(float)
    free[i] = 0.0
    held = msgspec.structs.replace(problem, free=free)
    path = fit.theta + offsets[:, None] * along
    paths = [path]
    for scale, exponent, sizes in (("log A", "alpha", fit.runs.parameters), ("log B", "beta", fit.runs.tokens)):
        if coordinate in (scale, exponent) and {scale, exponent} <= set(fit.coordinates):
            # the term stays what it is at the mean run
            turned = np.repeat(fit.theta[None], len(offsets), axis=0)
            lever = float(np.log(sizes).mean())
            j = fit.coordinates.index(scale if coordinate == exponent else exponent)
            turned[:, i] += offsets
            turned[:, j] += offsets * (lever if coordinate == exponent else 1 / lever)
            paths.append(turned)
    if FLOOR in fit.coordinates and coordinate != FLOOR:
        raised = path.copy()
        raised[:, fit.coordinates.index(FLOOR)] = np.log(0.6 * fit.runs.loss.min())
        paths.append(raised)
    _, value = settle(held, np.concatenate(paths))
    rise = value.reshape(len(paths), -1).min(axis=0) - fit.objective - threshold
    return (
        float(fit.theta[i] + _crossing(offsets, rise, side=-1)),
        float(fit.theta[i] + _crossing(offsets, rise, side=1)),
    )


def _crossing(offsets: Floats, rise: Floats, side: int) -> float:
    """The first offset on one ``side`` of zero at which ``rise`` turns positive, between grid points by a line."""
    chosen = offsets * side >= 0
    x, y = offsets[chosen], rise[chosen]
    order = np.argsort(np.abs(x))
    x, y = x[order], y[order]
    above = np.flatnonzero(y > 0)
    if not len(above):
        return side * float("inf")
    j = int(above[0])
    if j == 0:
        return float(x[0])
    return float(x[j - 1] - y[j - 1] * (x[j] - x[j - 1]) / (y[j] - y[j - 1]))
