"""From a job to what its recipe costs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, RecipeFile
from lehr.recipes.composing.job import Composed, without_recipe
from lehr.recipes.costing.resting import Settings, rests_on
from lehr.recipes.costing.result import Costed, StageCost
from lehr.recipes.costing.text import estimated
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.projecting.holding import NOT_TRIED
from lehr.recipes.projecting.model import project_model
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.energy import POWER_SPREAD, PRICE_SPREAD, Bill, Power, Site, dollars, energy_of
from lehr.simulators.machine.failures import CHECKPOINT_BYTES, Finish, Reliability, Uptime, finishing_days, uptime
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.project import Assumptions, Projection, StageProjection
from lehr.simulators.quantities import Amount, NonNegative, Size
from lehr.simulators.sensitivity import Sides, Spread, sides_of, spread_of
from lehr.simulators.training import Recipe

PRINTED = {
    "accelerator_hours": "accelerator-hours", "cost_usd": "money", "energy_mwh": "energy in MWh",
    "carbon_t": "carbon in t",
}  # fmt: skip
"""Quantities of a whole recipe that stand beside its cost, and what they are called."""

LEAST_SPREAD = 1e-3
"""Standard deviation of a logarithm below which an assumption is not told [1]."""

GRID = CONF / "measurement" / "grid.csv"


def cost(job: Composed) -> Costed:
    """What the recipe of a job costs. Raises ``LehrError`` where it cannot be told."""
    model = decode(job.config["model"], Model, "model")
    if job.config.get("recipe") is None:
        raise without_recipe(job, model.name)
    recipe = decode(job.config["recipe"], RecipeFile, "recipe")
    accelerators: dict[str, Accelerator] = dict(job.catalogue.accelerators)
    chosen = None
    if job.config.get("accelerator") is not None:
        chosen = decode(job.config["accelerator"], AcceleratorFile, "accelerator")
        accelerators[chosen.name] = chosen
    assumptions = Assumptions(
        fallback=job.setting("fallback_accelerator", str),
        accelerator=chosen.name if chosen else None,
        precision=job.setting("precision", str | None),
        devices=job.devices(),
        mfu=job.mfu(),
        usd_per_hour=job.usd_per_hour(),
    )
    projection = project_model(
        job.catalogue, model, recipe, (), assumptions=assumptions, accelerators=accelerators
    )  # fmt: skip
    _refuse_unfit(model.name, projection)
    settings = _settings(job)
    as_run = chosen is None and assumptions.mfu is None and assumptions.precision is None
    stages, left_out, assumed = costed_stages(recipe, projection, settings.reliability, as_run=as_run)
    if not stages:
        raise LehrError(f"recipe {recipe.name}: of no stage both hours and devices are known; write devices=512")
    try:
        bare = _costed(stages, accelerators, assumptions, settings)
    except ValueError as error:
        raise LehrError(str(error)) from error
    return msgspec.structs.replace(
        bare,
        model=model.name,
        published=[
            f"{PRINTED[row.quantity]} {row.printed} ({row.source}, {row.place})"
            for quantity in PRINTED
            for row in recipe.reported
            if row.stage is None and row.quantity == quantity
        ],
        checkpoint_bytes=CHECKPOINT_BYTES * projection.parameters.total,
        left_out=left_out,
        assumed=list(dict.fromkeys(assumed)),
        rests=rests_on(bare, recipe, projection, accelerators, settings),
    )


def _refuse_unfit(name: str, projection: Projection) -> None:
    """No days and no money of a run that cannot be."""
    unfit = [(one.name, one.unfit) for one in projection.stages if one.unfit is not None]
    if unfit:
        first, why = unfit[0]
        others = ", ".join(stage for stage, _ in unfit[1:])
        raise LehrError(f"{name}: {first} {why}" + (f"; nor does it hold {others}" if others else ""))


def _settings(job: Composed) -> Settings:
    def number(key: str) -> float:
        found: float = job.bounded(key, NonNegative, "a number of 0 or more")
        return found

    every = job.config["every_seconds"]
    said = {
        "device_hours": job.config["device_hours"], "save": job.config["save_seconds"],
        "restart": job.config["restart_seconds"], "evaluation": job.config["evaluation"],
        **({} if every is None else {"every": every}),
    }  # fmt: skip
    carbon, grid = _grid(job)
    if not number("evaluation") < 1:
        raise LehrError("evaluation: is the whole time; write a share below 1")
    return Settings(
        reliability=decode(said, Reliability, "failures"),
        site=decode({"pue": job.config["pue"], "host": job.config["host"], "carbon": carbon,
                     "electricity": job.config["electricity"]}, Site, "site"),
        power=decode({name: job.config[f"{name}_power"] for name in ("training", "generating", "waiting")},
                     Power, "power"),
        bill=decode({name: job.config[name] for name in ("reserved", "storage", "network")}, Bill, "bill"),
        grid=grid,
        price_spread=_price_spread(job),
        runs=job.bounded("runs", Size, "how many runs to simulate, such as 10000"),
        seed=job.setting("seed", int),
    )  # fmt: skip


def _price_spread(job: Composed) -> float:
    """Standard deviation of the price's logarithm [1]: none of a price that was given, unless it is set."""
    found = job.bounded("price_spread", NonNegative | None, "a number of 0 or more")
    if found is not None:
        return float(found)
    return 0.0 if job.usd_per_hour() is not None else PRICE_SPREAD


