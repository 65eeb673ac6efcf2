"""Constants of the speed of generation from measurements, under their priors, and how far off a new case may be.

A row's residual is what its source, its network on its device and itself add, each normal with a spread of its own, so
that ten settings of one engine count for little more than a few.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lehr.simulators.machine.generation import GENERATION_PRIORS, Load, output_rate
from lehr.simulators.numerics.levenberg import damped_step

CENTRES = np.log([p.centre for p in GENERATION_PRIORS.values()])
SPREADS = np.array([p.spread for p in GENERATION_PRIORS.values()])

SOURCE, CASE, ROW = 0.15, 0.15, 0.12
"""Standard deviations of what a source, a network on a device, and a row add to the logarithm of a speed: engines of
one network on one device are 1.3 to 2 times apart where both were measured."""

HUBER = 2.0
"""Whitened residuals beyond which a row pulls no harder [1]."""

LEVEL = 1.645
"""Standard deviations of 90 % of a normal law."""


class GenerationFit(NamedTuple):
    """Logarithms of the constants, in the order of ``GENERATION_NAMES``, and their covariance."""

    logs: np.ndarray
    covariance: np.ndarray


PRIOR_FIT = GenerationFit(CENTRES, np.diag(SPREADS**2))
"""What is believed without any measurement."""


class Measured(NamedTuple):
    """Measured rows: loads, logarithms of tokens written a second and device, sources, networks on devices."""

    load: Load
    logs: np.ndarray
    source: np.ndarray
    case: np.ndarray

    def take(self, index: np.ndarray) -> Measured:
        """The rows at ``index``."""
        return Measured(Load(*(v[index] for v in self.load)), self.logs[index], self.source[index], self.case[index])


def covariance(rows: Measured) -> np.ndarray:
    """Covariance of the rows' residuals."""
    same_source, same_case = (of[:, None] == of for of in (rows.source, rows.case))
    return np.asarray(SOURCE**2 * same_source + CASE**2 * same_case + ROW**2 * np.eye(len(rows.logs)))


def fit_generation(rows: Measured, most_steps: int = 60) -> GenerationFit:
    """The constants that explain ``rows`` best, by Levenberg and Marquardt's steps on a pseudo-Huber loss under the
    priors; the covariance is the inverse of the Gauss-Newton matrix at the end."""
    factor = np.linalg.cholesky(covariance(rows))

    def residuals(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.solve(factor, np.log(output_rate(rows.load, x)) - rows.logs))

    def objective(r: np.ndarray, x: np.ndarray) -> float:
        return float(
            (2 * HUBER**2 * (np.sqrt(1 + (r / HUBER) ** 2) - 1)).sum() + (((x - CENTRES) / SPREADS) ** 2).sum()
        )

    x, damping, held = CENTRES.copy(), 1e-2, np.zeros((1, len(CENTRES)), dtype=bool)
    r = residuals(x)
    best = objective(r, x)
    for _ in range(most_steps):
        matrix, gradient = _curvature(residuals, x, r)
        gained = 0.0
        while damping < 1e8:
            tried = x + np.clip(damped_step(matrix[None], gradient[None], np.array([damping]), held)[0], -1.0, 1.0)
            r_tried = residuals(tried)
            if (value := objective(r_tried, tried)) < best:
                gained, x, r, best = best - value, tried, r_tried, value
                damping = max(damping / 5, 1e-9)
                break
            damping *= 4
        if gained < 1e-9 * best:
            break
    return GenerationFit(x, np.linalg.inv(_curvature(residuals, x, r)[0]))


def _curvature(residuals: object, x: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    slopes = np.stack([(residuals(x + step) - r) / 1e-5 for step in 1e-5 * np.eye(len(x))], axis=1)  # type: ignore[operator]
    weighted = slopes / np.sqrt(1 + (r / HUBER) ** 2)[:, None]
    return weighted.T @ slopes + np.diag(SPREADS**-2.0), weighted.T @ r + (x - CENTRES) / SPREADS**2


class Told(NamedTuple):
    """Logarithm of tokens written a second and device: its centre and standard deviation."""

    logs: np.ndarray
    spread: np.ndarray


def told(load: Load, fit: GenerationFit) -> Told:
    """What ``fit`` says of ``load``: the spread has the constants' share, and those of a new source, case and row."""
    centre = np.atleast_1d(np.log(output_rate(load, fit.logs)))
    steps = 1e-5 * np.eye(len(fit.logs))
    slopes = np.stack([(np.log(output_rate(load, fit.logs + s)) - centre) / 1e-5 for s in steps], axis=-1)
    constants = np.einsum("ij,jk,ik->i", slopes, fit.covariance, slopes)
    return Told(centre, np.sqrt(constants + SOURCE**2 + CASE**2 + ROW**2))


def leave_out(rows: Measured, groups: np.ndarray) -> Told:
    """Each group's rows as told by constants that were fitted to the others alone."""
    logs, spread = np.zeros(len(rows.logs)), np.zeros(len(rows.logs))
    for group in np.unique(groups):
        inside = groups == group
        found = told(rows.take(np.flatnonzero(inside)).load, fit_generation(rows.take(np.flatnonzero(~inside))))
        logs[inside], spread[inside] = found.logs, found.spread
    return Told(logs, spread)
