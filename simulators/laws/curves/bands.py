"""The band about a curve law's forecast: how sure its constants are, and how far a run strays from its law.

A run strays from its law although all constants were known. The parts that a law adds up are each right to a share:
what is still to be won to ``FORWARD``, what annealing has brought to ``ANNEALED``, and the whole to ``LEAST``; beyond
the fitted peak rates and lengths by ``APART`` and ``LONGER`` more. The shares were learnt on held-out runs of public
sets. A fit's own runs, each left out once, say how much larger or smaller they are for it, and are never believed
alone: the shares count as ``PRIOR_RUNS`` more, and the variance is ``FEWEST`` of theirs at least. So the band is never
that of the constants alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.laws.base import Covariance, split_log
from lehr.simulators.laws.curves import CURVE_FORMS
from lehr.simulators.laws.curves.base import CurveLaw, checked_rates, chosen, constant_values
from lehr.simulators.laws.curves.runs import LoggedRun
from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.quantities import Floats

CONSTANTS, FORWARD, ANNEALED, LEAST, APART, LONGER = 0.8, 0.012, 0.055, 0.0005, 0.025, 0.07
"""Of the constants' variance; of what is to be won; of what annealing brought; of the loss; of all parts for each
factor e of distance in peak rate; of what is to be won for each factor e of length. [1]"""
PRIOR_RUNS, FEWEST, DEGREES = 1, 0.25, 4
"""Runs that the shares count as; the least factor of the variance; degrees of freedom of Student's t beside those of
the runs that were left out."""
MOST_STRAY = 25.0
"""A row of a run that was left out counts no more than this many variances."""
N_STEPS = 300
"""Steps at which a variance is read; between them its root is straight."""


def band(
    law: CurveLaw,
    rates: ArrayLike,
    *,
    level: float = 0.95,
    steps: Sequence[int] | NDArray[np.int_] | None = None,
    changed_at: int | None = None,
    of_run: bool = True,
    noise: float | None = None,
) -> tuple[Floats, Floats]:
    """The interval that holds the loss with probability ``level`` at every step, or at ``steps`` [loss_unit].

    The constants' covariance is carried to the log loss by its derivatives. With ``of_run`` what a run strays from its
    law is added, and ``noise``, the standard deviation of the rows that it is set beside [log loss], else the residual
    of the fitted rows: an interval for logged losses. Without it, the interval of the law's own curve.

    Raises ``ValueError`` where the law has no covariance, or unless 0 < ``level`` < 1.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, uncertainty=Covariance(
    ...     parameters=["L0"], covariance=[[0.0001]], residual=0.0))
    >>> low, high = band(law, np.full(10000, 1e-4), steps=[9999], of_run=False)
    >>> low.round(4), high.round(4)
    (array([3.4753]), array([3.5249]))
    """
    known = known_of(law)
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; write a share between 0 and 1, such as 0.95")
    array = checked_rates(rates)
    at = np.arange(len(array)) if steps is None else chosen(steps, len(array))
    centre = law.loss(array, changed_at=changed_at)[at]
    spread = spread_of(law, array, at, changed_at=changed_at, of_run=of_run)
    if of_run:
        spread = np.hypot(spread, (known.residual or 0.0) if noise is None else noise)
    factor = np.exp(quantile(level, known) * spread)
    return centre / factor, centre * factor


def quantile(level: float, known: Covariance) -> float:
    """Student's t at a central ``level``, by the runs that could be left out.

    >>> round(quantile(0.95, Covariance(parameters=[], covariance=[], left_out=3)), 2)
    2.36
    """
    return t_quantile((1 - level) / 2, DEGREES + (known.left_out or 0))


def basis_of(law: CurveLaw) -> str:
    """What the band of a law rests on, in words. Raises ``ValueError`` where it has none.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> basis_of(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, uncertainty=Covariance(
    ...     parameters=[], covariance=[], left_out=0)))
    'shares learnt on public runs alone: no run of this fit could be left out'
    """
    known = known_of(law)
    if not known.left_out:
        return "shares learnt on public runs alone: no run of this fit could be left out"
    runs = "one run" if known.left_out == 1 else f"{known.left_out} runs"
    return f"shares learnt on public runs, corrected by {runs} of this fit that were each left out once"


def known_of(law: CurveLaw) -> Covariance:
    """The law's covariance. Raises ``ValueError`` where it has none."""
    if not isinstance(law.uncertainty, Covariance):
        raise ValueError(f"{law.name} says nothing of how sure its constants are; fit runs for a band")
    return law.uncertainty


