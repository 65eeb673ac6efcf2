"""Power, energy, carbon and money of a run."""

from __future__ import annotations

from typing import Annotated

import msgspec

from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.quantities import Amount, Factor, NonNegative, Positive, PositiveShare, Share

TRAINING = 0.85
WAITING = 0.15
"""Share of its largest draw that a device takes while it trains, and while it saves or waits (Morrison et al.,
arXiv:2503.05804, abstract: between about 15 and 85 %)."""

GENERATING = 0.35
"""The same while it generates, bound by memory: 137 to 300 of 700 W (Ma et al., arXiv:2605.11999, abstract)."""

HOST = 1.45
"""Power of a machine over that of its devices while they train: derived, the geometric mean of 1.29, a V100's system of
330 W for a board of 300 (Patterson et al., arXiv:2104.10350, Table 4), and of 1.63, the most that eight H100 of 700 W
draw with their machine, 76 % of 10.2 kW (arXiv:2506.14551, abstract), both over ``TRAINING``."""

PUE = 1.1
"""Power of the building over that of its machines: 1.09 to 1.12 (Patterson et al., arXiv:2104.10350, Table 4)."""

POWER_SPREAD = 0.12
"""Standard deviation of the logarithm of the power: measured means of TPU v3 are 0.54 to 0.69 of its 450 W, host
and fans with them (Patterson et al., arXiv:2104.10350, Table 4)."""


PRICE_SPREAD = 0.25
"""Standard deviation of the logarithm of a dated price: those of one month are 1.7 to 4.5 USD for an H100; a price that
the planner gives has none."""


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a run stands. ``pue`` is the building's power over that of its machines [1], ``host`` the power of a
    machine over that of its devices [1], ``carbon`` what a kilowatt-hour emits [kg/kWh], ``electricity`` what it costs
    where it is not in the rent [USD/kWh]."""

    pue: Factor = PUE
    host: Factor = HOST
    carbon: NonNegative = 0.385
    electricity: NonNegative = 0.0


class Power(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of a device's largest draw by what it does [1]."""

    training: PositiveShare = TRAINING
    generating: PositiveShare = GENERATING
    waiting: Share = WAITING


def power_of(device: Accelerator, watts: float | None = None) -> float:
    """The largest draw of a device [W]. Raises ``ValueError`` where it is not known."""
    if watts is not None:
        return watts
    if device.power is None:
        raise ValueError(f"{device.name}: its largest draw is not published; write power in watts")
    return device.power


def drawn(hours: float, watts: float, pue: float = 1.0) -> float:
    """Energy of so many accelerator-hours at ``watts`` each [MWh].

    >>> round(drawn(1e6, 400, 1.1), 9)
    440.0
    """
    return hours * watts * pue / 1e6


def energy_of(
    device: Accelerator,
    training: float,
    generating: float = 0.0,
    waiting: float = 0.0,
    *,
    site: Site = Site(),  # noqa: B008, frozen
    power: Power = Power(),  # noqa: B008, frozen
) -> Amount:
    """Energy of so many accelerator-hours in each state, the building with it [MWh].

    >>> h100 = Accelerator(name="h100", title="H100", peak={"bf16": 989e12}, power=700)
    >>> round(energy_of(h100, 1e6).value)                                # 10**6 h x 595 W x 1.45 x 1.1
    949
    """
    states = power.training * training + power.generating * generating + power.waiting * waiting
    value = drawn(states, power_of(device) * site.host, site.pue)
    return Amount(value=value, low=value * 0.82, high=value * 1.22, unit="MWh")


class Bill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is paid beside the devices: ``reserved`` is taken off their price [1], ``storage`` and ``network`` are paid
    for each device and hour [USD/h]."""

    reserved: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.0
    storage: NonNegative = 0.0
    network: NonNegative = 0.0


def dollars(hours: float, usd_per_hour: Positive, energy: float, site: Site, bill: Bill) -> float:
    """What a run costs [USD]: devices, storage, network, and electricity where it is paid apart.

    >>> dollars(1000.0, 2.0, 1.0, Site(electricity=0.1), Bill(reserved=0.3))
    1500.0
    """
    each = usd_per_hour * (1 - bill.reserved) + bill.storage + bill.network
    return hours * each + energy * 1000 * site.electricity
