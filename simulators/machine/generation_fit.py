"""Constants of the speed of generation from measurements, under their priors, and how far off a new case may be.

A row's residual is what its source, its network on its device and itself add, each normal with a spread of its own, so
that ten settings of one engine count for little more than a few.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lehr.simulators.machine.generation import GENERATION_PRIORS, Load, output_rate
from lehr.simulators.numerics.priors import derivatives, fit_under_priors

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

    return GenerationFit(
        *fit_under_priors(residuals, CENTRES, SPREADS, huber=HUBER, most_steps=most_steps, tolerance=1e-9)
    )


class Told(NamedTuple):
    """Logarithm of tokens written a second and device: its centre and standard deviation."""

    logs: np.ndarray
    spread: np.ndarray


def told(load: Load, fit: GenerationFit) -> Told:
    """What ``fit`` says of ``load``: the spread has the constants' share, and those of a new source, case and row."""
    centre = np.atleast_1d(np.log(output_rate(load, fit.logs)))
    slopes = derivatives(lambda x: np.atleast_1d(np.log(output_rate(load, x))), fit.logs, centre)
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