def spread_of(
    law: CurveLaw, rates: Floats, at: NDArray[np.int_], *, changed_at: int | None = None, of_run: bool = True
) -> Floats:
    """The standard deviation of a run about the law at steps ``at``, without the noise of its rows [log loss]."""
    known = known_of(law)
    if not len(at):
        return np.zeros(0)
    few = at if len(at) <= N_STEPS else np.unique(at[np.linspace(0, len(at) - 1, N_STEPS).round().astype(int)])
    few = np.unique(few)
    after = few[np.cumsum(rates)[few] > 0]
    if not len(after):
        return np.full(len(at), np.inf)
    loss = law.loss(rates, changed_at=changed_at)
    own = LoggedRun(name=law.name, steps=after, loss=loss[after], rates=rates, changed_at=changed_at)
    variance = CONSTANTS * _of_constants(law, known, own)
    if of_run:
        forward, annealing = law.parts(rates, changed_at=changed_at)
        fallen = np.maximum.accumulate(annealing) - annealing
        variance = variance + strays(
            forward[after] / loss[after],
            fallen[after] / loss[after],
            (np.maximum(annealing[after], 0.0)) / loss[after],
            longer=np.log(np.maximum(after / law.range.steps[1], 1.0)) if law.range.steps else np.zeros(len(after)),
            apart=distance(law, float(rates.max())),
        )
    variance = variance * (1.0 if known.strays is None else known.strays)
    return np.asarray(np.interp(at, after, np.sqrt(variance)))


def strays(forward: Floats, fallen: Floats, level: Floats, *, longer: Floats, apart: float) -> Floats:
    """The variance of a run about its law [log loss squared], by the parts of the loss (rows,) as shares of it:
    ``forward`` is still to be won, ``fallen`` is what annealing brought, ``level`` what noise is left.

    >>> strays(np.array([0.1]), np.zeros(1), np.zeros(1), longer=np.zeros(1), apart=0.0).round(8)
    array([1.69e-06])
    """
    return np.asarray(
        (FORWARD * forward) ** 2
        + (ANNEALED * fallen) ** 2
        + LEAST**2
        + (APART * apart * (forward + level)) ** 2
        + (LONGER * longer * forward) ** 2
    )


def distance(law: CurveLaw, peak: float) -> float:
    """How far a peak rate lies from the nearest end of the fitted ones, in factors of e [1]."""
    if law.range.peak_rate is None or peak <= 0:
        return 0.0
    return float(min(abs(np.log(peak / one)) for one in law.range.peak_rate))


def _of_constants(law: CurveLaw, known: Covariance, run: LoggedRun) -> Floats:
    """The variance of the log loss that the constants' covariance gives at the rows of ``run``, the law's own."""
    form = CURVE_FORMS[str(type(law).__struct_config__.tag)]
    peak, loss = float(run.rates.max()), run.loss
    theta = form.to_coordinates(law, peak)
    constants = form.to_constants(theta, peak)
    n = 1 + len(form.linear)
    columns, slopes = form.design([run], peak).columns(theta[n:])
    signed = np.array([name in form.signed for name in form.linear])
    linear = np.where(signed, theta[1:n], np.exp(np.where(signed, 0.0, theta[1:n])))
    by_theta = np.concatenate(
        [np.ones((len(run), 1)), columns * np.where(signed, 1.0, linear), (slopes @ linear).T], axis=1
    )
    by_theta /= loss[:, None]
    # the covariance is that of the constants, the derivatives are by the fit's coordinates
    to_theta = np.linalg.inv(np.stack([slope for _, slope in constants.values()]))
    values, names = constant_values(law), [split_log(name) for name in constants]
    place = np.zeros((len(names), len(known.parameters)))
    for j, parameter in enumerate(known.parameters):
        log, constant = split_log(parameter)
        for i, (own_log, own) in enumerate(names):
            if own == constant:
                scale = abs(values[own])
                place[i, j] = 1.0 if log == own_log else scale if log else 1.0 / scale
    jacobian = by_theta @ to_theta @ place
    covariance = np.asarray(known.covariance, dtype=float)
    return np.asarray(np.maximum(np.einsum("ti,ij,tj->t", jacobian, covariance, jacobian), 0.0))


def row_noise(loss: Floats) -> float:
    """The standard deviation of the noise of neighbouring rows (rows,) [log loss], robustly by second differences.

    >>> rows = 3.0 * np.exp(1e-3 * np.random.default_rng(0).standard_normal(4000) - 1e-5 * np.arange(4000))
    >>> round(row_noise(rows), 3)
    0.001
    """
    if len(loss) < 8:
        return 0.0
    bends = np.diff(np.log(loss), n=2)
    return float(1.4826 * np.median(np.abs(bends)) / np.sqrt(6.0))
