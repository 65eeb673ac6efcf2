"""Accelerator-hours and money from work, peak, utilisation and price."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import numpy as np

from lehr.simulators.quantities import Amount, Amounts, Floats, Interval

UtilisationBasis = Literal["published", "given", "layout", "rollouts", "fastest", "elsewhere", "assumed"]
BASES: dict[UtilisationBasis, str] = {
    "published": "published",
    "given": "set for this report",
    "layout": "of its layout, by the step-time model",
    "rollouts": "of its rollouts, answers written token after token",
    "fastest": "of the fastest layout, by the step-time model",
    "elsewhere": "of the fastest layout, by the step-time model, less what published runs on other accelerators fell "
    "short of theirs",
    "assumed": "assumed from published runs",
}
"""What the model FLOP utilisation of a stage rests on."""

A = TypeVar("A", bound=Amount)


def utilisation(mfu: float | Interval) -> Amount:
    """A utilisation, or the interval of one, as an amount [1].

    >>> utilisation(Interval(low=0.3, central=0.4, high=0.5))
    Amount(value=0.4, unit='1', low=0.3, high=0.5)
    """
    if isinstance(mfu, Interval):
        return Amount(value=mfu.central, low=mfu.low, high=mfu.high, unit="1")
    return Amount(value=mfu, unit="1")


def hours_of(flops: Floats, peak: float, mfu: Amount) -> Amounts:
    """Accelerator-hours for ``flops`` (points,) of model work: flops / (peak x MFU x 3600) [h].

    ``flops`` counts no recomputation, so ``mfu`` must not either (PaLM, arXiv:2204.02311, appendix B). An interval
    of MFU gives an interval of hours.

    >>> hours_of(np.array([3.7e24]), 989.4e12, utilisation(0.4)).value.round().tolist()
    [2596972.0]
    """
    hours_at = flops / peak / 3600
    return Amounts(
        value=hours_at / mfu.value,
        low=None if mfu.high is None else hours_at / mfu.high,
        high=None if mfu.low is None else hours_at / mfu.low,
        unit="h",
    )


def accelerator_hours(flops: float, peak: float, mfu: float | Interval) -> Amount:
    """``hours_of`` one amount of work [h].

    >>> round(accelerator_hours(3.7e24, 989.4e12, 0.4).value)
    2596972
    """
    return hours_of(np.asarray(flops, dtype=float), peak, utilisation(mfu)).at()


def days_of(hours: A, devices: Any) -> A:
    """How long ``devices`` take for accelerator-hours [d].

    >>> days_of(Amount(value=737_280.0, unit="h"), 1024)
    Amount(value=30.0, unit='d', low=None, high=None)
    """
    return hours.scaled(1 / devices / 24, "d")


def implied_mfu(flops: float, peak: float, hours: float) -> float:
    """The model FLOP utilisation that published hours imply [1]: flops / (peak x hours x 3600).

    >>> round(implied_mfu(3.7e24, 989.4e12, 2_664_000), 3)
    0.39
    """
    return flops / (peak * hours * 3600)
