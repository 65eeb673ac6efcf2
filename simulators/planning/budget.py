"""A budget as work: FLOPs, accelerator-hours, money and days, of which the tightest binds."""

from __future__ import annotations

from math import isfinite

import msgspec

from lehr.simulators.machine.failures import uptime
from lehr.simulators.quantities import Amount, Interval

LARGEST = 1e28
"""More work [FLOP] is no plan: a hundred times that of the largest trainings that anyone has estimated."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What may be spent: one or more of ``flops`` [FLOP], ``hours`` [accelerator-hours], ``usd`` [USD] and ``days``
    [calendar days, with ``devices``]. Raises ``ValueError`` where there is none."""

    flops: float | None = None
    hours: float | None = None
    usd: float | None = None
    days: float | None = None
    devices: int | None = None

    def __post_init__(self) -> None:
        given = self.given()
        if not given:
            raise ValueError("a budget is one or more of flops, hours, usd and days; none is given")
        for name, value in given.items():
            if not value > 0:
                raise ValueError(f"{name} is {value:g}; write a number above 0")
        if self.days is not None and self.devices is None:
            raise ValueError("days need devices; write devices=1024")

    def given(self) -> dict[str, float]:
        """The limits that are set, by name."""
        return {n: float(v) for n in ("flops", "hours", "usd", "days") if (v := getattr(self, n)) is not None}


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """The work that a budget buys [FLOP], which of its limits binds, and what each alone would buy."""

    work: Amount
    binding: str
    limits: dict[str, Amount]


def accelerator_hours(budget: Budget, usd_per_hour: float | None) -> dict[str, float]:
    """The accelerator-hours of work that each limit in money or time leaves [h]; failures and checkpoints take their
    share of days, and of the money for them where the devices are known (``lehr.simulators.machine.failures``).

    Raises ``ValueError`` where money has no price.

    >>> found = accelerator_hours(Budget(days=30, devices=1024, usd=2e6), 2.5)
    >>> round(found["usd"] / 800_000, 3), round(found["days"] / (30 * 24 * 1024), 3)
    (0.966, 0.966)
    """
    hours: dict[str, float] = {}
    share = uptime(budget.devices).share.value if budget.devices else 1.0
    if budget.hours is not None:
        hours["hours"] = float(budget.hours)
    if budget.usd is not None:
        if usd_per_hour is None:
            raise ValueError("the accelerator has no price; write usd_per_hour=2.5")
        hours["usd"] = budget.usd / usd_per_hour * share
    if budget.days is not None and budget.devices is not None:
        hours["days"] = budget.days * 24.0 * budget.devices * share
    return hours


def buy(budget: Budget, *, peak: float, mfu: float | Interval, usd_per_hour: float | None = None) -> Bought:
    """The model work that a budget buys: hours x 3600 x ``peak`` [FLOP/s] x MFU [FLOP]; the least of its limits binds.

    Raises ``ValueError`` where it is not finite, or more than ``LARGEST``.

    >>> bought = buy(Budget(days=30, devices=1024, flops=2e24), peak=989.4e12, mfu=0.4)
    >>> f"{bought.work.value:.3g}", bought.binding
    ('1.01e+24', 'days')
    """
    limits: dict[str, Amount] = {}
    if budget.flops is not None:
        limits["flops"] = Amount(value=float(budget.flops), unit="FLOP")
    for name, hours in accelerator_hours(budget, usd_per_hour).items():
        at = hours * 3600 * peak
        if not isfinite(at):
            raise ValueError(
                f"the budget is {hours:g} accelerator-hours, more than a number holds; write a smaller one"
            )
        limits[name] = (
            Amount(value=at * mfu.central, low=at * mfu.low, high=at * mfu.high, unit="FLOP")
            if isinstance(mfu, Interval)
            else Amount(value=at * mfu, unit="FLOP")
        )
    binding = min(limits, key=lambda name: limits[name].value)
    found = limits[binding]
    if found.value > LARGEST:
        raise ValueError(
            f"the budget is {found.value:.3g} FLOP; no law and no training reaches there: write at most {LARGEST:g}"
        )
    return Bought(work=found, binding=binding, limits=limits)


def work(budget: Budget, *, peak: float, mfu: float | Interval, usd_per_hour: float | None = None) -> Amount:
    """What ``buy`` buys [FLOP].

    >>> bought = work(Budget(days=30, devices=1024), peak=989.4e12, mfu=0.4)
    >>> f"{bought.value:.3g}"
    '1.01e+24'
    """
    return buy(budget, peak=peak, mfu=mfu, usd_per_hour=usd_per_hour).work
