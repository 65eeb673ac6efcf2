"""Is the recipe compute-optimal, and what is a mixture of experts worth, by every law that applies."""

from __future__ import annotations

import msgspec

from lehr.recipes.presenting.document import Cell, Column, Part, Section, Table, Text
from lehr.recipes.presenting.numbers import between, loss, percent, quantity, ratio
from lehr.recipes.report.facts import ReportData, once
from lehr.simulators.laws import AnyLaw, DataConstrained, Frontier, ScalingLaw
from lehr.simulators.laws.base import Outside
from lehr.simulators.laws.moe import EfficiencyLeverage, JointMoe, RoutedLaw
from lehr.simulators.objectives import NextToken
from lehr.simulators.projection.assessment import (
    Allocation,
    DenseEquivalent,
    allocate,
    allocate_frontier,
    dense_equivalent,
    sparsity_of,
)
from lehr.simulators.projection.project import StageProjection
from lehr.simulators.projection.stage_work import MANY_EPOCHS, repeats_of
from lehr.simulators.quantities import Amount
from lehr.simulators.training import PRETRAINING

NEAR = 2.0
"""Tokens per parameter within this factor of an optimum cost less than 1 to 2 % of loss: the curve is flat there."""


COUNTED = {
    "total": "all that a token uses",
    "with_head": "without the input embedding",
    "non_embedding": "without both tables",
    "active": "all that a token uses",
    "flops_per_token": "a sixth of the FLOPs of a token",
}
"""What a law counts as N of this model; of a dense one a token uses all."""


def last_stage(data: ReportData) -> StageProjection | None:
    """The last stage of next-token pre-training whose tokens so far are known."""
    known = [
        s
        for s in data.projection.stages
        if s.kind in PRETRAINING and s.cumulative_tokens and isinstance(data.recipe.stages[s.name].objective, NextToken)
    ]
    return known[-1] if known else None


def work_per_token(data: ReportData) -> float:
    """The training FLOPs of a token in the pre-training stage with the most tokens, the report's own count [FLOP]."""
    stages = [s for s in data.projection.stages if s.kind in PRETRAINING and s.tokens]
    return max(stages, key=lambda s: s.tokens or 0.0).flops_per_token


@once
def corpus_of(data: ReportData) -> str | None:
    """``code`` where at least half of the longest pre-training stage is code; else ``None``, general text."""
    stages = [data.recipe.stages[s.name] for s in data.projection.stages if s.kind in PRETRAINING]
    told = [stage for stage in stages if stage.data or stage.datasets]
    if not told:
        return None
    longest = max(told, key=lambda stage: stage.n_tokens or 0.0)
    return "code" if (longest.code_share(data.code_corpora) or 0.0) >= 0.5 else None


def laws_used(data: ReportData) -> list[AnyLaw]:
    """The further laws that the report computes with, so that their sources are cited."""
    asked = {law.name for law in [*_of_allocation(data), *_of_mixtures(data)]}
    return [law for law in data.further_laws if law.name in asked]


def _of_allocation(data: ReportData) -> list[AnyLaw]:
    """Every law that says how many tokens a parameter should see, and applies."""
    if last_stage(data) is None:
        return []
    corpus, sparse = corpus_of(data), sparsity_of(data.model.shape()) is not None
    laws = {law.name: law for law in reversed([*data.laws, *data.further_laws]) if law.corpus in (None, corpus)}
    return [
        law
        for law in reversed(laws.values())
        if isinstance(law, ScalingLaw)
        or (isinstance(law, JointMoe) and sparse)
        # a frontier that was found for a number of experts is one of mixtures
        or (isinstance(law, Frontier) and (sparse or law.range.experts is None))
    ]


