"""The band about a curve law's forecast: how sure its constants are, and how far a run strays from its law."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.laws.base import Covariance, split_log
from lehr.simulators.laws.curves.base import CurveLaw, chosen, constant_values, with_constants
from lehr.simulators.quantities import Floats

STEP = 1e-2
"""Of the difference quotients, in standard errors: small beside the curvature, large beside the kernels' tolerance."""


def band(
    law: CurveLaw,
    rates: ArrayLike,
    *,
    level: float = 0.95,
    steps: Sequence[int] | NDArray[np.int_] | None = None,
    changed_at: int | None = None,
    of_run: bool = True,
) -> tuple[Floats, Floats]:
    """The interval that holds the loss with probability ``level`` at every step, or at ``steps`` [loss_unit].

    The constants' covariance is carried to the log loss by its derivatives; with ``of_run`` the residual of a run
    about its law is added, so that the interval is one for logged losses, without it for the law's own curve. The part
    of it that the law misses is 1 + ln(t / T) times as large at a step t beyond T, the last that the law was fitted on:
    an exponent that is off by a little errs in proportion to ln t.

    Raises ``ValueError`` where the law has no covariance, or unless 0 < ``level`` < 1.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, uncertainty=Covariance(
    ...     parameters=["L0"], covariance=[[0.0001]], residual=0.0))
    >>> low, high = band(law, np.full(10000, 1e-4), steps=[9999])
    >>> low.round(4), high.round(4)
    (array([3.4805]), array([3.5197]))
    """
    if not isinstance(law.uncertainty, Covariance):
        raise ValueError(f"{law.name} says nothing of how sure its constants are; fit runs for a band")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; write a share between 0 and 1, such as 0.95")
    at = np.arange(len(np.asarray(rates))) if steps is None else chosen(steps, len(np.asarray(rates)))
    centre = law.loss(rates, changed_at=changed_at)[at]
    matrix = np.asarray(law.uncertainty.covariance, dtype=float)
    slopes = []
    with np.errstate(invalid="ignore"):
        for parameter, variance in zip(law.uncertainty.parameters, np.diag(matrix), strict=True):
            offset = STEP * max(float(np.sqrt(variance)), 1e-9)
            ends = [moved(law, parameter, sign * offset).loss(rates, changed_at=changed_at)[at] for sign in (-1, 1)]
            slopes.append((ends[1] - ends[0]) / (2 * offset) / centre)
        jacobian = np.nan_to_num(np.stack(slopes, axis=1))
    variance = np.maximum(np.einsum("ti,ij,tj->t", jacobian, matrix, jacobian), 0.0)
    if of_run:
        longest = law.range.steps[1] if law.range.steps else np.inf
        growth = 1 + np.log(np.maximum(at / longest, 1.0))
        misfit = law.uncertainty.misfit or 0.0
        variance = variance + (law.uncertainty.residual or 0.0) ** 2 + misfit**2 * (growth**2 - 1)
    factor = np.exp(NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(variance))
    return centre / factor, centre * factor


def moved(law: CurveLaw, parameter: str, offset: float) -> CurveLaw:
    """``law`` with one constant moved by ``offset`` in the coordinate ``parameter``, such as ``log A`` or ``alpha``.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> round(moved(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5), "log A", 0.1).A, 4)
    0.5526
    """
    log, constant = split_log(parameter)
    value = constant_values(law)[constant]
    return with_constants(law, {constant: value * float(np.exp(offset)) if log else value + offset})
