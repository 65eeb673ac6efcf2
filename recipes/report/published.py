"""What was published of the whole recipe, to stand before what is projected, and why the two part."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from lehr.recipes.presenting.numbers import percent, quantity
from lehr.recipes.report.facts import ReportData
from lehr.simulators.evidence import Reported, parse_figure
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.project import StageProjection


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A published figure of the recipe: as printed or summed, its number, the stages that it holds (none: as a whole),
    and the cause on record where the projection differs."""

    text: str
    value: float
    stages: tuple[str, ...] = ()
    cause: str | None = None
    summed: bool = False


def published(data: ReportData, *quantities: str) -> Published | None:
    """The figure of the recipe, or of the model, that is called one of ``quantities``; that of the whole before the sum
    of those of stages. ``None`` where there is none, and where what was published is of something else, as the
    command line changed the recipe."""
    if data.altered:
        return None
    rows = [row for row in (*data.recipe.reported, *data.model.reported) if row.quantity in quantities]
    numbers = [row for row in rows if _is_number(row.printed)]
    if whole := [row for row in numbers if row.stage is None]:
        row = whole[0]
        return Published(text=row.printed, value=_value(row), cause=row.known_cause)
    by_stage = {row.stage: row for row in reversed(numbers) if row.stage in data.recipe.stages}
    if not by_stage:
        return None
    named = tuple(name for name in data.recipe.order if name in by_stage)
    first = by_stage[named[0]]
    if len(named) == 1:
        return Published(text=first.printed, value=_value(first), stages=named, cause=first.known_cause)
    total = plain_sum(_value(row) for row in by_stage.values())
    causes = [row.known_cause for row in by_stage.values() if row.known_cause]
    sign = "$" if first.printed.startswith("$") else ""
    return Published(
        text=f"{sign}{quantity(total, 4)}",
        value=total,
        stages=named,
        cause="; ".join(causes) or None,
        summed=True,
    )


def published_hours(data: ReportData) -> Published | None:
    """The accelerator-hours as reported, or the sum of what the stages state [h]."""
    if data.altered:
        return None
    reported = published(data, "accelerator_hours")
    if reported is not None and not reported.stages:
        return reported
    hours = {name: h for name, h in stated_hours(data).items() if h}
    if not hours:
        return reported
    shared = {s for name in hours for s in data.recipe.stages[name].shares_hours_with}
    named = tuple(name for name in data.recipe.order if name in hours or name in shared)
    cause = reported.cause if reported else None
    total = plain_sum(hours.values())
    return Published(text=quantity(total, 4), value=total, stages=named, cause=cause, summed=len(hours) > 1)


def stated_hours(data: ReportData) -> dict[str, float | None]:
    """The accelerator-hours that the recipe states of each stage, or of several at the first of them [h]."""
    hardware = {name: stage.hardware for name, stage in data.recipe.ordered()}
    return {name: None if h is None else h.stated_hours for name, h in hardware.items()}


def of_what(found: Published, data: ReportData) -> str:
    """Which stages a published figure is of."""
    if not found.stages or len(found.stages) == len(data.recipe.order):
        return "published"
    return f"published, of {', '.join(found.stages)}"


def within(found: Published, data: ReportData) -> list[StageProjection]:
    """The projected stages that a published figure is of."""
    return [s for s in data.projection.stages if not found.stages or s.name in found.stages]


def why(found: Published, data: ReportData) -> str:
    """Why a projection leaves what was published: the cause on record, an unknown length, or the utilisation."""
    if found.cause:
        return found.cause
    stages = within(found, data)
    if unknown := [s.name for s in stages if s.flops is None]:
        return f"the length of {', '.join(unknown)} is not known, and nothing is projected of it"
    implied = {s.name: s.time for s in stages if s.time is not None and s.time.implied_mfu}
    if implied:
        each = [
            f"{name}: {percent(time.implied_mfu or 0.0)}, where {percent(time.mfu.value)} is taken"
            for name, time in implied.items()
        ]
        return f"the published hours imply another MFU ({'; '.join(each)})"
    return "no cause is on record"


def _is_number(printed: str) -> bool:
    try:
        parse_figure(printed)
    except (ValueError, ArithmeticError):
        return False
    return True


def _value(row: Reported) -> float:
    value: Decimal = parse_figure(row.printed).value
    return float(value)
