"""L = L0 + A S^-alpha: the sum of the learning rates alone, what the other laws refine."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.curves.base import CurveLaw, Floats, Positive, checked_rates, forward_power, power_and_slope
from lehr.simulators.laws.curves.form import Constants, Coordinate, CurveForm, forward, slopes
from lehr.simulators.laws.curves.runs import LoggedRun

ALPHA = Coordinate(name="alpha", low=0.02, high=3.0, tried=(0.3, 0.6))


class PowerOfSum(CurveLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="power_of_sum"):
    """L(t) = L0 + A S1^-alpha, with S1 the sum of the learning rates so far: what the others refine.

    It knows nothing of annealing; its residuals on a decay show what annealing adds.

    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> round(float(law.loss(np.full(10000, 1e-4))[-1]), 6)
    3.5
    """

    constants_of_law: ClassVar[tuple[str, ...]] = ("L0", "A", "alpha")

    L0: float
    A: Positive
    alpha: Positive

    def parts(self, rates: ArrayLike, *, changed_at: int | None = None) -> tuple[Floats, Floats]:
        """A S1^-alpha and nothing at every step [loss_unit]; ``changed_at`` has no effect."""
        total = np.cumsum(checked_rates(rates))
        return forward_power(total, self.A, self.alpha), np.zeros_like(total)

    def final_slope(self, rates: ArrayLike, steps: Floats | None = None) -> tuple[float, Floats]:
        """The final loss and its derivative by each rate (pieces,)."""
        array = checked_rates(rates)
        held = np.ones_like(array) if steps is None else steps
        power, by_sum = power_and_slope(float((array * held).sum()), self.A, self.alpha)
        return self.L0 + power, by_sum * held


class PowerOfSumDesign:
    """Columns: S1^-alpha. Shape: alpha."""

    def __init__(self, runs: Sequence[LoggedRun], _: float) -> None:
        self.total = np.concatenate([np.cumsum(run.rates)[run.steps] for run in runs])

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X and dX/dphi."""
        power, slope = forward(self.total, float(phi[0]))
        return power[:, None], slope[None, :, None]


def constants_of(theta: Floats, _: float) -> Constants:
    """The law's constants of the fit's coordinates."""
    level, log_a, alpha = theta.tolist()
    return {
        "L0": (level, slopes(3, _0=1.0)),
        "log A": (exp(log_a), slopes(3, _1=1.0)),
        "alpha": (alpha, slopes(3, _2=1.0)),
    }


def coordinates_of(law: PowerOfSum, _: float) -> Floats:
    """The fit's coordinates of the law's constants."""
    return np.array([law.L0, log(law.A), law.alpha])


FORM = CurveForm(
    kind="power_of_sum",
    linear=("A",),
    shapes=(ALPHA,),
    design=PowerOfSumDesign,
    to_constants=constants_of,
    to_coordinates=coordinates_of,
)
