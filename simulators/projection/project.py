"""What a recipe costs and what loss it should reach: each stage, and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import (
    ParameterCount,
    count_parameters,
    forward_flops_per_token,
    training_flops_per_token,
)
from lehr.simulators.laws import DataConstrained, ScalingLaw
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.rollout import RolloutConstants
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.objectives import NextToken, Preference, SpanDenoising, further_forward_passes
from lehr.simulators.projection.beside_dense import DenseComparison, compare_with_dense
from lehr.simulators.projection.loss import project_loss
from lehr.simulators.projection.rollout_time import StageRollout, as_rolled, lengths_known, project_rollout
from lehr.simulators.projection.stage_time import (
    Assumptions,
    Time,
    assumed_mfu,
    beyond_memory,
    cost_of_published_hours,
    project_time,
)
from lehr.simulators.projection.stage_work import (
    MANY_EPOCHS,
    assumed_sequence,
    beside,
    most_tokens,
    repeats_of,
    sequence_said,
    stage_convention,
    worked_sequence,
)
from lehr.simulators.projection.totals import Totals, add_totals, relation_of
from lehr.simulators.quantities import Amount, Interval, Relation
from lehr.simulators.training import PRETRAINING, Recipe, Stage

__all__ = [
    "Assumptions",
    "DenseComparison",
    "Projection",
    "StageProjection",
    "StageRollout",
    "Time",
    "Totals",
    "add_totals",
    "add_up",
    "assumed_mfu",
    "assumed_sequence",
    "compare_with_dense",
    "days_of",
    "project",
    "project_loss",
    "project_stage",
    "relation_of",
    "stage_convention",
]


class StageProjection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stage: what was stated, and what follows from it. ``None`` is unknown: nobody published what it needs."""

    name: str
    kind: str
    tokens: float | None
    cumulative_tokens: float | None
    steps: int | None
    batch_tokens: float | None
    sequence_length: int
    peak_rate: float | None
    final_rate: float | None
    flops_per_token: float
    flop_convention: str
    flops: float | None
    six_nd: float | None
    time: Time | None
    published_hours_cost: float | None
    loss: dict[str, Amount]
    warnings: list[str]
    bound: Relation | None = None
    """How the true length lies to ``tokens``, and with it work; the loss lies the other way."""
    step_bound: Relation | None = None
    """The same of ``steps``."""
    padded: bool = False
    """Whether ``tokens`` are those of sequences that are all as long as they may be, which is the most there are."""
    rollout: StageRollout | None = None
    """What a stage of policy gradients takes by its rollouts. Where its tokens are known ``time`` and the totals are
    made of it; where steps or examples alone were published it stands apart, as it mostly rests on assumed lengths."""
    unfit: str | None = None
    """Why the devices do not hold it, where they do not: then it has no ``time``."""

    @property
    def hours_bound(self) -> Relation | None:
        """How the true hours, days and cost lie to those of ``time``: of what writes answers no most is known, whatever
        is known of their tokens."""
        return None if self.rollout is not None and self.bound == "at most" else self.bound


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is projected for one recipe.

    ``totals`` is of its own stages; ``totals_with_base`` adds ``totals_of_base``, the base model's history, where its
    recipe is known. ``tokens_before`` are those that the base had seen [tokens].
    """

    model: str
    parameters: ParameterCount
    stages: list[StageProjection]
    totals: Totals
    dense: DenseComparison | None
    tokens_before: float | None = 0.0
    totals_of_base: Totals | None = None
    totals_with_base: Totals | None = None

    @property
    def rollout_hours(self) -> Amount | None:
        """Accelerator-hours of the rollouts that are in no total [h]; ``None`` without any."""
        found: Amount | None = None
        for stage in self.stages:
            if stage.rollout is not None and (stage.time is None or stage.time.basis != "rollouts"):
                found = stage.rollout.hours if found is None else found + stage.rollout.hours
        return found


def days_of(stages: Sequence[StageProjection]) -> float | None:
    """The days of all known stages one after the other, or ``None`` where one has no number of devices, or its devices
    do not hold it [d]."""
    if any(s.unfit is not None for s in stages):
        return None
    known = [s.time.days for s in stages if s.time is not None]
    return plain_sum(d.value for d in known if d is not None) if known and all(d is not None for d in known) else None


def _rollout(
    stage: Stage,
    architecture: Architecture,
    accelerators: Mapping[str, Accelerator],
    assumptions: Assumptions,
    generation: RolloutConstants | None,
) -> tuple[StageRollout | None, ValueError | None]:
    """What a stage's rollouts take, or why they are not projected; neither of a stage that has none."""
    if generation is None:
        return None, None
    try:
        return project_rollout(
            stage, architecture, accelerators=accelerators, assumptions=assumptions, constants=generation
        ), None
    except ValueError as error:
        return None, error


