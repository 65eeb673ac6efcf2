"""What a recipe does not say and no trainer does without: named, given by the person, or left as a form to fill in."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lehr.recipes.catalogue.encode import stated
from lehr.recipes.exporting.rates import RefusedError
from lehr.simulators.objectives import Objective, PolicyGradient
from lehr.simulators.quantities import NonNegative, Size
from lehr.simulators.schedules import Batch, Cosine, Schedule, Warmup
from lehr.simulators.training import Balance, Stage

Missing = Literal["refuse", "fill"]
MISSING: dict[Missing, str] = {
    "refuse": "a stage that does not say enough is refused, and what it lacks is named",
    "fill": "a stand-in takes the place of what it lacks, and the launch script stops until that is yours",
}

Ramps = Literal["refuse", "flat"]
RAMPS: dict[Ramps, str] = {
    "refuse": "a stage whose batch grows is refused where the trainer has no such setting",
    "flat": "its last size stands from the first update on, over the same tokens",
}


class Assumed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values of the person's own, for what stages do not say: updates [steps], sequences of an update, tokens of a
    sequence [tokens], the schedule, how rewards are learnt from, and the weight of the divergence from the reference
    in that; how a mixture's experts are kept in use alike."""

    steps: Size | None = None
    sequences: Size | None = None
    sequence_length: Size | None = None
    schedule: Schedule | None = None
    method: str | None = None
    group_size: Size | None = None
    kl: NonNegative | None = None
    balance: Balance | None = None


STAND_INS = Assumed(
    steps=1000, sequences=256, sequence_length=4096, method="grpo", group_size=8, kl=0.04,
    schedule=Cosine(peak=1e-5, floor_ratio=0.1, warmup=Warmup(fraction=0.03)),
)  # fmt: skip
"""Round numbers that no one recommends: they show where a value belongs."""
GROUPED = ("grpo", "rloo")
"""Methods that compare the answers to one prompt."""
OF_POLICIES = ("method", "group_size", "kl")
"""What only trainers by policy gradients need."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the recipe does not say, or a trainer cannot be told: what stands in its place, and whose that
    is."""

    what: str
    value: Any
    whose: Literal[
        "yours",
        "stand-in",
        "derived",
        "flat",
        "answers",
        "devices",
        "undivided",
        "shards",
        "full",
        "short",
        "machines",
        "unset",
        "fresh",
        "balance",
        "longer",
        "norms",
        "data",
        "wordless",
    ]

    def __str__(self) -> str:
        said = {
            "yours": "yours; the recipe does not say it",
            "stand-in": "FILL_IN: a stand-in, as the recipe does not say it",
            "derived": "what its tokens and steps come to, rounded",
            "flat": "from the first update on; the recipe's batch grows",
            "answers": "the most that an answer may have",
            "devices": "as devices= says, and not the recipe's",
            "undivided": "this trainer is told no layout: each device holds all weights, gradients and moments",
            "machines": "more of one do not divide them; write devices=, or devices_per_node=",
            "short": "all that this trainer is told of it",
            "full": "more than a device has by the memory model; write more devices=, micro_batch=1 or less length",
            "unset": "this trainer has no setting for it",
            "fresh": "weights alone are carried over; one stage of kind wsd keeps the moments through its decay",
            "balance": "the recipe does not say it; without, a mixture may come to use few of its experts: write "
            "assume={balance: {auxiliary: ..., counted: together}}",
            "longer": "longer than the network's context",
            "data": "not told to the trainer: yours to do in the data",
            "wordless": "the trainer's own; no recipe has a word for it",
            "norms": "the model's file does not say it; write architecture.norm_epsilon",
            "shards": "this trainer shards weights, gradients and moments over all devices instead",
        }[self.whose]
        return f"{self.what} {self.value}: {said}"


def lacks(stage: Stage) -> list[str]:
    """The keys of ``Assumed`` that a stage leaves open.

    >>> from lehr.simulators.objectives import Supervised
    >>> lacks(Stage(kind="SFT", objective=Supervised(), tokens=1e9))
    ['sequence_length', 'sequences', 'schedule']
    """
    found = []
    if isinstance(stage.objective, PolicyGradient):
        method = stage.objective.method
        if method is None:
            found.append("method")
        if stage.objective.group_size is None and (method or "grpo").casefold() in GROUPED:
            found.append("group_size")
        if divergence(stage.objective) is None:
            found.append("kl")
    counted = stage.examples is not None and not isinstance(stage.objective, PolicyGradient)
    if stage.n_steps is None and stage.tokens is None and not counted:
        found.append("steps")
    if stage.sequence_length is None and longest_answer(stage.objective) is None:
        found.append("sequence_length")
    if stage.batch is None:
        found.append("sequences")
    if stage.schedule is None:
        found.append("schedule")
    return found


