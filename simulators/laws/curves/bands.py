"""The band about a curve law's forecast: how sure its constants are, and how far a run strays from its law.

A run strays from its law although all constants were known. The parts that a law adds up are each right to a share
(``Straying``), and to less beyond the fitted peak rates and steps. What warm-up leaves in the steps after it follows no
power of theirs, nor do the first steps at other peak rates. The shares were learnt on held-out runs of public sets, for
each clock of a law. A fit's own runs, each left out once, say how much larger or smaller they are for it, of rows
before the rate falls and of those that annealing has brought down apart, and are never believed alone: the shares count
as ``Straying.runs`` more, and the variance is ``FEWEST`` of theirs at least. So the band is never that of the constants
alone, and runs that never anneal make no band of annealing narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.laws.base import Covariance, split_log
from lehr.simulators.laws.curves import CURVE_FORMS, MultiPower
from lehr.simulators.laws.curves.base import CurveLaw, checked_rates, chosen, constant_values
from lehr.simulators.laws.curves.form import IN_RATES, Straying
from lehr.simulators.laws.curves.runs import LoggedRun
from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.quantities import Floats

FEWEST, DEGREES = 0.1, 30
"""The least factor of the variance; degrees of freedom of Student's t beside those of the runs that were left out."""
MOST_STRAY = 25.0
"""A row of a run that was left out counts no more than this many variances."""
ONE = 1.1
"""Times the lowest fitted peak rate, up to which the highest is the same."""
ALONE = (
    " (of laws of one run, where it says 95 %, it held 93 % of the ends of other public runs, 63 % of simulated ones)"
)
"""What was found of such laws, of multi-power form in how far a step turns the weights: 536 of 574 ends of public runs,
229 of 363 of descents on made losses, whose noise and curvatures are unlike theirs."""
N_STEPS = 120
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
    (array([3.4796]), array([3.5205]))
    """
    centre, factor = centre_and_factor(
        law, rates, level=level, steps=steps, changed_at=changed_at, of_run=of_run, noise=noise
    )
    return centre / factor, centre * factor


def centre_and_factor(
    law: CurveLaw,
    rates: ArrayLike,
    *,
    level: float = 0.95,
    steps: Sequence[int] | NDArray[np.int_] | None = None,
    changed_at: int | None = None,
    of_run: bool = True,
    noise: float | None = None,
) -> tuple[Floats, Floats]:
    """The law's loss [loss_unit] and the factor that the band reaches up and down from it [1], as ``band`` has them."""
    known = known_of(law)
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; write a share between 0 and 1, such as 0.95")
    array = checked_rates(rates)
    at = np.arange(len(array)) if steps is None else chosen(steps, len(array))
    parts = law.parts(array, changed_at=changed_at)
    centre = constant_values(law)["L0"] + (parts[0] + parts[1])[at]
    spread = spread_of_modes(modes_of(law, array, at, parts, changed_at=changed_at, of_run=of_run))
    if of_run:
        spread = np.hypot(spread, (known.residual or 0.0) if noise is None else noise)
    # where a fit says nothing of a row, the band holds any loss
    with np.errstate(over="ignore"):
        return centre, np.exp(quantile(level, known) * spread)


def quantile(level: float, known: Covariance) -> float:
    """Student's t at a central ``level``, by the runs that could be left out.

    >>> round(quantile(0.95, Covariance(parameters=[], covariance=[], left_out=3)), 2)
    2.03
    """
    return t_quantile((1 - level) / 2, DEGREES + (known.left_out or 0))