@once
def allocations(data: ReportData) -> list[tuple[AnyLaw, Allocation]]:
    """The recipe beside the optimum of every law that describes it, after the last stage of pre-training.

    A law of dense models reads a mixture of experts at the parameters that a token uses, and a law of mixtures at its
    own experts.
    """
    stage = last_stage(data)
    if stage is None or not stage.cumulative_tokens:
        return []
    tokens, count = stage.cumulative_tokens, data.projection.parameters
    sparsity = sparsity_of(data.model.shape())
    rows: list[tuple[AnyLaw, Allocation]] = []
    for law in _of_allocation(data):
        if isinstance(law, ScalingLaw):
            rows.append((law, allocate(law, count.at(law.n_convention, work_per_token(data))[0], tokens)))
        elif isinstance(law, JointMoe) and sparsity is not None:
            surface = law.with_experts(sparsity.expansion)
            found = allocate(surface, float(count.active["all"]), tokens)
            outside = law.outside(found.parameters, tokens, sparsity.expansion)
            rows.append((law, msgspec.structs.replace(found, law=law.name, outside=outside)))
        elif isinstance(law, Frontier):
            work = work_per_token(data)
            n = count.at(law.n_convention, work)[0]
            rows.append((law, allocate_frontier(law, n, tokens, work * tokens)))
    return rows


def optimal(data: ReportData) -> list[Section]:
    """The section on compute-optimality, or none where no law describes the recipe."""
    rows = allocations(data)
    stage = last_stage(data)
    if not rows or stage is None:
        return []
    if (unique := unique_of(data, stage)) is not None:
        return [Section(name="optimal", title="Is it compute-optimal?", parts=[Text(repeated(data, stage, unique))])]
    parts: list[Part] = [Text(verdict(data, rows)), _table(rows, stage)]
    return [Section(name="optimal", title="Is it compute-optimal?", parts=parts, folded=True)]


def unique_of(data: ReportData, last: StageProjection) -> float | None:
    """The tokens of pre-training that differ, where they are seen so often that laws of new ones say nothing."""
    assert last.cumulative_tokens is not None
    stages = [data.recipe.stages[s.name] for s in data.projection.stages if s.kind in PRETRAINING]
    repeats = 0.0
    for stage in stages:
        repeats += repeats_of(stage)
    unique = last.cumulative_tokens - repeats
    return unique if last.cumulative_tokens > MANY_EPOCHS * unique else None


def repeated(data: ReportData, last: StageProjection, unique: float) -> str:
    """What a law of repeated data says of the recipe; laws of new tokens are not asked."""
    tokens = last.cumulative_tokens
    assert tokens is not None
    said = (
        f"{quantity(unique)} tokens are seen {ratio(tokens / unique)} times, of which laws of new tokens say nothing."
    )
    laws = [law for law in [*data.laws, *data.further_laws] if isinstance(law, DataConstrained)]
    if not laws:
        return f"{said} Write law=muennighoff for one of repeated data."
    law = laws[0]
    n = data.projection.parameters.at(law.n_convention, work_per_token(data))[0]
    best_n, best_d = law.optimum(6 * n * tokens, unique)
    here, least = float(law.loss(n, tokens, unique)), float(law.loss(best_n, best_d, unique))
    return (
        f"{said} By {law.title} the optimum for the same data and work, 6ND, is {quantity(best_n)} parameters on "
        f"{quantity(best_d)} tokens, {ratio(best_d / unique)} times the data: loss {loss(least)} {law.loss_unit}, and "
        f"{loss(here)} of this recipe's {quantity(n)} parameters."
    )