def project_stage(
    name: str,
    stage: Stage,
    architecture: Architecture,
    count: ParameterCount,
    *,
    tokens_before: float | None,
    laws: Sequence[ScalingLaw],
    accelerators: Mapping[str, Accelerator],
    assumptions: Assumptions,
    laid_out: Interval | None = None,
    fastest: Callable[[str], Interval | None] = lambda _: None,
    unpacking: Callable[[str], Interval | None] = lambda _: None,
    generation: RolloutConstants | None = None,
    repeated: float = 0.0,
    teachers: Mapping[str, Architecture] = MappingProxyType({}),
) -> StageProjection:
    """Project one stage that begins after ``tokens_before`` tokens of training (``None``: unknown).

    ``laid_out`` is the utilisation of the layout that the stage ran under, ``fastest`` tells a stage's fastest, and
    ``unpacking`` how many times as long that takes beside weights in four bits [1];
    ``generation`` are the constants of generation and of its steps, without which no rollout is projected. ``repeated``
    tokens before had been seen already; ``teachers`` are networks that a stage distils, by name.

    >>> from lehr.simulators.planning.ladder import dense
    >>> from lehr.simulators.quantities import Interval
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> h800 = Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12},
    ...     mfu={"dense": Interval(low=0.3, central=0.4, high=0.5)})
    >>> stage = Stage(kind="PT", objective=NextToken(), tokens=15e12, sequence_length=8192)
    >>> found = project_stage("pt", stage, llama3_8b, count_parameters(llama3_8b), tokens_before=0.0, laws=[],
    ...     accelerators={"h800": h800}, assumptions=Assumptions(fallback="h800"))
    >>> f"{found.flops:.3g} FLOP, {found.time.hours.value:.3g} h"
    '7.72e+23 FLOP, 5.42e+05 h'
    """
    seq_len = stage.sequence_length or assumed_sequence(stage, architecture)
    convention = stage_convention(architecture, stage)
    target_len = stage.objective.target_length(seq_len) if isinstance(stage.objective, SpanDenoising) else None
    worked = worked_sequence(stage, architecture)
    per_token = training_flops_per_token(architecture, worked, convention, target_len)
    rollout, refused = _rollout(stage, architecture, accelerators, assumptions, generation)
    padded, passes = most_tokens(stage, seq_len)
    tokens, bound = (stage.n_tokens, stage.token_bound) if padded is None else (padded, "at most")
    if (padded is not None or tokens is None) and rollout is not None and lengths_known(stage):
        # how long the answers are is better than how long they may be
        padded, passes, tokens, bound = None, [], rollout.tokens, stage.step_bound
    warnings = [*sequence_said(stage, seq_len), *passes]
    if tokens is not None and (further_passes := further_forward_passes(stage.objective)):
        per_token += further_passes * forward_flops_per_token(architecture, worked, convention)
        warnings.append(
            "a token counts one update and one forward pass of the reference model"
            if isinstance(stage.objective, Preference)
            else "tokens of RL count one forward pass for the rollout and one update; the reward model is not counted"
        )
    more, further = beside(stage, architecture, worked, teachers)
    per_token, warnings = per_token + more, warnings + further
    flops = None if tokens is None else per_token * tokens
    after = None if tokens is None or tokens_before is None else tokens_before + tokens
    loss: dict[str, Amount] = {}
    if after is not None and stage.kind in PRETRAINING and isinstance(stage.objective, NextToken):
        unique = after - repeated - repeats_of(stage)
        for law in laws:
            if after > MANY_EPOCHS * unique and not isinstance(law, DataConstrained):
                warnings.append(f"{law.name}: knows no repeats, and says nothing of {after / unique:.3g} epochs")
                continue
            loss[law.name] = project_loss(law, count, after, flops_per_token=per_token, unique=unique)
            warnings += [f"{law.name}: {w}" for w in law.warnings(count.at(law.n_convention, per_token)[0], after)]
    curve = stage.curve()
    time, unfit = None, None
    if flops is not None:
        time = project_time(
            flops,
            stage,
            sparse=count.sparse,
            accelerators=accelerators,
            assumptions=assumptions,
            laid_out=laid_out,
            fastest=lambda: fastest(name),
            unpacking=lambda: unpacking(name),
        )
        # adapters have no states of the weights beside them, and what was billed did run
        if stage.adapter is None and not _ran(stage, time):
            unfit = beyond_memory(count.total, time.devices, accelerators[time.accelerator])
    if refused is not None:
        if time is None or getattr(stage.objective, "rollout", None) is not None:
            raise refused
        # nobody said how: the work is known without them
        warnings.append(f"its rollouts are not projected: {refused}")
    if unfit is not None:
        time, warnings = None, [*warnings, unfit]
    if flops is not None and time is not None and rollout is not None and time.basis != "given":
        time, said = as_rolled(time, flops, rollout, padded)
        warnings += said
    return StageProjection(
        name=name,
        kind=stage.kind,
        tokens=tokens,
        cumulative_tokens=after,
        steps=stage.n_steps,
        batch_tokens=stage.final_batch_tokens,
        sequence_length=seq_len,
        peak_rate=None if curve is None else curve.peak,
        final_rate=None if curve is None else curve.final,
        flops_per_token=per_token,
        flop_convention=convention.name,
        flops=flops,
        six_nd=None if tokens is None else 6.0 * count.active["all"] * tokens,
        time=time,
        published_hours_cost=cost_of_published_hours(stage, accelerators=accelerators, assumptions=assumptions),
        loss=loss,
        warnings=warnings,
        bound=bound,
        step_bound=stage.step_bound,
        padded=padded is not None,
        rollout=rollout,
        unfit=unfit,
    )