def basis_of(law: CurveLaw) -> str:
    """What the band of a law rests on, in words. Raises ``ValueError`` where it has none.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> basis_of(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, uncertainty=Covariance(
    ...     parameters=[], covariance=[], left_out=0)))
    'shares learnt on public runs alone: no run of this fit could be left out, so that nothing bears out its level'
    """
    known = known_of(law)
    if not known.left_out:
        said = "shares learnt on public runs alone: no run of this fit could be left out"
        said += ", so that nothing bears out its level"
        return said + ALONE if known.left_out == 0 and isinstance(law, MultiPower) and law.weight_decay > 0 else said
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
    parts = law.parts(rates, changed_at=changed_at)
    return spread_of_modes(modes_of(law, rates, at, parts, changed_at=changed_at, of_run=of_run))


def spread_of_modes(modes: Floats) -> Floats:
    """The standard deviation (steps,) of the sum of ``modes`` (steps, modes) with independent coefficients of size 1.

    >>> spread_of_modes(np.array([[0.03, 0.04]])).tolist()
    [0.05]
    """
    return np.asarray(np.sqrt(np.einsum("tm,tm->t", modes, modes)))


def modes_of(
    law: CurveLaw,
    rates: Floats,
    at: NDArray[np.int_],
    parts: tuple[Floats, Floats],
    *,
    changed_at: int | None = None,
    of_run: bool = True,
) -> Floats:
    """How a run may stray from its law at steps ``at``: (steps, modes) [log loss], each mode with a coefficient of its
    own that is a standard normal number, one for the whole run. ``parts`` are the law's at every step.

    The first modes are those of the constants' covariance, the others of what a run strays from its law although they
    were known.
    """
    known = known_of(law)
    few = at if len(at) <= N_STEPS else at[np.linspace(0, len(at) - 1, N_STEPS).round().astype(int)]
    few = np.unique(few)
    after = few[np.cumsum(rates)[few] > 0]
    if not len(after):
        return np.full((len(at), 1), np.inf)
    forward, annealing = parts
    loss = constant_values(law)["L0"] + forward[after] + annealing[after]
    own = LoggedRun(name=law.name, steps=after, loss=loss, rates=rates, changed_at=changed_at)
    by = straying_of(law)
    modes = sqrt(by.constants * by.few(known.left_out or 0)) * _of_constants(law, known, own)
    fallen, level = (part[after] / loss for part in fallen_and_level(annealing))
    if of_run:
        straying = strays(
            by,
            forward[after] / loss,
            fallen,
            level,
            **beyond(after, law.range.steps),
            warmed=warmed(after, own.warm_up_end),
            apart=distance(law, float(rates.max())),
            alone=law.range.peak_rate is not None and alike(law.range.peak_rate),
        )
        modes = np.concatenate([modes, straying], axis=1)
    share, plain = annealed(fallen, level), 1.0 if known.strays is None else known.strays
    brought = plain if known.strays_annealed is None else known.strays_annealed
    modes = modes * np.sqrt(plain + (brought - plain) * share)[:, None]
    if np.array_equal(at, after):
        return modes
    return np.stack([np.interp(at, after, mode) for mode in modes.T], axis=1)


def straying_of(law: CurveLaw) -> Straying:
    """By what shares a run strays from laws of its form and clock.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> straying_of(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)).least
    0.006
    """
    # without weight decay the multi-power law is its authors', in the rates
    in_rates = isinstance(law, MultiPower) and law.weight_decay == 0.0
    return IN_RATES if in_rates else CURVE_FORMS[str(type(law).__struct_config__.tag)].straying


