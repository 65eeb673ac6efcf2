"""Robust least squares of a few constants that something is believed of before any measurement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lehr.simulators.numerics.levenberg import damped_step
from lehr.simulators.quantities import Floats

Residuals = Callable[[Floats], Floats]
"""From constants (p,) to whitened residuals (n,)."""

STEP = 1e-5
"""By which a constant moves for a derivative; constants are logarithms, and a difference's error is of this size."""
LONGEST_STEP = 1.0
"""No constant moves further at once."""


def derivatives(function: Residuals, x: Floats, at: Floats) -> Floats:
    """Derivatives (n, p) of ``function``, whose value at ``x`` (p,) is ``at`` (n,), by forward differences.

    >>> derivatives(lambda x: np.array([x[0] + 2 * x[1]]), np.zeros(2), np.zeros(1)).round(6)
    array([[1., 2.]])
    """
    return np.stack([(function(x + step) - at) / STEP for step in STEP * np.eye(len(x))], axis=1)


def fit_under_priors(
    residuals: Residuals,
    centres: Floats,
    spreads: Floats,
    *,
    huber: float,
    start: Floats | None = None,
    most_steps: int,
    tolerance: float,
) -> tuple[Floats, Floats]:
    """The constants (p,) that make ``residuals`` least, and the inverse of the Gauss-Newton matrix there (p, p).

    Each residual counts by the pseudo-Huber loss with ``huber`` [1], each constant by its square distance from
    ``centres`` over ``spreads`` (p,). It ends when a step wins less than ``tolerance`` of the objective.

    >>> found, covariance = fit_under_priors(lambda x: x - 3.0, np.zeros(1), np.ones(1), huber=1e3,
    ...     most_steps=20, tolerance=1e-12)
    >>> found.round(3), covariance.round(3)
    (array([1.5]), array([[0.5]]))
    """

    def objective(r: Floats, x: Floats) -> float:
        loss = 2 * huber**2 * (np.sqrt(1 + (r / huber) ** 2) - 1)
        return float(loss.sum() + (((x - centres) / spreads) ** 2).sum())

    def curvature(r: Floats, x: Floats) -> tuple[Floats, Floats]:
        slopes = derivatives(residuals, x, r)
        weighted = slopes / np.sqrt(1 + (r / huber) ** 2)[:, None]
        return weighted.T @ slopes + np.diag(spreads**-2.0), weighted.T @ r + (x - centres) / spreads**2

    x = centres.copy() if start is None else start.copy()
    r = residuals(x)
    best, damping = objective(r, x), 1e-2
    held = np.zeros((1, len(x)), dtype=bool)
    for _ in range(most_steps):
        matrix, gradient = curvature(r, x)
        gained = 0.0
        while damping < 1e8:
            step = damped_step(matrix[None], gradient[None], np.array([damping]), held)[0]
            tried = x + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
            r_tried = residuals(tried)
            if (value := objective(r_tried, tried)) < best:
                gained, x, r, best = best - value, tried, r_tried, value
                damping = max(damping / 5, 1e-9)
                break
            damping *= 4
        if gained < tolerance * best:
            break
    return x, np.asarray(np.linalg.inv(curvature(r, x)[0]))
