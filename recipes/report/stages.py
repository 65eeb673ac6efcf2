"""The stages of a recipe as tables: what was stated of each, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lehr.recipes.presenting.document import UNKNOWN, Cell, Column, Mark, Table
from lehr.recipes.presenting.numbers import between, bounded, dollars, estimate, loss, percent, quantity, rate, whole
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.headline import hours_stated
from lehr.simulators.objectives import Fim, Objective
from lehr.simulators.projection.cost import BASES, UtilisationBasis, implied_mfu
from lehr.simulators.projection.project import StageProjection, Totals
from lehr.simulators.quantities import Amount, Bound, Relation
from lehr.simulators.schedules import WeightDecay
from lehr.simulators.training import STAGE_KINDS, Optimizer, Stage

NOTHING = Cell("–", "unknown")
"""Stands where a stage has no such number."""

UNPROJECTED = Cell("unknown", "unknown")
"""Stands where what it would follow from was not published."""


def mark_of(data: ReportData, *paths: str) -> Mark:
    """Where the values at ``paths`` and below them come from: the command line before all else, then the weakest."""
    if any(data.is_set(path) for path in paths):
        return "set"
    origins = {fact.origin for path in paths for fact in data.facts(path)}
    weakest: list[Mark] = ["assumed", "derived"]
    return next((mark for mark in weakest if mark in origins), "published")


def stated(data: ReportData, path: str, value: Any, shown: Callable[[Any], str] = str, below: str = "") -> Cell:
    """A value of the recipe, with the sign of its origin."""
    return absent(data, path) if value is None else Cell(shown(value), mark_of(data, path), below)


def absent(data: ReportData, path: str, below: str = "") -> Cell:
    """A value of the recipe that is not there: looked for in vain, or not read for."""
    state = data.recipe.provenance.state(path.removeprefix("recipe."), there=False)
    return Cell(state, "unknown", below)


def as_stated(data: ReportData) -> Table:
    """What the recipe says of each stage."""
    return Table(
        name="stages-stated",
        caption="What was stated of each stage",
        columns=[
            Column("Stage"),
            Column("Objective"),
            Column("Tokens", "in the stage", True),
            Column("Sequence", "tokens", True),
            Column("Batch", "tokens per update", True),
            Column("Steps", "updates", True),
            Column("Learning rate", "peak to final", True),
            Column("Optimiser"),
            Column("Hardware"),
        ],
        rows=[
            _stated_row(data, name, stage, projected)
            for (name, stage), projected in zip(data.recipe.ordered(), data.projection.stages, strict=True)
        ],
    )


def _stated_row(data: ReportData, name: str, stage: Stage, projected: StageProjection) -> list[Cell]:
    path = f"recipe.stages.{name}"
    return [
        Cell(name, below=f"{stage.kind}, {STAGE_KINDS[stage.kind].partition(':')[0]}"),
        stated(data, f"{path}.objective", objective(stage.objective)),
        _tokens(data, path, stage),
        _sequence(data, path, stage, projected),
        _batch(data, path, stage, projected),
        _steps(data, path, stage, projected),
        _rates(data, path, stage, projected),
        stated(data, f"{path}.optimizer", stage.optimizer, optimizer),
        _hardware(data, path, stage),
    ]


def _tokens(data: ReportData, path: str, stage: Stage) -> Cell:
    below = ", ".join(
        part
        for part in (
            f"{whole(stage.examples) if isinstance(stage.examples, int) else length(stage.examples)} examples"
            if stage.examples
            else "",
            f"{length(stage.epochs)} epochs" if stage.epochs else "",
        )
        if part
    )
    if stage.tokens is not None:
        return stated(data, f"{path}.tokens", stage.tokens, length, below)
    if stage.n_tokens is not None:
        return Cell(quantity(stage.n_tokens, 4), "projected", "steps × batch")
    return absent(data, f"{path}.tokens", below)


def length(tokens: float | Bound) -> str:
    """Tokens, or the bounds of them.

    >>> length(2e12), length(Bound(at_least=15e12)), length(Bound(at_least=3e12, at_most=4e12))
    ('2T', '≥ 15T', '3T to 4T')
    """
    if not isinstance(tokens, Bound):
        return quantity(tokens, 4)
    if tokens.at_least is not None and tokens.at_most is not None:
        return f"{quantity(tokens.at_least, 4)} to {quantity(tokens.at_most, 4)}"
    return bounded(quantity(tokens.value, 4), tokens.relation)


def _sequence(data: ReportData, path: str, stage: Stage, projected: StageProjection) -> Cell:
    if stage.sequence_length is None:
        return Cell(whole(projected.sequence_length), "assumed")
    return stated(data, f"{path}.sequence_length", stage.sequence_length, whole)


def _batch(data: ReportData, path: str, stage: Stage, projected: StageProjection) -> Cell:
    if stage.batch is None:
        return absent(data, f"{path}.batch")
    below = f"{whole(stage.batch.sequences)} sequences"
    if stage.batch.ramp is not None:
        below += f", ramped up from {whole(stage.batch.ramp.start)}"
    mark = mark_of(data, f"{path}.batch")
    return Cell(quantity(projected.batch_tokens) if projected.batch_tokens else "unknown", mark, below)


def _steps(data: ReportData, path: str, stage: Stage, projected: StageProjection) -> Cell:
    if stage.steps is not None:
        return stated(data, f"{path}.steps", stage.steps, whole if isinstance(stage.steps, int) else length)
    if projected.steps is not None:
        return Cell(bounded(whole(projected.steps), projected.bound), "projected", "tokens / batch")
    return absent(data, f"{path}.steps")


def _rates(data: ReportData, path: str, stage: Stage, projected: StageProjection) -> Cell:
    if stage.schedule is None:
        return absent(data, f"{path}.schedule")
    mark = mark_of(data, f"{path}.schedule")
    kind = str(stage.schedule.__struct_config__.tag).replace("_", " ")
    if projected.peak_rate is None or projected.final_rate is None:
        return Cell(rate(stage.schedule.peak), mark, f"{kind}; length unknown")
    if projected.peak_rate == projected.final_rate:
        return Cell(rate(projected.peak_rate), mark, kind)
    return Cell(f"{rate(projected.peak_rate)} to {rate(projected.final_rate)}", mark, kind)


def _hardware(data: ReportData, path: str, stage: Stage) -> Cell:
    hardware = stage.hardware
    if hardware is None:
        return absent(data, f"{path}.hardware")
    text = f"{whole(hardware.count)} × {hardware.accelerator}" if hardware.count else hardware.accelerator
    below = ", ".join(
        part
        for part in (
            hardware.precision or "",
            f"MFU {percent(hardware.mfu)}" if hardware.mfu else "",
        )
        if part
    )
    shown = ("accelerator", "count", "precision", "mfu")
    return Cell(text, mark_of(data, *(f"{path}.hardware.{field}" for field in shown)), below)


def objective(of: Objective) -> str:
    """What a stage is trained to do, in words, with every setting that is known.

    >>> from lehr.simulators.objectives import NextToken, PolicyGradient
    >>> objective(NextToken(fim=Fim(rate=0.1, formats=["psm"]), mtp_weight=0.3))
    'next token; FIM 10 % (PSM); MTP weight 0.3'
    >>> objective(PolicyGradient(method="grpo", group_size=16))
    'policy gradient; GRPO; group size 16'
    """
    settings = [(f.name, getattr(of, f.name)) for f in msgspec.structs.fields(of)]
    words = str(of.__struct_config__.tag).replace("_", " ")
    return "; ".join([words, *(_setting(name, value) for name, value in settings if value is not None)])


def _setting(name: str, value: Any) -> str:
    if isinstance(value, Fim):
        formats = f" ({', '.join(f.upper() for f in value.formats)})" if value.formats else ""
        return f"FIM {percent(value.rate)}{formats}"
    if name == "method":
        return str(value).upper()
    words = name.replace("_", " ").replace("mtp", "MTP")
    return f"{words} {value:g}" if isinstance(value, (int, float)) else f"{words} {value}"


def optimizer(of: Optimizer) -> str:
    """An optimiser with the settings that are known.

    >>> optimizer(Optimizer(kind="adamw", beta1=0.9, beta2=0.95, weight_decay=0.1))
    'AdamW, β₁ 0.9, β₂ 0.95, weight decay 0.1'
    >>> optimizer(Optimizer(kind="adamw", weight_decay=WeightDecay(start=0.01, end=0.1)))
    'AdamW, weight decay 0.01 to 0.1'
    """
    names = {"adam": "Adam", "adamw": "AdamW", "muonclip": "MuonClip", "sgd": "SGD"}
    settings = (
        ("β₁", of.beta1),
        ("β₂", of.beta2),
        ("ε", of.epsilon),
        ("momentum", of.momentum),
        ("weight decay", of.weight_decay),
        ("clip", of.grad_clip),
    )
    known = [f"{name} {_amount_of(value)}" for name, value in settings if value is not None]
    return ", ".join([names.get(of.kind, of.kind.capitalize()), *known])


def _amount_of(value: float | WeightDecay) -> str:
    if isinstance(value, WeightDecay):
        return f"{_amount_of(value.start)} to {_amount_of(value.end)}"
    return rate(value) if 0 < value < 1e-3 else f"{value:g}"


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
    sums = [_sum(data, known, totals, _published_hours(data))]
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
        _amount(totals.hours, estimate, bound=totals.bound),
        published_hours,
        nothing,
        _amount(totals.cost, dollars, bound=totals.bound),
        *([nothing] if data.laws else []),
    ]


def _published_hours(data: ReportData) -> Cell:
    stated = {name: hours for name in data.recipe.order if (hours := hours_stated(data, name))}
    mark = mark_of(data, *(f"recipe.stages.{name}.hardware.hours" for name in stated))
    return Cell(quantity(sum(stated.values()), 4), mark) if len(stated) > 1 else Cell("")


def _projected_row(data: ReportData, s: StageProjection) -> list[Cell]:
    time = s.time
    if time is None:
        rest = [UNPROJECTED, UNPROJECTED, _stated_hours(data, s), UNPROJECTED, UNPROJECTED]
    else:
        assumed: Mark = "assumed" if time.assumed_hardware else "projected"
        rest = [
            _mfu(data, s),
            _amount(time.hours, estimate, mark=assumed, bound=s.bound),
            _stated_hours(data, s),
            _amount(time.days, estimate, f"{whole(time.devices)} devices" if time.devices else "", assumed, s.bound),
            _amount(time.cost, dollars, mark=assumed, bound=s.bound),
        ]
    return [
        Cell(s.name, below=s.kind),
        Cell(giga(s.flops_per_token), "projected", f"{s.flop_convention}, at {whole(s.sequence_length)}"),
        Cell(bounded(estimate(s.flops), s.bound), "projected") if s.flops is not None else UNPROJECTED,
        *rest,
        *([_loss(data, s)] if data.laws else []),
    ]


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
        return Cell(bounded(loss(end.loss), s.bound, falls=True), "projected", f"{loss(end.low)} to {loss(end.high)}")
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
    flops, peaks = sum(s.flops or 0.0 for s in stages), {s.time.peak for s in stages if s.time}
    return [f"MFU {percent(implied_mfu(flops, peaks.pop(), hours))}"] if len(peaks) == 1 else []


MARK_OF_BASIS: dict[UtilisationBasis, Mark] = {
    "published": "published",
    "given": "set",
    "layout": "projected",
    "assumed": "assumed",
}
"""How a utilisation is marked, by what it rests on."""


def _mfu(data: ReportData, s: StageProjection) -> Cell:
    assert s.time is not None
    time = s.time
    mark: Mark = MARK_OF_BASIS[time.basis]
    if data.is_set(f"recipe.stages.{s.name}.hardware.mfu"):
        mark = "set"
    qualifier = between(time.mfu, percent) or BASES[time.basis]
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
    below = "; ".join(part for part in (between(amount, shown), qualifier) if part)
    return Cell(bounded(shown(amount.value), bound, falls=falls), mark, below)


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