def strays(
    by: Straying,
    forward: Floats,
    fallen: Floats,
    level: Floats,
    *,
    earlier: Floats,
    longer: Floats,
    warmed: Floats,
    apart: float,
    alone: bool,
) -> Floats:
    """The modes (rows, 10) of a run about its law [log loss], by the parts of the loss (rows,) as shares of it:
    ``forward`` is still to be won, ``fallen`` is what annealing brought, ``level`` what noise is left; ``alone``: all
    fitted runs have one peak rate.

    >>> from lehr.simulators.laws.curves.form import IN_TURNS
    >>> none, all_ = np.zeros(1), np.ones(1)
    >>> beside = {"earlier": none, "longer": all_, "warmed": all_, "apart": 1.0, "alone": True}
    >>> strays(IN_TURNS, 0.1 * all_, none, none, **beside).round(6).tolist()
    [[0.0001, 0.0, 0.0, 0.0001, 0.0008, 0.005, 0.0, 0.0005, 0.0036, 0.011]]
    """
    return np.stack(
        [
            by.forward * forward,
            by.annealed * fallen,
            by.taken * fallen * annealed(fallen, level) ** 4,
            np.full_like(forward, by.least),
            by.apart * apart * (forward + level),
            by.alone * alone * apart * forward,
            by.earlier * earlier * forward,
            by.longer * longer,
            by.warmed * warmed * forward,
            by.bent * apart * forward**2,
        ],
        axis=1,
    )


def fallen_and_level(annealing: Floats) -> tuple[Floats, Floats]:
    """What annealing has brought since the part of the loss that it takes away was largest, and what is left of that
    part (rows,) [loss_unit].

    >>> fallen, level = fallen_and_level(np.array([0.1, 0.4, 0.25]))
    >>> fallen.round(3).tolist(), level.tolist()
    ([0.0, 0.0, 0.15], [0.1, 0.4, 0.25])
    """
    return np.maximum.accumulate(annealing) - annealing, np.maximum(annealing, 0.0)


def annealed(fallen: Floats, level: Floats) -> Floats:
    """What annealing brought over that and what noise is left (rows,) [1]: how far a row's noise has been taken away.

    >>> annealed(np.array([0.0, 0.01, 0.03]), np.array([0.04, 0.03, 0.01])).tolist()
    [0.0, 0.25, 0.75]
    """
    return np.asarray(fallen / np.maximum(fallen + level, 1e-9))


def beyond(steps: NDArray[np.int_], fitted: tuple[float, float] | None) -> dict[str, Floats]:
    """How far ``steps`` (rows,) lie before the first fitted row and after the last, in factors of e (rows,) [1].

    >>> {way: far.round(3).tolist() for way, far in beyond(np.array([100, 1000, 40000]), (200.0, 20000.0)).items()}
    {'earlier': [0.693, 0.0, 0.0], 'longer': [0.0, 0.0, 0.693]}
    """
    at = np.maximum(steps, 1.0)
    first, last = fitted or (1.0, np.inf)
    return {"earlier": np.log(np.maximum(first / at, 1.0)), "longer": np.log(np.maximum(at / max(last, 1.0), 1.0))}


def warmed(steps: NDArray[np.int_], warm_up_end: int) -> Floats:
    """The square of warm-up's steps over ``steps`` (rows,), at most 1 [1].

    >>> warmed(np.array([100, 200, 400]), 200).tolist()
    [1.0, 1.0, 0.25]
    """
    return np.minimum(warm_up_end / np.maximum(steps, 1.0), 1.0) ** 2


def distance(law: CurveLaw, peak: float) -> float:
    """How far a peak rate lies from the nearest end of the fitted ones, in factors of e [1]."""
    if law.range.peak_rate is None or peak <= 0:
        return 0.0
    return float(min(abs(np.log(peak / one)) for one in law.range.peak_rate))


def alike(peaks: Sequence[float]) -> bool:
    """Are the peak rates of fitted runs one?

    >>> alike((3e-4, 3e-4)), alike((3e-4, 6e-4))
    (True, False)
    """
    return max(peaks) <= ONE * min(peaks)


def _of_constants(law: CurveLaw, known: Covariance, run: LoggedRun) -> Floats:
    """The modes (rows, constants) of the log loss at the rows of ``run``, the law's own, that the constants' covariance
    gives: their squares add up to the variance."""
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
    values_of, vectors = np.linalg.eigh(np.asarray(known.covariance, dtype=float).reshape(len(place.T), -1))
    return np.asarray(jacobian @ (vectors * np.sqrt(np.maximum(values_of, 0.0))))


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