def _grid(job: Composed) -> tuple[float, str]:
    """What a kilowatt-hour emits [kg/kWh], and who said it when."""
    asked = job.config["grid"]
    if isinstance(asked, (int, float)) and not isinstance(asked, bool):
        if asked < 0:
            raise LehrError(f"grid: {asked} is below 0; write kg of CO2 a kWh, such as 0.385")
        return float(asked), "as set"
    with GRID.open(newline="", encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    if asked not in rows:
        raise LehrError(f"grid: {asked!r} is not known; {nearest(str(asked), rows)}, or kg of CO2 a kWh")
    row = rows[asked]
    return float(row["kg_per_kwh"]), f"{asked} of {row['date']} ({row['source']})"


def costed_stages(
    recipe: Recipe, projection: Projection, reliability: Reliability, *, as_run: bool
) -> tuple[list[StageCost], list[str], list[str]]:
    """Stages whose hours and devices are known; the others by name; what was assumed."""
    found, left, assumed = [], [], []
    covered: set[str] = set()
    for one in projection.stages:
        if one.name in covered:
            continue
        hours = _hours(recipe, one, as_run=as_run)
        if hours is not None and hours[1] == "published hours":
            # hours of several stages stand at the first of them
            covered |= {*recipe.stages[one.name].shares_hours_with}
        devices = one.rollout.devices if one.rollout else one.time.devices if one.time else None
        hardware = recipe.stages[one.name].hardware
        devices = devices or (hardware.count if hardware else None) or _neighbour(recipe)
        if hours is None or (devices is None and hours[1] != "published hours"):
            left.append(one.name)
            continue
        amount, basis, accelerator = hours
        assumed += [f"{one.name}: {word}" for word in one.warnings if word.startswith(NOT_TRIED)]
        if one.rollout is not None and basis == "rollouts":
            assumed += [f"{one.name}: {word}" for word in one.rollout.assumed]
            if one.padded:
                assumed.append(f"{one.name}: the interval holds every answer as long as it may be")
        if basis == "work" and one.rollout is not None:
            told = one.rollout.hours
            assumed.append(
                f"{one.name}: a forward pass for an answer at the utilisation that is set; by its rollouts it takes "
                f"{estimated(told)} h"
            )
        if basis == "work" and one.padded:
            assumed.append(f"{one.name}: every example as long as the sequence, at most {one.tokens:,.0f} tokens")
        if one.time is not None and one.time.assumed_hardware:
            assumed.append(f"{one.name}: on {one.time.accelerator}")
        generating = 0.0
        if basis == "rollouts" and one.rollout is not None:
            parts = one.rollout.step.parts
            whole = plain_sum(msgspec.structs.asdict(parts).values())
            generating = (parts.generation + parts.prompts + parts.tail) / whole
        found.append(
            StageCost(
                name=one.name,
                kind=one.kind,
                accelerator=accelerator,
                devices=devices,
                hours=amount,
                generating=generating,
                uptime=None if devices is None else _uptime(devices, reliability),
                basis=basis,
                projected=projected_hours(one) if basis == "published hours" else None,
                bound=None if basis == "published hours" else one.hours_bound,
            )
        )
    return found, left, assumed


def _uptime(devices: int, reliability: Reliability) -> Uptime:
    """What failures leave of a job's time, said in one line where they leave nothing."""
    try:
        return uptime(devices, reliability)
    except ValueError as error:
        raise LehrError(str(error)) from error


def projected_hours(one: StageProjection) -> Amount | None:
    """Accelerator-hours of a stage by its work, or by its rollouts [h]."""
    return one.time.hours if one.time is not None else one.rollout.hours if one.rollout is not None else None


def _hours(recipe: Recipe, one: StageProjection, *, as_run: bool) -> tuple[Amount, str, str] | None:
    """Accelerator-hours of a stage, on what they rest, and on which accelerator: the published ones where it is told
    ``as_run``, and nothing is set otherwise."""
    hardware = recipe.stages[one.name].hardware
    if as_run and hardware is not None and hardware.stated_hours is not None:
        return Amount(value=hardware.stated_hours, unit="h"), "published hours", hardware.accelerator
    if one.time is not None:
        basis = "rollouts" if one.time.basis == "rollouts" else "work"
        return one.time.hours, basis, one.time.accelerator
    if one.rollout is not None:
        return one.rollout.hours, "rollouts", one.rollout.accelerator
    return None


def _neighbour(recipe: Recipe) -> int | None:
    """Devices of another stage, the most of them."""
    counts = [s.hardware.count for s in recipe.stages.values() if s.hardware and s.hardware.count]
    return max(counts, default=None)


def _costed(
    stages: list[StageCost], accelerators: Mapping[str, Accelerator], assumptions: Assumptions, settings: Settings
) -> Costed:
    """What stages cost, without the model's name and what was left out."""
    prices = {
        s.accelerator: assumptions.usd_per_hour
        or (p.usd_per_hour if (p := accelerators[s.accelerator].price) else None)
        for s in stages
    }
    sides = {"speed": _speed_sides(stages), "failures": _share_sides(stages)}
    # what moves nothing is no assumption
    spreads: dict[str, float | Sides] = {key: value for key, value in sides.items() if max(value) > LEAST_SPREAD}

    def billed(x: Mapping[str, float]) -> float:
        return plain_sum(_calendar_hours(s, x) for s in stages)

    def days(x: Mapping[str, float]) -> float:
        return plain_sum(_calendar_hours(s, x) / (s.devices or 1) for s in stages) / 24

    def energy(x: Mapping[str, float]) -> float:
        return plain_sum(
            energy_of(
                accelerators[s.accelerator],
                _work(s, x) * (1 - s.generating),
                _work(s, x) * s.generating,
                _calendar_hours(s, x) - _work(s, x),
                site=settings.site,
                power=settings.power,
            ).value
            * x.get("power", 1)
            for s in stages
        )

    def money(x: Mapping[str, float]) -> float:
        each = plain_sum(
            dollars(_calendar_hours(s, x), (prices[s.accelerator] or 0.0) * x.get("price", 1), 0.0, settings.site,
                    settings.bill)
            for s in stages
        )  # fmt: skip
        return each + (energy(x) * 1000 * settings.site.electricity if settings.site.electricity else 0.0)

    # days are those of all stages, or of none
    counted = all(s.devices is not None for s in stages)
    powered = all(accelerators[s.accelerator].power is not None for s in stages)
    priced = all(price is not None for price in prices.values())
    if settings.site.electricity and not powered:
        raise LehrError("electricity: the draw of an accelerator is not published; write electricity=0")
    of_energy = {**spreads, "power": POWER_SPREAD}
    priced_by = {**spreads, **({"price": settings.price_spread} if settings.price_spread else {})}
    if settings.site.electricity:
        priced_by["power"] = POWER_SPREAD
    joules = spread_of(energy, of_energy) if powered else None
    return Costed(
        model="",
        stages=stages,
        work_days=plain_sum(_work(s, {}) / (s.devices or 1) for s in stages) / 24 if counted else None,
        days=_of(days, spreads) if counted else None,
        finish=_finish(stages, settings) if counted else None,
        billed=_of(billed, spreads),
        energy=joules,
        carbon=None if joules is None or not settings.site.carbon else _times(joules, settings.site.carbon),
        dollars=_of(money, priced_by) if priced else None,
        usd_per_hour=next(iter(prices.values())) if len(set(prices.values())) == 1 else None,
        grid=settings.grid,
        checkpoint_bytes=0.0,
        published=[],
        left_out=[],
        assumed=[],
    )


def _of(quantity: Callable[[Mapping[str, float]], float], spreads: Mapping[str, float | Sides]) -> Spread:
    return spread_of(quantity, spreads)


def _times(spread: Spread, factor: float) -> Spread:
    """A spread in another unit."""
    swings = [msgspec.structs.replace(s, low=s.low * factor, high=s.high * factor) for s in spread.swings]
    return Spread(value=spread.value * factor, low=spread.low * factor, high=spread.high * factor, swings=swings)


def _calendar_hours(stage: StageCost, x: Mapping[str, Any]) -> float:
    """Accelerator-hours of a stage by the calendar, at most as many devices and at least its work [h]."""
    if stage.basis == "published hours":
        # they were billed, failures and all
        return stage.hours.value
    assert stage.uptime is not None
    share = min(1.0, stage.uptime.share.value / float(x.get("failures", 1)))
    return stage.hours.value * float(x.get("speed", 1)) / share


def _work(stage: StageCost, x: Mapping[str, Any]) -> float:
    """Accelerator-hours in which a stage trains what it keeps [h]."""
    if stage.basis == "published hours":
        # of how many devices is not known: what failures took is not either
        return stage.hours.value * (stage.uptime.share.value if stage.uptime is not None else 1.0)
    return stage.hours.value * float(x.get("speed", 1))


def _speed_sides(stages: list[StageCost]) -> Sides:
    """How far all hours may lie below and above, as if all erred the same way."""
    low = plain_sum(s.hours.value if s.hours.low is None else s.hours.low for s in stages)
    high = plain_sum(s.hours.value if s.hours.high is None else s.hours.high for s in stages)
    return sides_of(plain_sum(s.hours.value for s in stages), low, high)


def _share_sides(stages: list[StageCost]) -> Sides:
    """The same of what failures take: the less the more of the time trains."""
    told = [(s.hours.value, s.uptime.share) for s in stages if s.basis != "published hours" and s.uptime is not None]
    if not told:
        return 0.0, 0.0
    low, value, high = (
        plain_sum(hours * (getattr(share, side) or share.value) for hours, share in told)
        for side in ("low", "value", "high")
    )
    return sides_of(1 / value, 1 / high, 1 / low)


def _finish(stages: list[StageCost], settings: Settings) -> Finish:
    """The last day over simulated runs, stage after stage."""
    found = np.zeros(settings.runs)
    for number, s in enumerate(stages):
        if s.devices is not None and (days := _work(s, {}) / s.devices / 24) > 0:
            found += finishing_days(days, s.devices, settings.reliability, runs=settings.runs,
                                    seed=settings.seed + number)  # fmt: skip
    low, median, high = np.quantile(found, [0.05, 0.5, 0.95])
    return Finish(runs=settings.runs, mean=float(found.mean()), median=float(median), low=float(low), high=float(high))
