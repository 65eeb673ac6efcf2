"""A budget as work: FLOPs, accelerator-hours, money or days."""

from __future__ import annotations

from math import isfinite

import msgspec

from lehr.simulators.quantities import Amount, Interval


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What may be spent; exactly one of ``flops`` [FLOP], ``hours`` [accelerator-hours], ``usd`` [USD] and ``days``
    [d, with ``devices``]. Raises ``ValueError`` where there is none, or more."""

    flops: float | None = None
    hours: float | None = None
    usd: float | None = None
    days: float | None = None
    devices: int | None = None

    def __post_init__(self) -> None:
        given = {n: v for n in ("flops", "hours", "usd", "days") if (v := getattr(self, n)) is not None}
        if len(given) != 1:
            said = f"{len(given)} of them are given ({', '.join(given)})" if given else "none is given"
            raise ValueError(f"a budget is one of flops, hours, usd and days; {said}")
        ((name, value),) = given.items()
        if not value > 0:
            raise ValueError(f"{name} is {value:g}; write a number above 0")
        if self.days is not None and self.devices is None:
            raise ValueError("days need devices; write devices=1024")


def accelerator_hours(budget: Budget, usd_per_hour: float | None) -> float | None:
    """The accelerator-hours of a budget in money or time [h]; ``None`` for one in FLOPs.

    Raises ``ValueError`` where money has no price.

    >>> accelerator_hours(Budget(days=30, devices=1024), None)
    737280.0
    """
    if budget.hours is not None:
        return float(budget.hours)
    if budget.days is not None and budget.devices is not None:
        return budget.days * 24.0 * budget.devices
    if budget.usd is not None:
        if usd_per_hour is None:
            raise ValueError("the accelerator has no price; write usd_per_hour=2.5")
        return budget.usd / usd_per_hour
    return None


def work(budget: Budget, *, peak: float, mfu: float | Interval, usd_per_hour: float | None = None) -> Amount:
    """The model work that a budget buys: hours x 3600 x ``peak`` [FLOP/s] x MFU [FLOP]. Raises ``ValueError`` where it
    is not finite.

    >>> bought = work(Budget(days=30, devices=1024), peak=989.4e12, mfu=0.4)
    >>> f"{bought.value:.3g}"
    '1.05e+24'
    """
    hours = accelerator_hours(budget, usd_per_hour)
    if hours is None:
        return Amount(value=float(budget.flops or 0.0), unit="FLOP")
    at = hours * 3600 * peak
    if not isfinite(at):
        raise ValueError(f"the budget is {hours:g} accelerator-hours, more than a number holds; write a smaller one")
    if isinstance(mfu, Interval):
        return Amount(value=at * mfu.central, low=at * mfu.low, high=at * mfu.high, unit="FLOP")
    return Amount(value=at * mfu, unit="FLOP")