def _ran(stage: Stage, time: Time) -> bool:
    """Whether a stage's hours on these devices were published."""
    hardware = stage.hardware
    if hardware is None or hardware.stated_hours is None:
        return False
    return (hardware.accelerator, hardware.count) == (time.accelerator, time.devices)


def _of_hours(stages: Sequence[StageProjection], known: Sequence[StageProjection]) -> Relation | None:
    """How the true hours lie to a sum: of one with rollouts, whose hours are an estimate, no most is known."""
    found = relation_of([s.hours_bound for s in known])
    return None if found == "at most" and any(s.rollout is not None for s in stages) else found


def add_up(stages: Sequence[StageProjection]) -> Totals:
    """Sum the stages whose work is known. A sum of a least and a most is neither, so that stages of which only the
    most is known are left out beside stages of which only the least is."""
    known = [s for s in stages if s.flops is not None]
    if any(s.bound in ("at least", "between") for s in known):
        known = [s for s in known if s.bound != "at most"]
    names = {s.name for s in known}
    times = [s.time for s in known if s.time is not None]
    hours: Amount | None = None
    cost: Amount | None = None
    for time in times:
        hours = time.hours if hours is None else hours + time.hours
        if time.cost is not None:
            cost = time.cost if cost is None else cost + time.cost
    unfit = [s.name for s in known if s.unfit is not None]
    return Totals(
        tokens=plain_sum(s.tokens or 0.0 for s in known),
        flops=plain_sum(s.flops or 0.0 for s in known),
        hours=None if unfit else hours,
        cost=None if unfit else cost,
        unknown=[s.name for s in stages if s.name not in names],
        bound=relation_of([s.bound for s in known]),
        hours_bound=_of_hours(stages, known),
        unfit=unfit,
    )


def project(
    architecture: Architecture,
    recipe: Recipe,
    *,
    laws: Sequence[ScalingLaw],
    accelerators: Mapping[str, Accelerator],
    assumptions: Assumptions,
    laid_out: Mapping[str, Interval] = MappingProxyType({}),
    fastest: Callable[[str], Interval | None] = lambda _: None,
    unpacking: Callable[[str], Interval | None] = lambda _: None,
    generation: RolloutConstants | None = None,
    teachers: Mapping[str, Architecture] = MappingProxyType({}),
) -> Projection:
    """Project every stage of ``recipe`` for a network of ``architecture``; ``laid_out`` has the utilisation of stages
    whose layout was published, ``fastest`` tells that of a stage's fastest layout, ``unpacking`` how many times as long
    that takes beside weights in four bits, ``generation`` has the constants of
    generation and of a step of it, ``teachers`` the networks that stages distil.

    Raises ``ValueError`` with the stage's name where a stage cannot be projected as it stands.

    >>> from lehr.simulators.planning.ladder import dense
    >>> from lehr.simulators.quantities import Interval
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> h800 = Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12},
    ...     mfu={"dense": Interval(low=0.3, central=0.4, high=0.5)})
    >>> stages = {"pt": Stage(kind="PT", objective=NextToken(), tokens=15e12, sequence_length=8192),
    ...     "sft": Stage(kind="SFT", objective=NextToken(), sequence_length=8192)}
    >>> recipe = Recipe(name="x", model="x", order=["pt", "sft"], stages=stages)
    >>> found = project(llama3_8b, recipe, laws=[], accelerators={"h800": h800},
    ...     assumptions=Assumptions(fallback="h800"))
    >>> f"{found.totals.flops:.3g}", found.totals.unknown
    ('7.72e+23', ['sft'])
    """
    count = count_parameters(architecture)
    seen = before = recipe.base.n_tokens if recipe.base else 0.0
    repeated = 0.0
    stages: list[StageProjection] = []
    for name, stage in recipe.ordered():
        try:
            projected = project_stage(
                name,
                stage,
                architecture,
                count,
                tokens_before=seen,
                laws=laws,
                accelerators=accelerators,
                assumptions=assumptions,
                laid_out=laid_out.get(name),
                fastest=fastest,
                unpacking=unpacking,
                generation=generation,
                repeated=repeated,
                teachers=teachers,
            )
        except ValueError as error:
            raise ValueError(f"stage {name}: {error}") from error
        stages.append(projected)
        # fine-tuning and RL tokens are not tokens of a corpus: the loss law's count stays where it was
        if stage.kind in PRETRAINING:
            seen = projected.cumulative_tokens
            repeated += repeats_of(stage)
    return Projection(
        model=recipe.model,
        parameters=count,
        stages=stages,
        totals=add_up(stages),
        tokens_before=before,
        dense=compare_with_dense(architecture, stages[0].sequence_length if stages else architecture.context_length),
    )
