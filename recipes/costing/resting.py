"""What a cost rests on: what was set, published or assumed of devices, failures, power and price."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

import msgspec

from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.costing.result import Costed
from lehr.recipes.presenting.numbers import dated, percent
from lehr.recipes.projecting.basis import basis_of
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.energy import Bill, Power, Site
from lehr.simulators.machine.failures import UNSEEN, Reliability
from lehr.simulators.projection.project import Projection
from lehr.simulators.sensitivity import LEVEL


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner set beside the recipe."""

    reliability: Reliability
    site: Site
    power: Power
    bill: Bill
    grid: str
    price_spread: float
    runs: int
    seed: int


def rests_on(
    found: Costed,
    recipe: RecipeFile,
    projection: Projection,
    accelerators: Mapping[str, Accelerator],
    settings: Settings,
) -> dict[str, str]:
    """In words, by what rests on it."""
    one, site, power, bill = settings.reliability, settings.site, settings.power, settings.bill
    devices = {s.accelerator: accelerators[s.accelerator] for s in found.stages}
    by: dict[str, list[str]] = {}
    for s in found.stages:
        by.setdefault(_hours(recipe, s.name, s.basis, projection), []).append(s.name)
    said = {"hours": "; ".join(f"{', '.join(names)}: {basis}" for basis, names in by.items())}
    said["failures"] = (
        f"a device fails every {one.device_hours:,.0f} h, a checkpoint stops the training for {one.save:,.0f} s, a "
        f"restart takes {one.restart:,.0f} s, evaluation {one.evaluation:.1%} of the time (device_hours, save_seconds, "
        f"restart_seconds, evaluation); maintenance and repairs by hand take {1 - UNSEEN[1]:.1%}, assumed"
    )
    if found.energy is not None:
        most = ", ".join(f"{device.power:,.0f} W of {name}" for name, device in devices.items())
        said["energy"] = (
            f"{most} at most, of which a device draws {power.training:.0%} while it trains, {power.generating:.0%} "
            f"while it generates and {power.waiting:.0%} while it waits; its machine {site.host:g} times that, the "
            f"building {site.pue:g} times its machines (training_power, generating_power, waiting_power, host, pue)"
        )
    if found.carbon is not None:
        said["carbon"] = f"{site.carbon:g} kg of CO2 a kWh, grid {settings.grid} (grid)"
    if found.dollars is not None:
        said["money"] = "; ".join(_price(name, device, found) for name, device in devices.items())
        if settings.price_spread:
            factor = exp(LEVEL * settings.price_spread)
            said["money"] += f"; nine in ten prices within {factor:.1f} times (price_spread)"
        beside = {"electricity": site.electricity, **msgspec.structs.asdict(bill)}
        if given := ", ".join(f"{name} {value:g}" for name, value in beside.items() if value):
            said["money"] += f"; {given}"
    return said


def _hours(recipe: RecipeFile, name: str, basis: str, projection: Projection) -> str:
    time = next(one.time for one in projection.stages if one.name == name)
    if basis != "work" or time is None:
        return basis
    return (
        f"{time.accelerator} in {time.precision}, MFU {percent(time.mfu.value)}, {basis_of(recipe, name, time.basis)}"
    )


def _price(name: str, device: Accelerator, found: Costed) -> str:
    price = device.price
    if price is not None and found.usd_per_hour in (None, price.usd_per_hour):
        return f"{price.usd_per_hour:g} USD an hour of {name} ({dated(price)})"
    return f"{found.usd_per_hour:g} USD an hour of {name}, as set (usd_per_hour)"
