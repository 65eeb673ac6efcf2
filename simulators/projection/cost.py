"""Accelerator-hours and money from work, peak, utilisation and price."""

from __future__ import annotations

from typing import Literal

from lehr.simulators.quantities import Amount, Interval

UtilisationBasis = Literal["published", "given", "assumed"]
BASES: dict[UtilisationBasis, str] = {
    "published": "published",
    "given": "set for this report",
    "assumed": "assumed from published runs",
}
"""What the model FLOP utilisation of a stage rests on."""


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
