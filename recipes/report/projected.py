"""The stages of a recipe as tables: what follows for each, and for a mixture beside dense models."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lehr.recipes.presenting.document import UNKNOWN, Cell, Column, Mark, Table
from lehr.recipes.presenting.numbers import (
    around,
    between,
    bounded,
    dollars,
    estimate,
    loss,
    percent,
    quantity,
    ranged,
    whole,
)
from lehr.recipes.projecting.basis import basis_of
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.headline import hours_stated, with_rollouts
from lehr.recipes.report.stages import absent, mark_of
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.cost import UtilisationBasis, implied_mfu
from lehr.simulators.projection.project import StageProjection, Totals
from lehr.simulators.projection.stage_work import mean_sequence
from lehr.simulators.quantities import Amount, Relation

NOTHING = Cell("–", "unknown")
"""Stands where a stage has no such number."""

UNPROJECTED = Cell("unknown", "unknown")
"""Stands where what it would follow from was not published."""


def as_projected(data: ReportData) -> Table:
    """What follows for each stage, and the sums."""
    projection = data.projection
    totals = projection.totals
    columns = [
        Column("Stage"),
        Column("Work per token", "GFLOP, forward and backward", True),
        Column("Training FLOPs", "FLOP", True),
        Column("MFU", "of the dense peak", True),
        Column("Accelerator-hours", "h", True),
        Column("Published hours", "h, with the MFU implied and their cost", True),
        Column("Duration", "days", True),
        Column("Cost", "USD", True),
        *([Column("Loss after", _which_loss(data), True)] if data.laws else []),
    ]
    known = "All known stages" if totals.unknown else "All stages"
    hours, cost = with_rollouts(data)
    summed = msgspec.structs.replace(totals, hours=hours, cost=cost)
    sums = [_sum(data, known, summed, _published_hours(data))]
    if projection.totals_with_base is not None:
        sums.append(_sum(data, "With the base model's history", projection.totals_with_base, Cell("")))
    return Table(
        name="stages-projected",
        caption="What follows for each stage",
        columns=columns,
        rows=[*(_projected_row(data, s) for s in projection.stages), *sums],
        totals=len(sums),
    )


def _sum(data: ReportData, name: str, totals: Totals, published_hours: Cell) -> list[Cell]:
    nothing = Cell("")
    return [
        Cell(name),
        nothing,
        Cell(bounded(estimate(totals.flops), totals.bound), "projected") if totals.flops else UNPROJECTED,
        nothing,
        _amount(totals.hours, estimate, bound=totals.hours_bound),
        published_hours,
        nothing,
        _amount(totals.cost, dollars, bound=totals.hours_bound),
        *([nothing] if data.laws else []),
    ]


def _published_hours(data: ReportData) -> Cell:
    stated = {name: hours for name in data.recipe.order if (hours := hours_stated(data, name))}
    mark = mark_of(data, *(f"recipe.stages.{name}.hardware.hours" for name in stated))
    return Cell(quantity(plain_sum(stated.values()), 4), mark) if len(stated) > 1 else Cell("")


def _projected_row(data: ReportData, s: StageProjection) -> list[Cell]:
    time = s.time
    if time is None:
        none = UNPROJECTED if s.unfit is None else Cell("none", "unknown", "does not fit")
        rest = [none, none, _stated_hours(data, s), none, none]
        if (rollout := s.rollout) is not None and s.unfit is None:
            rest = [
                UNPROJECTED,
                _amount(rollout.hours, estimate, "by its rollouts", "assumed"),
                _stated_hours(data, s),
                _amount(rollout.days, estimate, _devices(rollout.devices), "assumed"),
                _amount(rollout.cost, dollars, mark="assumed"),
            ]
    else:
        assumed: Mark = "assumed" if time.assumed_hardware else "projected"
        rest = [
            _mfu(data, s),
            _amount(time.hours, estimate, mark=assumed, bound=s.hours_bound),
            _stated_hours(data, s),
            _amount(time.days, estimate, _devices(time.devices), assumed, s.hours_bound),
            _amount(time.cost, dollars, mark=assumed, bound=s.hours_bound),
        ]
    return [
        Cell(s.name, below=s.kind),
        Cell(giga(s.flops_per_token), "projected", f"{s.flop_convention}, at {whole(_worked(data, s))}"),
        Cell(bounded(estimate(s.flops), s.bound), "projected") if s.flops is not None else UNPROJECTED,
        *rest,
        *([_loss(data, s)] if data.laws else []),
    ]


def _worked(data: ReportData, s: StageProjection) -> int:
    """The length by which the work of a token is counted [tokens]."""
    return min(mean_sequence(data.recipe.stages[s.name]) or s.sequence_length, s.sequence_length)


def _devices(count: int | None) -> str:
    return f"{whole(count)} device{'' if count == 1 else 's'}" if count else ""


def _which_loss(data: ReportData) -> str:
    law = data.laws[0]
    return f"{'forecast, ' if data.forecast is not None else ''}{law.name}, {law.loss_unit}"


def _loss(data: ReportData, s: StageProjection) -> Cell:
    """The one forecast of the loss: under the recipe's schedules where they are known, else the surface's."""
    if data.forecast is not None:
        ends = {stage.name: stage for stage in data.forecast.stages}
        if s.name not in ends:
            return NOTHING
        end = ends[s.name]
        amount = Amount(value=end.loss, low=end.low, high=end.high, unit=data.laws[0].loss_unit)
        return _amount(amount, loss, bound=s.bound, falls=True)
    law = data.laws[0]
    return _amount(s.loss[law.name], loss, bound=s.bound, falls=True) if law.name in s.loss else NOTHING


def by_law(data: ReportData) -> Table | None:
    """The loss after each stage by each law, at the end of a schedule of that length; nothing where no law says any."""
    stages = [s for s in data.projection.stages if s.loss]
    if not stages:
        return None
    return Table(
        name="by-law",
        caption="The loss by each law, at the end of a schedule of that length",
        columns=[Column("Stage"), *(Column("Loss after", f"{law.name}, {law.loss_unit}", True) for law in data.laws)],
        rows=[
            [
                Cell(s.name, below=s.kind),
                *(
                    _amount(s.loss[law.name], loss, bound=s.bound, falls=True) if law.name in s.loss else NOTHING
                    for law in data.laws
                ),
            ]
            for s in stages
        ],
    )


def _stated_hours(data: ReportData, s: StageProjection) -> Cell:
    hours = hours_stated(data, s.name)
    if hours is None:
        among = [name for name, other in data.recipe.ordered() if s.name in other.shares_hours_with]
        if among:
            return Cell("", below=f"in those of {among[0]}")
        return absent(data, f"recipe.stages.{s.name}.hardware.hours")
    if data.altered:
        # the hours are those of the recipe as it was published
        return Cell(
            quantity(hours, 4), mark_of(data, f"recipe.stages.{s.name}.hardware.hours"), "of the recipe as published"
        )
    implied = [f"MFU {percent(s.time.implied_mfu)}"] if s.time and s.time.implied_mfu else []
    if shared := data.recipe.stages[s.name].shares_hours_with:
        implied = [f"of {', '.join(shared)} together", *_implied_together(data, shared, hours)]
    cost = [dollars(s.published_hours_cost)] if s.published_hours_cost else []
    return Cell(quantity(hours, 4), mark_of(data, f"recipe.stages.{s.name}.hardware.hours"), ", ".join(implied + cost))


def _implied_together(data: ReportData, names: list[str], hours: float) -> list[str]:
    """The utilisation that hours of several stages imply, where the work of all of them is known."""
    stages = [s for s in data.projection.stages if s.name in names]
    if any(s.flops is None or s.time is None for s in stages):
        return []
    flops, peaks = plain_sum(s.flops or 0.0 for s in stages), {s.time.peak for s in stages if s.time}
    return [f"MFU {percent(implied_mfu(flops, peaks.pop(), hours))}"] if len(peaks) == 1 else []


MARK_OF_BASIS: dict[UtilisationBasis, Mark] = {
    "published": "published",
    "given": "set",
    "layout": "projected",
    "rollouts": "projected",
    "fastest": "projected",
    "elsewhere": "projected",
    "assumed": "assumed",
}
"""How a utilisation is marked, by what it rests on."""


def _mfu(data: ReportData, s: StageProjection) -> Cell:
    assert s.time is not None
    time = s.time
    # what the recipe says of its own utilisation may be an assumption of its author's
    own = mark_of(data, f"recipe.stages.{s.name}.hardware.mfu")
    mark: Mark = own if time.basis == "published" else MARK_OF_BASIS[time.basis]
    if data.is_set(f"recipe.stages.{s.name}.hardware.mfu"):
        mark = "set"
    qualifier = between(time.mfu, percent) or basis_of(data.recipe, s.name, time.basis)
    return Cell(percent(time.mfu.value), mark, f"{qualifier}; {time.accelerator}, {time.precision}")


def _amount(
    amount: Amount | None,
    shown: Callable[[float], str],
    qualifier: str = "",
    mark: Mark = "projected",
    bound: Relation | None = None,
    *,
    falls: bool = False,
) -> Cell:
    if amount is None:
        return UNPROJECTED
    below = "; ".join(part for part in (ranged(amount, bound, shown), qualifier) if part)
    return Cell(around(amount, bound, shown, falls=falls), mark, below)


def giga(flops: float) -> str:
    """Work in GFLOP.

    >>> giga(249.82e9), giga(293_100_000.0)
    ('249.82', '0.293')
    """
    return f"{flops / 1e9:,.2f}" if flops >= 1e10 else f"{flops / 1e9:.3g}"


def beside_dense(data: ReportData) -> Table | None:
    """A mixture of experts beside dense models; nothing for a dense model."""
    dense = data.projection.dense
    if dense is None:
        return None
    count, tokens = data.projection.parameters, data.projection.totals.tokens
    rows = (
        ("This mixture of experts", count.total, count.active["all"], dense.moe),
        ("A dense model with the same total", count.total, count.total, dense.dense_same_total),
        ("A dense model with the same active", count.active["all"], count.active["all"], dense.dense_same_active),
    )
    return Table(
        name="dense",
        caption="What a token costs beside dense models",
        columns=[
            Column("Model"),
            Column("Parameters", "total", True),
            Column("Active", "all", True),
            Column("Work per token", f"GFLOP, causal with router, at {whole(dense.sequence_length)}", True),
            Column("Beside this model", "ratio of work", True),
            Column("For the recipe's tokens", "FLOP", True),
        ],
        rows=[
            [
                Cell(name),
                Cell(quantity(total), "projected"),
                Cell(quantity(active), "projected"),
                Cell(giga(work), "projected"),
                Cell(f"{work / dense.moe:.2f} ×", "projected"),
                Cell(estimate(work * tokens), "projected") if tokens else UNKNOWN,
            ]
            for name, total, active, work in rows
        ],
    )
