"""A recipe at the size of a rehearsal: each stage's schedule, warm-up and batch ramp in the same proportions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.encode import stated
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.gaps import needed
from lehr.recipes.importing.model_file import kind_of
from lehr.recipes.rehearsing.scale import MOST_PARAMETERS, OF_NAME, VOCABULARY, Scale
from lehr.recipes.rehearsing.shrinking import shrunken
from lehr.simulators.counting import count_parameters
from lehr.simulators.evidence import Fact, Provenance
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.objectives import NextToken, PolicyGradient, Preference, Supervised
from lehr.simulators.training import PRETRAINING, Optimizer, Stage

RATES = ("peak", "floor", "plateau", "to", "start", "tail_floor")
"""Keys of a schedule whose number is a learning rate."""
LONGEST = 4
"""How many times the first stage's text a longer one may have."""
TUNED: Mapping[str, float] = {"SFT": 0.1, "REPO_SFT": 0.1, "RL": 0.03}
"""Of the peak of pre-training, where a recipe does not say a rate of tuning [1]."""
GROUP = 8
"""The most answers to one prompt."""
DEARER = 4
"""What an update by rewards costs, in others [1], about."""
PROMPTS = 8
"""The fewest prompts of an update."""


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """The small model and recipe, the factor of the rates, and what differs from the recipe in kind."""

    model: Model
    recipe: RecipeFile
    factor: float
    notes: list[str]


def small(model: Model, recipe: RecipeFile, scale: Scale, name: str, stages: list[str] | None = None) -> Rehearsal:
    """``recipe``, or the stages of it that are named, at ``scale``.

    Raises ``LehrError`` that names what cannot be rehearsed.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> from lehr.recipes.rehearsing.scale import OF_NAME
    >>> catalogue = Catalogue()
    >>> done = small(catalogue.model("starcoder"), catalogue.recipe("starcoder"), OF_NAME["tiny"], "rehearsal")
    >>> print(done.recipe.stages["pt"].curve())
    230 steps: warm-up linear 0 to 0.004 over 2, decay cosine 0.004 to 0.0004 over 228
    """
    given = _wanted(recipe, stages)
    notes: list[str] = []
    if recipe.base is not None:
        notes.append(f"it begins from random weights, not from {recipe.base.model}")
    early = {n: s for n, s in given.items() if s.kind in PRETRAINING}
    factor = _factor(early or given, scale)
    first = next(iter((early or given).values()))
    lengths = {n: _length(s, first, scale) for n, s in given.items()}
    shape, left_out = shrunken(model.shape(), scale, max(lengths.values()))
    updates = _updates(given, early, scale, notes)
    made = {
        n: _stage(n, s, first, scale, lengths[n], updates[n], factor, notes) for n, s in given.items()
    }  # fmt: skip
    fact = Fact(origin="derived", note=f"lehr rehearse: {recipe.name} of {model.name}, at the size of a rehearsal")
    provenance = Provenance(default=fact)
    file = Model(
        name=name, family="rehearsal", kind=kind_of(shape), open="dimensions", architecture=shape, provenance=provenance
    )
    body = RecipeFile(name=name, model=name, order=list(made), stages=made, provenance=provenance)
    return Rehearsal(model=file, recipe=body, factor=factor, notes=[*left_out, *notes])


def as_it_stands(model: Model, recipe: RecipeFile, name: str, stages: list[str] | None = None) -> Rehearsal:
    """The recipe and its network at their own size.

    Raises ``LehrError`` for what a rehearsal leaves out of larger ones, and for what the recipe does not say.
    """
    wanted = _wanted(recipe, stages)
    shape = model.shape()
    _, left_out = shrunken(shape, OF_NAME["tiny"], OF_NAME["tiny"].sequence_length)
    total = count_parameters(shape).total
    if left_out or total > MOST_PARAMETERS or shape.embedding.vocab_size < VOCABULARY:
        said = left_out[0] if left_out else f"{total:.3g} parameters, {shape.embedding.vocab_size:,} tokens"
        raise LehrError(
            f"{model.name}: cannot be rehearsed at its own size ({said}); {MOST_PARAMETERS:.0e} parameters are the "
            f"most, {VOCABULARY} tokens the least; write scale=tiny"
        )
    for stage_name, stage in wanted.items():
        _refuse_objective(stage_name, stage)
        if lacks := needed(stage):
            raise LehrError(f"stage {stage_name} has no {lacks[0]}; write it, or scale=tiny")
    body = msgspec.structs.replace(recipe, name=name, model=name, order=list(wanted), stages=wanted, reported=[])
    own = msgspec.structs.replace(model, name=name, reported=[])
    notes = [f"it begins from random weights, not from {recipe.base.model}"] if recipe.base is not None else []
    return Rehearsal(model=own, recipe=msgspec.structs.replace(body, base=None), factor=1.0, notes=notes)


