"""The loss after the last step of a schedule by a curve law, its slope by every rate, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Bounds, Covariance, StandardErrors, quantiles
from lehr.simulators.laws.curves import CurveLaw, constant_values
from lehr.simulators.laws.curves.bands import band, basis_of
from lehr.simulators.laws.curves.base import with_constants
from lehr.simulators.quantities import Floats
from lehr.simulators.scheduling.pieces import as_pieces

MOST_REPLICAS = 200
"""Sets of constants of one interval; its 2.5 % quantile then has a standard error of 0.19 standard deviations."""


def final_loss(law: CurveLaw, rates: ArrayLike) -> float:
    """The loss after the last of ``rates`` (steps,) [law.loss_unit], exact to rounding; work proportional to the steps.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> final_loss(law, np.full(10000, 1e-4))
    3.5
    """
    return law.final_loss(rates)


def final_slope(law: CurveLaw, rates: ArrayLike) -> tuple[float, Floats]:
    """The final loss [law.loss_unit] and its derivative by each rate (steps,) [law.loss_unit / learning rate].

    With a momentum the first rise counts as if it stood at its peak, so that the derivative is by the rates after it.
    Raises ``ValueError`` for a form that has no derivative here.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> loss, slope = final_slope(law, np.full(10000, 1e-4))
    >>> loss, round(float(slope[0]), 6)
    (3.5, -0.25)
    """
    return law.final_slope(rates)


def loss_of_pieces(law: CurveLaw, rates: Floats, steps: Floats) -> float:
    """The final loss [law.loss_unit] of a schedule of constant pieces: ``rates`` above zero but for a first warm-up,
    each for ``steps`` (pieces,), real numbers. The work is proportional to the pieces.

    >>> from lehr.simulators.laws.curves import MultiPower
    >>> law = MultiPower(name="x", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641)
    >>> pieces = loss_of_pieces(law, np.array([3e-4, 1e-4]), np.array([900.0, 100.0]))
    >>> bool(abs(pieces - final_loss(law, np.repeat([3e-4, 1e-4], [900, 100]))) < 1e-12)
    True
    """
    return law.final_loss(rates, steps)


def replicas(law: CurveLaw) -> list[CurveLaw]:
    """The law with other constants, as sure as its fit: none where it does not say how sure it is.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> len(replicas(law))
    0
    """
    if law.uncertainty is None or isinstance(law.uncertainty, StandardErrors):
        return []
    values = constant_values(law)
    sets = {name: column for name, column in law.uncertainty.replicas(values).items() if name in values}
    n = min(len(column) for column in sets.values())
    # a covariance gives sets in opposite pairs, one half after the other: even spacing takes of both
    chosen = np.unique(np.linspace(0, n - 1, min(n, MOST_REPLICAS)).astype(int))
    return [with_constants(law, {name: float(column[i]) for name, column in sets.items()}) for i in chosen]


def final_losses(many: Sequence[CurveLaw], rates: ArrayLike) -> list[float]:
    """The final loss by each of ``many`` laws [loss_unit].

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> laws = [PowerOfSum(name="x", title="", L0=level, A=0.5, alpha=0.5) for level in (3.0, 2.0)]
    >>> final_losses(laws, np.full(10000, 1e-4))
    [3.5, 2.5]
    """
    pieces = as_pieces(np.asarray(rates, dtype=float))
    return (
        [one.final_loss(*pieces) for one in many]
        if len(pieces[0]) < len(np.asarray(rates))
        else [one.final_loss(rates) for one in many]
    )


def final_interval(law: CurveLaw, rates: ArrayLike, level: float = 0.95) -> Bounds | None:
    """Bounds of the final loss [law.loss_unit]; ``None`` where the law says nothing of its errors.

    Of a covariance the band of a run about its law, without the noise of rows; of draws their quantiles; else plus and
    minus the worst relative error on curves that were held out, which is no statement at a ``level``.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, worst_relative_error=0.01)
    >>> [round(v, 4) for v in final_interval(law, np.full(10000, 1e-4))]
    [3.465, 3.535]
    """
    if isinstance(law.uncertainty, Covariance):
        array = np.asarray(rates, dtype=float)
        low, high = band(law, array, level=level, steps=[len(array) - 1], noise=0.0)
        return float(low[0]), float(high[0])
    if many := replicas(law):
        return central_interval(final_losses(many, rates), level)
    if law.worst_relative_error is None:
        return None
    loss = final_loss(law, rates)
    return loss * (1 - law.worst_relative_error), loss * (1 + law.worst_relative_error)


def central_interval(values: Sequence[float] | Floats, level: float) -> Bounds:
    """The central interval that holds ``level`` of ``values``. Raises ``ValueError`` unless 0 < ``level`` < 1.

    >>> [round(bound, 9) for bound in central_interval(np.arange(1001.0), 0.9)]
    [50.0, 950.0]
    """
    low, high = quantiles(np.asarray(values, dtype=float), level)
    return float(low), float(high)


def interval_basis(law: CurveLaw) -> str:
    """On what ``final_interval`` of ``law`` rests.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> interval_basis(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5))
    'the law says nothing of its errors'
    """
    if law.uncertainty is not None and not isinstance(law.uncertainty, StandardErrors):
        if isinstance(law.uncertainty, Covariance):
            meant = "95 %" if law.uncertainty.left_out != 0 else "95 %, if these are like public ones,"
            return f"{meant} of runs about the law: {basis_of(law)}"
        return "95 % by the draws of the fit's constants"
    if law.worst_relative_error is not None:
        return (
            f"plus and minus {law.worst_relative_error:.2%}, the worst relative error on curves that were held out; "
            "no level is attached to it"
        )
    return "the law says nothing of its errors"
