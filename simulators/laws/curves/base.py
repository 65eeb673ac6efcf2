"""What every curve law answers: the loss at every step of a learning-rate schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.laws.base import Bounds, Law, LossUnit, ValidRange
from lehr.simulators.laws.curves.batches import Batches
from lehr.simulators.quantities import Floats, NonNegative, Positive

__all__ = [
    "CurveLaw",
    "CurveRange",
    "Decay",
    "Floats",
    "NonNegative",
    "Positive",
    "checked_rates",
    "chosen",
    "constant_values",
    "forward_power",
    "power_and_slope",
    "with_constants",
    "without_warm_up",
]

Decay = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]


class CurveRange(ValidRange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The runs that a curve law was fitted on: also their steps and peak learning rates.

    >>> CurveRange(steps=(2160, 24000)).curve_warnings(np.full(72001, 3e-4))
    ['72000 steps lie outside the fitted range, 2160 to 24000']
    """

    steps: Bounds | None = None
    peak_rate: Bounds | None = None

    def curve_warnings(self, rates: Floats) -> list[str]:
        """One line for each property of the schedule that lies outside."""
        lines = []
        for bounds, value, words in (
            (self.steps, len(rates) - 1, "steps lie"),
            (self.peak_rate, float(np.max(rates)), "as peak learning rate lies"),
        ):
            # the last step may be a few beyond the last row that was logged
            if bounds is not None and not bounds[0] * 0.98 <= value <= bounds[1] * 1.02:
                lines.append(f"{value:g} {words} outside the fitted range, {bounds[0]:g} to {bounds[1]:g}")
        return lines


class CurveLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every form of a loss curve; ``kind`` in a file names the class, the file holds one fit's constants.

    A schedule is an array ``rates`` with the learning rate of every step, warm-up included; ``rates[t]`` belongs to
    step t, and ``loss[t]`` is the loss once it is taken. The constants hold for one model, batch and data set, and
    for learning rates in absolute units. ``relative_error`` is the mean relative error on curves that were held out,
    ``worst_relative_error`` the largest, averaged over the curves [1]. ``batches`` is the noise that the rows of the
    fitted runs have in common.
    """

    constants_of_law: ClassVar[tuple[str, ...]] = ()
    linear_in_drops: ClassVar[bool] = False
    """Is the final loss linear in the drops of the rate, so that a sudden drop to zero is always best?"""
    needs_change_of_data: ClassVar[bool] = False
    """Does only a run whose data change tell all constants?"""

    range: CurveRange = CurveRange()
    loss_unit: LossUnit = "nats/token"
    relative_error: float | None = None
    worst_relative_error: float | None = None
    batches: Batches | None = None

    def loss(self, rates: ArrayLike, *, changed_at: int | None = None) -> Floats:
        """The loss at every step [loss_unit]; shape of ``rates``. ``changed_at`` is the first step on other data.

        It is infinite until the first step whose rate is not zero. Raises ``ValueError`` for rates that are not
        finite numbers of at least zero.
        """
        forward, annealing = self.parts(rates, changed_at=changed_at)
        return constant_values(self)["L0"] + forward + annealing

    def parts(self, rates: ArrayLike, *, changed_at: int | None = None) -> tuple[Floats, Floats]:
        """What a run adds to ``L0``: what is still to be won, and what the rates' height and fall make [loss_unit]."""
        raise NotImplementedError

    def loss_at(
        self, rates: ArrayLike, steps: Sequence[int] | NDArray[np.int_], *, changed_at: int | None = None
    ) -> Floats:
        """The loss at chosen ``steps``, exact to rounding [loss_unit]; shape of ``steps``."""
        return np.asarray(self.loss(rates, changed_at=changed_at)[chosen(steps, len(np.asarray(rates)))])

    def final_slope(self, rates: ArrayLike, steps: Floats | None = None) -> tuple[float, Floats]:
        """The loss after the last step [loss_unit] and its derivative by each rate [loss_unit / learning rate].

        ``rates`` are of single steps or, with ``steps``, of pieces of constant rate that hold so many each, real
        numbers: shape (pieces,). The work is proportional to the pieces. Raises ``ValueError`` for a form without one.
        """
        raise ValueError(f"{self.name}: no schedule can be chosen by this form; write a multi_power or momentum law")

    def final_loss(self, rates: ArrayLike, steps: Floats | None = None) -> float:
        """The loss after the last step [loss_unit], as ``final_slope`` has it."""
        return self.final_slope(rates, steps)[0]


def constant_values(law: CurveLaw) -> dict[str, float]:
    """The fitted constants of a law by name, in the order of its formula.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> constant_values(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5))
    {'L0': 3.0, 'A': 0.5, 'alpha': 0.5}
    """
    return {name: float(getattr(law, name)) for name in law.constants_of_law}


def with_constants(law: CurveLaw, values: dict[str, float]) -> CurveLaw:
    """``law`` with other constants.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> with_constants(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5), {"L0": 2.0}).L0
    2.0
    """
    return msgspec.structs.replace(law, **values)


def checked_rates(rates: ArrayLike) -> Floats:
    """The learning rates as an array. Raises ``ValueError`` unless they are finite numbers of at least zero.

    >>> checked_rates([1e-3, -1e-3])
    Traceback (most recent call last):
    ValueError: the learning rate of step 1 is negative: -0.001
    """
    array = np.asarray(rates, dtype=float)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"rates has shape {array.shape}; write one learning rate for each step, shape (steps,)")
    if not np.isfinite(array).all():
        raise ValueError(f"the learning rate of step {int(np.argmax(~np.isfinite(array)))} is not a finite number")
    if array.min() < 0:
        raise ValueError(f"the learning rate of step {int(np.argmin(array))} is negative: {array.min():g}")
    return array


def chosen(steps: Sequence[int] | NDArray[np.int_], n_steps: int) -> NDArray[np.int_]:
    """Steps as indices. Raises ``ValueError`` for a step that the schedule does not have.

    >>> chosen([0, 5], 5)
    Traceback (most recent call last):
    ValueError: the schedule has steps 0 to 4; 0 to 5 were asked
    """
    indices = np.asarray(steps, dtype=int)
    if indices.size and (indices.min() < 0 or indices.max() >= n_steps):
        raise ValueError(f"the schedule has steps 0 to {n_steps - 1}; {indices.min()} to {indices.max()} were asked")
    return indices


def without_warm_up(rates: Floats) -> Floats:
    """The schedule as if warm-up stood at its peak: the first rise is replaced by the rate that it reaches.

    >>> without_warm_up(np.array([0.0, 0.5, 1.0, 1.0, 0.2])).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.2]
    """
    falls = np.flatnonzero(np.diff(rates) < 0)
    end = int(falls[0]) + 1 if len(falls) else len(rates)
    flat = rates.copy()
    flat[:end] = rates[end - 1]
    return flat


def forward_power(total: Floats, A: float, alpha: float) -> Floats:  # noqa: N803
    """A S^-alpha; infinite where S is zero.

    >>> forward_power(np.array([0.0, 4.0]), 3.0, 0.5).tolist()
    [inf, 1.5]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(A * total**-alpha)


def power_and_slope(total: float, A: float, alpha: float) -> tuple[float, float]:  # noqa: N803
    """A S^-alpha and its derivative by S.

    >>> power_and_slope(4.0, 3.0, 0.5)
    (1.5, -0.1875)
    """
    if total <= 0:
        return float("inf"), float("-inf")
    return A * total**-alpha, -alpha * A * total ** (-alpha - 1)
