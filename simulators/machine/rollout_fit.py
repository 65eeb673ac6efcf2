"""Constants of a step of reinforcement learning from measured steps, under their priors.

As for the speed of generation (``generation_fit``), a residual is what its source, its network on its devices and
itself add, so that fifty steps of one system count for little more than a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lehr.simulators.machine.rollout import PRIOR_ROLLOUT_FIT, Plant, RolloutFit, arranged, seconds_of
from lehr.simulators.numerics.priors import fit_under_priors

SOURCE, CASE, ROW = 0.20, 0.15, 0.12
"""Standard deviations of what a system, a network on its devices, and a step add to the logarithm of its seconds."""

HUBER = 2.0
"""Whitened residuals beyond which a step pulls no harder [1]."""


class Step(NamedTuple):
    """A measured step [s]: what ran it, of which source, and which network on which devices."""

    plant: Plant
    seconds: float
    source: str
    case: str


def fit_rollouts(steps: Sequence[Step], most_steps: int = 30) -> RolloutFit:
    """The constants that explain ``steps`` best, and their standard deviations.

    >>> fit_rollouts([]) == PRIOR_ROLLOUT_FIT
    True
    """
    if not steps:
        return PRIOR_ROLLOUT_FIT
    centres, spreads = (np.array(of) for of in PRIOR_ROLLOUT_FIT)
    work = [arranged(one.plant) for one in steps]
    measured = np.log([one.seconds for one in steps])
    same_source, same_case = (
        np.array(of)[:, None] == np.array(of) for of in zip(*((s.source, s.case) for s in steps), strict=True)
    )
    factor = np.linalg.cholesky(SOURCE**2 * same_source + CASE**2 * same_case + ROW**2 * np.eye(len(steps)))

    def residuals(x: np.ndarray) -> np.ndarray:
        told = [seconds_of(one.plant, each, x.tolist())[0] for one, each in zip(steps, work, strict=True)]
        return np.asarray(np.linalg.solve(factor, np.log(told) - measured))

    logs, covariance = fit_under_priors(residuals, centres, spreads, huber=HUBER, most_steps=most_steps, tolerance=1e-6)
    return RolloutFit(tuple(map(float, logs)), tuple(map(float, np.sqrt(np.diag(covariance)))))