def verdict(data: ReportData, rows: list[tuple[AnyLaw, Allocation]]) -> str:
    """What the first law says of the recipe, of its cost and its gain, and how far the others agree."""
    if data.projection.dense is not None:
        return _of_a_mixture(rows)
    law, a = rows[0]
    times = a.over_training
    apart = f"{ratio(a.ratio)} tokens per parameter, {ratio(times)} times the optimum of {law.title} at the same work"
    each = [x.over_training for _, x in rows]
    if min(each) < 1 / NEAR and max(each) > NEAR:
        said = f"The laws disagree: {apart}."
    elif times > NEAR:
        said = f"No, it is over-trained: {apart}."
    elif times < 1 / NEAR:
        said = f"No, it is under-trained: {apart}."
    else:
        said = f"Yes, within a factor of two: {apart}."
    if a.equal_loss_flops is not None and a.equal_loss_parameters is not None:
        share, size = a.equal_loss_flops / a.flops, a.equal_loss_parameters / a.parameters
        if size > 1.05:
            said += (
                f" The same loss could be had with {percent(share)} of the work, by a model {ratio(size)} times as "
                f"large. Over-training thus costs {percent(1 - share)} of the work, and a token that is served costs "
                f"{percent(1 / size)} of what it would there."
            )
        elif share < 0.98:
            said += (
                f" The same loss could be had with {percent(share)} of the work, by a model of {percent(size)} of "
                "this size on more tokens."
            )
    if len(rows) > 1:
        least, most = (f(rows, key=lambda row: row[1].over_training) for f in (min, max))
        said += (
            f" The laws together say {ratio(least[1].over_training)} ({least[0].name}) to "
            f"{ratio(most[1].over_training)} times ({most[0].name})"
        )
        outside = sum(bool(x.outside) for _, x in rows)
        said += f"; {outside} of {len(rows)} are outside their runs here." if outside else "."
    if own := [x.over_training for other, x in rows if other.corpus is not None]:
        said += f" Those of {corpus_of(data)}, which is what most of the data is, say {ratio(min(own))}"
        said += f" to {ratio(max(own))} times." if max(own) > min(own) else " times."
    return said


def _of_a_mixture(rows: list[tuple[AnyLaw, Allocation]]) -> str:
    """No verdict: laws of dense models put their optimum where the experts are not counted, and the best mixture has
    fewer active parameters on more tokens; only what laws of mixtures say is set beside it."""
    said = (
        f"No verdict on a mixture of experts, here of {ratio(rows[0][1].ratio)} tokens per active parameter: laws of "
        "dense models read it at the parameters that a token uses, as if it had no others, so that one that is at its "
        "own optimum looks over-trained. lehr plan network=moe chooses one by a law that knows experts."
    )
    own = [
        f"{ratio(a.over_training)} times the optimum ({law.name}{', outside its runs' if a.outside else ''})"
        for law, a in rows
        if not isinstance(law, ScalingLaw) and law.range.experts is not None
    ]
    return f"{said} Laws of mixtures say {' and '.join(own)}." if own else said


def _table(rows: list[tuple[AnyLaw, Allocation]], stage: StageProjection) -> Table:
    return Table(
        name="optimal",
        caption=f"The recipe after stage {stage.name} beside the optimum of each law at the same work, 6ND",
        columns=[
            Column("Law"),
            Column("N", "parameters, as the law counts", True),
            Column("Tokens per parameter", "of the recipe", True),
            Column("Optimum", "tokens per parameter", True),
            Column("Over-training", "times the optimum", True),
            Column("Loss", "of the recipe", True),
            Column("Least loss", "at this work", True),
            Column("Work for this loss", "of the recipe's, at the optimum", True),
            Column("Outside the runs that it was fitted on"),
        ],
        rows=[_row(law, a) for law, a in rows],
    )