def divergence(objective: PolicyGradient) -> float | None:
    """The weight of the divergence from the reference: 0 where there is none, ``None`` where nothing says it.

    >>> from lehr.simulators.rollouts import Rollout
    >>> divergence(PolicyGradient(rollout=Rollout(reference=False))), divergence(PolicyGradient())
    (0.0, None)
    """
    if objective.kl is None and objective.rollout is not None and not objective.rollout.reference:
        return 0.0
    return objective.kl


def longest_answer(objective: Objective) -> int | None:
    """The most tokens that an answer of reinforcement learning may have [tokens]; ``None`` where nothing says so."""
    rollout = objective.rollout if isinstance(objective, PolicyGradient) else None
    return None if rollout is None else rollout.response.cap


def needed(stage: Stage) -> list[str]:
    """Of ``lacks``, what every trainer needs."""
    return [key for key in lacks(stage) if key not in OF_POLICIES]


def filled(stage: Stage, assume: Assumed, missing: Missing, ramp: Ramps, positions: int = 0) -> tuple[Stage, list[Gap]]:
    """The stage with nothing left open that ``assume`` or a stand-in says, and what those were; a stand-in for its
    length is no longer than the ``positions`` of the network's table, where it has one [tokens].

    Raises ``RefusedError`` that names all that is still open and every trainer needs.
    """
    gaps = []
    if stage.sequence_length is None and (cap := longest_answer(stage.objective)) is not None:
        stage = msgspec.structs.replace(stage, sequence_length=cap)
        gaps.append(Gap(what="sequence_length", value=f"{cap:,}", whose="answers"))
    for key in lacks(stage):
        if key == "sequences" and stage.steps is not None and (tokens := stage.n_tokens) and stage.tokens_each:
            size = max(1, round(tokens / (stage.n_steps or 1) / stage.tokens_each))
            stage = msgspec.structs.replace(stage, tokens=None, batch=Batch(sequences=size))
            gaps.append(Gap(what=key, value=f"{size:,}", whose="derived"))
            continue
        own = getattr(assume, key)
        value = own if own is not None else getattr(STAND_INS, key)
        if own is None and key == "sequence_length" and positions:
            value = min(value, positions)
        if own is None and key == "sequences" and stage.hardware is not None and (count := stage.hardware.count):
            # which the recipe's own devices share
            value = -(-value // count) * count
        if own is None and missing == "refuse":
            continue
        stage = _with(stage, key, value)
        gaps.append(Gap(what=key, value=_told(value), whose="yours" if own is not None else "stand-in"))
    if stage.balance is None and assume.balance is not None:
        stage = msgspec.structs.replace(stage, balance=assume.balance)
        gaps.append(Gap(what="balance", value=_told(assume.balance), whose="yours"))
    if left := needed(stage):
        hint = ", ".join(f"{key}: {_told(getattr(STAND_INS, key))}" for key in left)
        raise RefusedError(
            f"has no {', '.join(left)}; write assume={{{hint}}} with values of your own, or missing=fill for a form"
        )
    if stage.batch is not None and stage.batch.ramp is not None and ramp == "flat":
        before, tokens, size = stage.n_steps, stage.n_tokens, stage.batch.sequences
        stage = msgspec.structs.replace(stage, steps=None, tokens=tokens, batch=Batch(sequences=size))
        gaps.append(Gap(what="batch.sequences", value=f"{size:,}", whose="flat"))
        gaps.append(Gap(what="steps", value=f"{stage.n_steps:,} instead of {before:,}", whose="flat"))
    return stage, gaps


def _with(stage: Stage, key: str, value: Any) -> Stage:
    if key == "sequences":
        group = stage.objective.group_size if isinstance(stage.objective, PolicyGradient) else None
        return msgspec.structs.replace(stage, batch=Batch(sequences=-(-value // (group or 1)) * (group or 1)))
    if key in OF_POLICIES:
        return msgspec.structs.replace(stage, objective=msgspec.structs.replace(stage.objective, **{key: value}))
    return msgspec.structs.replace(stage, **{key: value})


def _told(value: Any) -> Any:
    """A value as a command line says it."""
    if not isinstance(value, msgspec.Struct):
        return value
    return "{" + ", ".join(f"{k}: {_told_word(v)}" for k, v in stated(value).items()) + "}"


def _told_word(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_told_word(v)}" for k, v in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)
