"""What a recipe costs and what loss it should reach: each stage, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from simulators.accelerator import Accelerator, Interval, Price
from simulators.architecture import Architecture
from simulators.cost import Amount, UtilisationBasis, accelerator_hours, implied_mfu
from simulators.counting import (
    FLOP_CONVENTIONS,
    FlopConvention,
    ParameterCount,
    count_parameters,
    forward_flops_per_token,
    training_flops_per_token,
)
from simulators.laws import ScalingLaw
from simulators.training import (
    PRETRAINING,
    NextToken,
    Preference,
    Recipe,
    SpanDenoising,
    Stage,
    further_forward_passes,
)


class Assumptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the planner says where a recipe does not, or instead of it.

    ``accelerator`` replaces the published hardware where it is given; ``fallback`` stands in where none was
    published. ``mfu`` and ``usd_per_hour`` replace the accelerator's own figures.
    """

    fallback: str
    accelerator: str | None = None
    precision: str | None = None
    devices: int | None = None
    mfu: float | None = None
    usd_per_hour: float | None = None


class Time(msgspec.Struct, frozen=True, kw_only=True):
    """How long a stage's work keeps accelerators busy, and on what that rests."""

    accelerator: str
    precision: str
    peak: float
    mfu: Amount
    basis: UtilisationBasis
    hours: Amount
    days: Amount | None
    devices: int | None
    assumed_hardware: bool
    cost: Amount | None
    price: Price | None
    published_hours: float | None = None
    implied_mfu: float | None = None


class StageProjection(msgspec.Struct, frozen=True, kw_only=True):
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
    loss: dict[str, Amount]
    warnings: list[str]


class DenseComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Training FLOPs per token of a mixture of experts beside dense models that keep its attention [FLOP/token]."""

    sequence_length: int
    moe: float
    dense_same_total: float
    dense_same_active: float


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the stages that are known; ``unknown`` names the stages that are not."""

    tokens: float
    flops: float
    hours: Amount | None
    cost: Amount | None
    unknown: list[str]


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is projected for one recipe.

    ``totals`` is of its own stages; ``totals_with_base`` adds the base model's history, where its recipe is known.
    """

    model: str
    parameters: ParameterCount
    stages: list[StageProjection]
    totals: Totals
    dense: DenseComparison | None
    totals_with_base: Totals | None = None


def parameters_of(law: ScalingLaw, count: ParameterCount) -> tuple[float, float]:
    """The range of N at which to read ``law`` [parameters]: one number for a dense model; from active to total
    for a mixture of experts, since a law of dense models says nothing finer about it."""
    by_convention = {
        "total": (count.active["all"], count.total),
        "with_head": (count.active["excl_input_embedding"], count.total),
        "non_embedding": (count.active["excl_embeddings"], count.non_embedding),
        "active": (count.active["all"], count.active["all"]),
    }
    low, high = by_convention.get(law.n_convention, by_convention["total"])
    return float(low), float(high)


def project_loss(law: ScalingLaw, count: ParameterCount, tokens: float) -> Amount:
    """The loss that ``law`` gives after ``tokens`` [law.loss_unit].

    A dense model has the law's own interval, if it has one. A mixture of experts lies between dense models of its
    active and of its total parameters; the central value is the geometric mean of the two sizes.
    """
    low_n, high_n = parameters_of(law, count)
    if low_n == high_n:
        interval = law.interval(low_n, tokens)
        value = float(law.loss(low_n, tokens))
        low, high = interval if interval is not None else (None, None)
        return Amount(value=value, low=low, high=high, unit=law.loss_unit)
    return Amount(
        value=float(law.loss((low_n * high_n) ** 0.5, tokens)),
        low=float(law.loss(high_n, tokens)),
        high=float(law.loss(low_n, tokens)),
        unit=law.loss_unit,
    )


def compare_with_dense(architecture: Architecture, seq_len: int) -> DenseComparison | None:
    """A token's training work beside that of dense models of the same total and the same active parameters.

    ``None`` for a dense network. Attention is the same in all three; both tables are too.
    """
    count = count_parameters(architecture)
    if count.total == count.active["all"]:
        return None
    convention = FLOP_CONVENTIONS["causal_with_router"]
    moe = training_flops_per_token(architecture, seq_len, convention)
    idle = count.total - count.active["all"]
    return DenseComparison(sequence_length=seq_len, moe=moe, dense_same_total=moe + 6.0 * idle, dense_same_active=moe)


def stage_convention(architecture: Architecture, stage: Stage) -> FlopConvention:
    """The FLOP convention of a stage: causal, with the MTP modules where the objective trains them."""
    trains_mtp = isinstance(stage.objective, NextToken) and stage.objective.mtp_weight is not None
    return FLOP_CONVENTIONS["causal_with_mtp" if trains_mtp and architecture.mtp else "causal"]


def project_time(
    flops: float, stage: Stage, *, sparse: bool, accelerators: Mapping[str, Accelerator], assumptions: Assumptions
) -> Time:
    """Hours and cost of ``flops`` on the stage's accelerator, or on the one that the planner names.

    Raises ``ValueError`` where the accelerator is not known or has no peak for the precision.
    """
    replaced = assumptions.accelerator is not None
    published = None if replaced else stage.hardware
    name = published.accelerator if published else assumptions.accelerator or assumptions.fallback
    if name not in accelerators:
        raise ValueError(f"no accelerator is called {name!r}; there are {', '.join(sorted(accelerators))}")
    device = accelerators[name]
    stated: str | None = published.precision if published else None
    precision = assumptions.precision or stated or ("bf16" if "bf16" in device.peak else next(iter(device.peak)))
    if precision not in device.peak:
        raise ValueError(f"{name} has no peak for {precision}; it has {', '.join(device.peak)}")
    devices = assumptions.devices or (published.count if published else None)
    peak = device.peak[precision]
    mfu: float | Interval
    basis: UtilisationBasis
    if assumptions.mfu is not None:
        mfu, basis = assumptions.mfu, "given"
    elif published is not None and published.mfu is not None:
        mfu, basis = published.mfu, "published"
    else:
        mfu, basis = assumed_mfu(device, precision, sparse=sparse), "assumed"
    hours = accelerator_hours(flops, peak, mfu)
    price = device.prices[0] if device.prices else None
    rate = assumptions.usd_per_hour or (price.usd_per_hour if price else None)
    published_hours = published.hours if published else None
    return Time(
        accelerator=name,
        precision=precision,
        peak=peak,
        mfu=Amount(value=mfu.central, low=mfu.low, high=mfu.high, unit="1")
        if isinstance(mfu, Interval)
        else Amount(value=mfu, unit="1"),
        basis=basis,
        hours=hours,
        days=hours.scaled(1 / devices / 24, "d") if devices else None,
        devices=devices,
        assumed_hardware=published is None and not replaced,
        cost=hours.scaled(rate, "USD") if rate else None,
        price=None if assumptions.usd_per_hour else price,
        published_hours=published_hours,
        implied_mfu=implied_mfu(flops, peak, published_hours) if published_hours else None,
    )


def assumed_mfu(device: Accelerator, precision: str, *, sparse: bool) -> Interval:
    """The utilisation that published runs reached on ``device``; a key without a precision is for 16 bits.

    Raises ``ValueError`` where the accelerator carries none for the precision.
    """
    suffix = "" if precision in ("bf16", "fp16") else f"_{precision}"
    for kind in ("moe", "dense") if sparse else ("dense",):
        if f"{kind}{suffix}" in device.mfu:
            return device.mfu[f"{kind}{suffix}"]
    raise ValueError(f"{device.name} has no published utilisation in {precision}; write mfu=0.4 or another accelerator")


def assumed_sequence(stage: Stage, architecture: Architecture) -> int:
    """The sequence length of a stage that states none: the whole context for long-context training, else 4,096 or
    the context where that is shorter [tokens]."""
    return architecture.context_length if stage.kind == "REPO_PT" else min(4096, architecture.context_length)


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
) -> StageProjection:
    """Project one stage that begins after ``tokens_before`` tokens of training (``None``: unknown)."""
    seq_len = stage.sequence_length or assumed_sequence(stage, architecture)
    convention = stage_convention(architecture, stage)
    target_len = stage.objective.target_length(seq_len) if isinstance(stage.objective, SpanDenoising) else None
    per_token = training_flops_per_token(architecture, seq_len, convention, target_len)
    tokens = stage.n_tokens
    warnings = [] if stage.sequence_length else [f"sequence length not published; {seq_len:,} is assumed"]
    if tokens is not None and (passes := further_forward_passes(stage.objective)):
        per_token += passes * forward_flops_per_token(architecture, seq_len, convention)
        warnings.append(
            "a token counts one update and one forward pass of the reference model"
            if isinstance(stage.objective, Preference)
            else "tokens of RL count one forward pass for the rollout and one update; the reward model is not counted"
        )
    flops = None if tokens is None else per_token * tokens
    after = None if tokens is None or tokens_before is None else tokens_before + tokens
    loss: dict[str, Amount] = {}
    if after is not None and stage.kind in PRETRAINING and isinstance(stage.objective, NextToken):
        for law in laws:
            loss[law.name] = project_loss(law, count, after)
            warnings += [f"{law.name}: {w}" for w in law.warnings(parameters_of(law, count)[0], after)]
    curve = stage.curve()
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
        time=None
        if flops is None
        else project_time(
            flops,
            stage,
            sparse=count.total > count.active["all"],
            accelerators=accelerators,
            assumptions=assumptions,
        ),
        loss=loss,
        warnings=warnings,
    )


def add_up(stages: Sequence[StageProjection]) -> Totals:
    """Sum the stages whose work is known."""
    known = [s for s in stages if s.flops is not None]
    times = [s.time for s in known if s.time is not None]
    hours: Amount | None = None
    cost: Amount | None = None
    for time in times:
        hours = time.hours if hours is None else hours + time.hours
        if time.cost is not None:
            cost = time.cost if cost is None else cost + time.cost
    return Totals(
        tokens=sum(s.tokens or 0.0 for s in known),
        flops=sum(s.flops or 0.0 for s in known),
        hours=hours,
        cost=cost,
        unknown=[s.name for s in stages if s.flops is None],
    )


def add_totals(base: Totals, own: Totals, base_name: str) -> Totals:
    """Two histories in sequence; the base's unknown stages are named after it."""

    def plus(a: Amount | None, b: Amount | None) -> Amount | None:
        return a + b if a is not None and b is not None else a or b

    return Totals(
        tokens=base.tokens + own.tokens,
        flops=base.flops + own.flops,
        hours=plus(base.hours, own.hours),
        cost=plus(base.cost, own.cost),
        unknown=[*(f"{base_name}: {name}" for name in base.unknown), *own.unknown],
    )


def project(
    architecture: Architecture,
    recipe: Recipe,
    *,
    laws: Sequence[ScalingLaw],
    accelerators: Mapping[str, Accelerator],
    assumptions: Assumptions,
) -> Projection:
    """Project every stage of ``recipe`` for a network of ``architecture``.

    Raises ``ValueError`` with the stage's name where a stage cannot be projected as it stands.
    """
    count = count_parameters(architecture)
    seen: float | None = recipe.base.tokens if recipe.base else 0.0
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
            )
        except ValueError as error:
            raise ValueError(f"stage {name}: {error}") from error
        stages.append(projected)
        # fine-tuning and RL tokens are not tokens of a corpus: the loss law's count stays where it was
        if stage.kind in PRETRAINING:
            seen = projected.cumulative_tokens
    return Projection(
        model=recipe.model,
        parameters=count,
        stages=stages,
        totals=add_up(stages),
        dense=compare_with_dense(architecture, stages[0].sequence_length if stages else architecture.context_length),
    )