def _wanted(recipe: RecipeFile, stages: list[str] | None) -> dict[str, Stage]:
    """The stages that were asked for, in the recipe's order. Raises ``LehrError`` for one that is not there."""
    for name in stages or []:
        if name not in recipe.stages:
            raise LehrError(f"stages: {recipe.name} has none called {name!r}; it has {', '.join(recipe.order)}")
    found = {n: recipe.stages[n] for n in recipe.order if stages is None or n in stages}
    if not found:
        raise LehrError(f"stages: names none; write stages=[{recipe.order[0]}], or leave it out for all")
    return found


def _refuse_objective(name: str, stage: Stage) -> None:
    if not isinstance(stage.objective, (NextToken, Supervised, Preference, PolicyGradient)):
        kind = stage.objective.__struct_config__.tag
        raise LehrError(f"stage {name} trains {kind}, which cannot be rehearsed; write stages=[...] without it")


def _factor(stages: dict[str, Stage], scale: Scale) -> float:
    """What every rate is multiplied by, so that the highest is the scale's."""
    peaks = [stage.schedule.peak for stage in stages.values() if stage.schedule is not None]
    return scale.peak / max(peaks) if peaks else 1.0


def _length(stage: Stage, first: Stage, scale: Scale) -> int:
    """Tokens of a text, longer where the recipe's are, up to ``LONGEST`` times [tokens]."""
    if stage.kind not in PRETRAINING or not stage.sequence_length or not first.sequence_length:
        return scale.sequence_length
    ratio = stage.sequence_length / first.sequence_length
    return scale.sequence_length * min(LONGEST, max(1, round(ratio)))


