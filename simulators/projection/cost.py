"""Accelerator-hours and money from work, peak, utilisation and price."""

from __future__ import annotations

from typing import Literal

import msgspec

from lehr.simulators.machine.accelerator import Interval

UtilisationBasis = Literal["published", "given", "assumed"]


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """A projected quantity: its central value and, where one is known, the interval around it."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None

    def __add__(self, other: Amount) -> Amount:
        """Add two amounts of one unit; the bounds add as if both erred the same way, which is the wider sum."""
        if self.unit != other.unit:
            raise ValueError(f"{self.unit} and {other.unit} do not add")
        value = self.value + other.value
        if self.low is self.high is other.low is other.high is None:
            return Amount(value=value, unit=self.unit)
        return Amount(
            value=value,
            unit=self.unit,
            low=(self.value if self.low is None else self.low) + (other.value if other.low is None else other.low),
            high=(self.value if self.high is None else self.high) + (other.value if other.high is None else other.high),
        )

    def scaled(self, factor: float, unit: str) -> Amount:
        """This amount times ``factor``, in ``unit``.

        >>> Amount(value=2e6, low=1.5e6, high=2.5e6, unit="h").scaled(2.0, "USD")
        Amount(value=4000000.0, unit='USD', low=3000000.0, high=5000000.0)
        """
        return Amount(
            value=self.value * factor,
            unit=unit,
            low=None if self.low is None else self.low * factor,
            high=None if self.high is None else self.high * factor,
        )


def accelerator_hours(flops: float, peak: float, mfu: float | Interval) -> Amount:
    """Accelerator-hours for ``flops`` of model work: flops / (peak x MFU x 3600) [h].

    ``flops`` counts no recomputation, so ``mfu`` must not either (PaLM, arXiv:2204.02311, appendix B). An interval
    of MFU gives an interval of hours.

    >>> round(accelerator_hours(3.7e24, 989.4e12, 0.4).value)
    2596972
    """
    hours_at = flops / peak / 3600
    if isinstance(mfu, Interval):
        return Amount(value=hours_at / mfu.central, low=hours_at / mfu.high, high=hours_at / mfu.low, unit="h")
    return Amount(value=hours_at / mfu, unit="h")


def implied_mfu(flops: float, peak: float, hours: float) -> float:
    """The model FLOP utilisation that published hours imply [1]: flops / (peak x hours x 3600).

    >>> round(implied_mfu(3.7e24, 989.4e12, 2_664_000), 3)
    0.39
    """
    return flops / (peak * hours * 3600)