def _row(law: AnyLaw, a: Allocation) -> list[Cell]:
    unit = getattr(law, "loss_unit", "")
    nothing = Cell("–", "unknown")
    interval = ""
    if a.best_ratio_interval is not None:
        interval = " to ".join(ratio(bound) for bound in a.best_ratio_interval)
    losses = [nothing, nothing, nothing]
    if a.loss is not None and a.best_loss is not None:
        bounds = a.loss_interval or (None, None)
        amount = Amount(value=a.loss, low=bounds[0], high=bounds[1], unit=unit)
        below = "; ".join(part for part in (between(amount, loss), unit) if part)
        losses = [Cell(loss(a.loss), "projected", below), Cell(loss(a.best_loss), "projected"), nothing]
    if a.equal_loss_flops is not None and a.equal_loss_parameters is not None:
        size = f"with {quantity(a.equal_loss_parameters)} parameters"
        losses[2] = Cell(percent(a.equal_loss_flops / a.flops), "projected", size)
    return [
        Cell(law.name, below=law.title),
        Cell(quantity(a.parameters), "projected", COUNTED[getattr(law, "n_convention", "total")]),
        Cell(ratio(a.ratio), "projected"),
        Cell(ratio(a.best_ratio), "projected", interval),
        Cell(f"{ratio(a.over_training)} ×", "projected"),
        *losses,
        Cell(_outside(a.outside)),
    ]


INPUTS = {
    "active_parameters": "active parameters with both tables",
    "active_non_embedding": "active parameters without tables",
    "tokens": "tokens",
    "experts": "experts for each that is used",
    "granularity": "of granularity",
    "activation": "of the experts used",
    "flops": "FLOP",
}
"""How an input of a law of mixtures is named."""


def _input(name: str, value: float) -> str:
    return f"{percent(value) if name == 'activation' else quantity(value)} {INPUTS[name]}"


def _outside(inputs: list[Outside]) -> str:
    """What lies outside a law's runs, and where those lay.

    >>> _outside([Outside("parameters", 7e10, 7e7, 1.6e10)])
    'parameters, 70M to 16B'
    """
    return "; ".join(f"{one.unit}, {quantity(one.low)} to {quantity(one.high)}" for one in inputs)


MixtureLaw = JointMoe | RoutedLaw | EfficiencyLeverage


def _of_mixtures(data: ReportData) -> list[MixtureLaw]:
    if last_stage(data) is None or sparsity_of(data.model.shape()) is None:
        return []
    return [law for law in data.further_laws if isinstance(law, MixtureLaw)]


@once
def equivalents(data: ReportData) -> list[tuple[MixtureLaw, DenseEquivalent]]:
    """What each law of mixtures says this one is worth; nothing for a dense model."""
    stage, sparsity = last_stage(data), sparsity_of(data.model.shape())
    if stage is None or sparsity is None or not stage.cumulative_tokens:
        return []
    tokens = stage.cumulative_tokens
    return [
        (law, dense_equivalent(law, sparsity, data.projection.parameters, tokens, work_per_token(data) * tokens))
        for law in _of_mixtures(data)
    ]


def equal_loss(data: ReportData) -> list[Part]:
    """The mixture beside dense models of equal loss, by every law of mixtures."""
    rows = equivalents(data)
    if not rows:
        return []
    nothing = Cell("–", "unknown")
    table = Table(
        name="equal-loss",
        caption="Dense models of equal loss, by the laws of mixtures",
        columns=[
            Column("Law"),
            Column("Reads this model as"),
            Column("Dense model", "parameters, on the same tokens", True),
            Column("Its work", "times this model's", True),
            Column("Cheapest dense model's work", "times this model's", True),
            Column("Outside the runs that it was fitted on"),
        ],
        rows=[
            [
                Cell(law.name, below=law.title),
                Cell(", ".join(_input(name, value) for name, value in e.inputs.items())),
                Cell(quantity(e.parameters), "projected") if e.parameters else nothing,
                Cell(f"{e.work_same_tokens:.2f} ×", "projected") if e.work_same_tokens else nothing,
                Cell(f"{e.work_best:.2f} ×", "projected") if e.work_best else nothing,
                Cell(_outside(e.outside)),
            ]
            for law, e in rows
        ],
    )
    text = Text(
        "What the experts are worth at equal loss. The laws count E as all expert parameters over those that a token "
        "uses, a shared expert among both; they were fitted on models far smaller than most, and differ."
    )
    return [text, table]