def _updates(given: dict[str, Stage], early: dict[str, Stage], scale: Scale, notes: list[str]) -> dict[str, int]:
    """Updates of each stage: of pre-training by its share of the tokens [steps]."""
    tokens = {n: s.n_tokens for n, s in early.items()}
    for name in [n for n, t in tokens.items() if t is None]:
        notes.append(f"{name} says no number of tokens, so that it has {scale.least_updates} updates")
    whole = plain_sum(t for t in tokens.values() if t is not None) or 1.0
    found = {n: max(scale.least_updates, round(scale.updates * (t or 0.0) / whole)) for n, t in tokens.items()}
    # what the short stages were given more is the longest one's
    if found and (over := sum(found.values()) - scale.updates) > 0:
        longest = max(found, key=lambda n: found[n])
        found[longest] = max(scale.least_updates, found[longest] - over)
    # an update by rewards writes its texts first, and costs as much as several
    tuned = {
        n: max(1, scale.tuning_updates // DEARER) if isinstance(s.objective, PolicyGradient) else scale.tuning_updates
        for n, s in given.items()
    }
    return {n: found.get(n, tuned[n]) for n in given}


def _stage(  # noqa: PLR0917  (each is one fact of the stage)
    name: str, stage: Stage, first: Stage, scale: Scale, length: int, updates: int, factor: float, notes: list[str]
) -> Stage:
    """One stage at the size of a rehearsal. Raises ``LehrError`` for an objective that it cannot train."""
    _refuse_objective(name, stage)
    objective = stage.objective
    if isinstance(objective, NextToken) and objective.mtp_weight is not None:
        objective = msgspec.structs.replace(objective, mtp_weight=None)
    if isinstance(objective, PolicyGradient):
        objective = PolicyGradient(method="grpo", group_size=max(2, min(GROUP, objective.group_size or GROUP)))
        if stage.objective.method not in (None, "grpo"):  # type: ignore[union-attr]
            notes.append(f"{name}: {stage.objective.method} is run as GRPO")  # type: ignore[union-attr]
    if stage.adapter is not None:
        notes.append(f"{name} trains adapters; here it trains all weights")
    own = stage.batch.sequences * stage.sequence_length if stage.batch and stage.sequence_length else None
    base = first.batch.sequences * first.sequence_length if first.batch and first.sequence_length else None
    share = min(4.0, max(0.25, own / base)) if own and base and stage.kind in PRETRAINING else 1.0
    sequences = max(1, round(scale.batch_tokens * share / length))
    if isinstance(objective, PolicyGradient):
        # prompts and answers are short
        sequences = max(sequences, PROMPTS * (objective.group_size or GROUP))
    batch: dict[str, Any] = {"sequences": sequences}
    of_steps = updates / stage.n_steps if stage.n_steps else 1.0
    of_tokens = 1.0
    if stage.batch and stage.sequence_length:
        of_tokens = of_steps * sequences * length / (stage.batch.sequences * stage.sequence_length)
        if stage.batch.ramp is not None:
            batch["ramp"] = _ramp(stated(stage.batch.ramp), sequences / stage.batch.sequences, of_steps, of_tokens)
    if stage.schedule is None or not stage.n_steps:
        schedule = _assumed(stage, scale, factor)
        notes.append(f"{name} says no {'rates' if stage.schedule is None else 'number of updates'}: {_said(schedule)}")
    else:
        schedule = _rescaled(stated(stage.schedule), factor, of_steps, of_tokens)
    optimizer = stage.optimizer or Optimizer(kind="adamw", weight_decay=0.1, grad_clip=1.0)
    made = {
        "kind": stage.kind, "objective": stated(objective), "steps": updates, "sequence_length": length,
        "batch": batch, "optimizer": _optimizer(name, optimizer, of_steps, of_tokens), "schedule": schedule,
    }  # fmt: skip
    done = decode(made, Stage, f"stages.{name}")
    try:
        done.curve()
    except ValueError as error:
        raise LehrError(f"stage {name}: {error}, at {updates} updates; write more updates=") from error
    return done


def _assumed(stage: Stage, scale: Scale, factor: float) -> dict[str, Any]:
    peak = stage.schedule.peak * factor if stage.schedule else scale.peak * TUNED.get(stage.kind, 1.0)
    if stage.kind == "RL":
        return {"kind": "constant", "peak": peak}
    return {"kind": "cosine", "peak": peak, "floor_ratio": 0.1, "warmup": {"fraction": 0.03}}


def _said(schedule: dict[str, Any]) -> str:
    return f"assumed, {schedule['kind']} from {schedule['peak']:.3g}"


def _optimizer(name: str, optimizer: Optimizer, of_steps: float, of_tokens: float) -> Any:
    if optimizer.kind not in ("adam", "adamw", "muon", "muonclip", "sgd"):
        raise LehrError(
            f"stage {name} is trained by {optimizer.kind}, which cannot be rehearsed; write "
            f"recipe.stages.{name}.optimizer.kind=adamw"
        )
    body = stated(optimizer)
    if isinstance(body.get("weight_decay"), dict):
        body["weight_decay"] = _rescaled(body["weight_decay"], 1.0, of_steps, of_tokens, rates=())
    return body


def _rescaled(body: Any, factor: float, of_steps: float, of_tokens: float, rates: tuple[str, ...] = RATES) -> Any:
    """A schedule's own words with other rates and lengths; shares stay."""
    if isinstance(body, list):
        return [_rescaled(part, factor, of_steps, of_tokens, rates) for part in body]
    if not isinstance(body, dict):
        return body
    made = {}
    for key, value in body.items():
        if key in rates and isinstance(value, (int, float)):
            made[key] = value * factor
        elif key == "steps" and value is not None:
            made[key] = max(1, round(value * of_steps)) if value else 0
        elif key == "tokens" and value is not None:
            made[key] = value * of_tokens
        else:
            made[key] = _rescaled(value, factor, of_steps, of_tokens, rates)
    return made


def _ramp(body: dict[str, Any], of_sequences: float, of_steps: float, of_tokens: float) -> dict[str, Any]:
    """A batch ramp with its numbers of sequences, steps and tokens."""
    made = _rescaled(body, 1.0, of_steps, of_tokens, rates=())
    for key in ("start", "increment"):
        if made.get(key) is not None:
            made[key] = max(1, round(made[key] * of_sequences))
    for milestone in made.get("milestones", []):
        milestone["sequences"] = max(1, round(milestone["sequences"] * of_sequences))
    return dict(made)
