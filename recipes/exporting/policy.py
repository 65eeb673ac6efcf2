"""Reinforcement learning by policy gradients in a trainer's words: every value of it told, or named as not told.

Trainers' own defaults differ (a weight of the KL divergence of 0, 0.001 and 0.04; a mean over tokens or over answers;
answers drawn at a temperature of 1 or 0.9), so that none is left to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lehr.recipes.exporting.gaps import divergence
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import ExportStage, Said
from lehr.simulators.objectives import PolicyGradient
from lehr.simulators.rollouts import Rollout

CLIP = 0.2
"""How far the ratio of probabilities may be from 1: PPO's own (Schulman et al., arXiv:1707.06347, table 1)."""
TEMPERATURE = 1.0
"""Of the answers that are drawn: what is learnt from are those of the policy itself."""
LOSS = (
    f"answers drawn at a temperature of {TEMPERATURE:g}, rewards over the standard deviation of their group, the loss "
    "a mean over each answer's tokens and then over answers (GRPO, arXiv:2402.03300, equation 3)"
)
"""What a recipe has no words for, and every trainer is told."""
NOT_LEARNT = {
    "behind": "answers are written by the weights that learn from them, not by older ones",
    "partial": "answers are written to their end by the same weights",
    "critic": "no value model is trained",
    "reward_parameters": "a reward model is yours to call in the rewards",
}
"""Values of a rollout that change what is learnt, and what happens where a trainer is not told them."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a step writes and learns from: ``prompts`` answered ``group`` times, ``answers`` together, each learnt from
    ``epochs`` times in ``updates`` parts; ``kl`` weighs the divergence from the reference, ``clip`` bounds the ratio of
    probabilities. Caps are in tokens."""

    method: str
    group: int
    kl: float
    clip: float
    prompts: int
    updates: int
    epochs: int
    prompt_cap: int | None
    rollout: Rollout | None

    @property
    def answers(self) -> int:
        """Answers of a step [1]."""
        return self.prompts * self.group


def policy_of(stage: ExportStage, methods: tuple[str, ...], to: str) -> Policy:
    """The stage's policy gradient. Raises ``RefusedError`` for a method not of ``methods``, for what it does not say,
    and for batches that do not go into a step."""
    objective = stage.objective
    assert isinstance(objective, PolicyGradient)
    key = f"recipe.stages.{stage.name}.objective"
    method = (objective.method or "").casefold()
    if method not in methods:
        named = f"its method is {objective.method}" if method else "its method is not stated"
        # Hydra takes the plus only where nothing stands yet
        raise RefusedError(f"{named}; {to} is told {', '.join(methods)}; write {'' if method else '+'}{key}.method=")
    group, rollout = objective.group_size, objective.rollout
    if method in ("grpo", "rloo") and (group or 1) < 2:
        raise RefusedError(f"has no group_size, and {method} compares answers of a group; write +{key}.group_size=8")
    if (kl := divergence(objective)) is None:
        raise RefusedError(
            "has no kl, the weight of the divergence from its reference, for which each trainer has a default of its "
            "own; write assume={kl: 0.04} (GRPO's, arXiv:2402.03300), or {kl: 0} for none"
        )
    group, updates = group or 1, rollout.updates if rollout else 1
    answers = stage.sequences * updates
    if stage.sequences % group or (rollout and rollout.prompts and rollout.prompts * group != answers):
        steps = f"{rollout.prompts} prompts of" if rollout and rollout.prompts else "a multiple of"
        raise RefusedError(f"{answers:,} sequences a step are not {steps} group_size {group}; write a batch that is")
    cap = rollout.prompt.cap if rollout else None
    if cap is None and rollout and rollout.response.cap and stage.sequence_length > rollout.response.cap:
        cap = stage.sequence_length - rollout.response.cap
    return Policy(
        method=method, group=group, kl=kl, clip=objective.clip or CLIP, prompts=answers // group, updates=updates,
        epochs=rollout.epochs if rollout else 1, prompt_cap=cap, rollout=rollout,
    )  # fmt: skip


def policy_said(stage: ExportStage, policy: Policy, told: Mapping[str, str], loss: str) -> list[Said]:
    """A line for every value of the objective: ``told`` is where each went, the others are not told; ``loss`` is where
    what a recipe has no words for stands."""
    objective = stage.objective
    assert isinstance(objective, PolicyGradient)
    values: dict[str, Any] = {
        "method": policy.method, "group_size": policy.group, "kl": policy.kl, "clip": policy.clip, **_rollout(policy),
    }  # fmt: skip
    said = []
    for name, value in values.items():
        how = "exact" if name in told else "not told"
        if name == "kl" and objective.kl is None:
            how = "0, as the recipe has no reference"
        if name == "clip" and objective.clip is None:
            how = "assumed: PPO's own, arXiv:1707.06347"
        if name == "rollout.prompt.cap" and name in told and not (policy.rollout and policy.rollout.prompt.cap):
            how = "what the answers' cap leaves of a sequence"
        said.append(Said(what=f"objective.{name}", value=value, where=told.get(name, "no setting"), how=how))
    return [*said, Said(what="objective.loss", value=LOSS, where=loss, how="assumed: a recipe has no words for it")]


def _rollout(policy: Policy) -> dict[str, Any]:
    """Every value of the rollout that is stated, and those that a step has anyway."""
    found: dict[str, Any] = {
        "rollout.prompts": policy.prompts, "rollout.updates": policy.updates, "rollout.epochs": policy.epochs,
        "rollout.reference": bool(policy.kl) if policy.rollout is None else policy.rollout.reference,
    }  # fmt: skip
    if policy.prompt_cap is not None:
        found["rollout.prompt.cap"] = policy.prompt_cap
    if policy.rollout is None:
        return found
    default = Rollout()
    for name in Rollout.__struct_fields__:
        value = getattr(policy.rollout, name)
        if f"rollout.{name}" in found or value == getattr(default, name):
            continue
        parts = msgspec.to_builtins(value)
        inner = {f"{name}.{key}": part for key, part in parts.items()} if isinstance(parts, dict) else {name: parts}
        found |= {f"rollout.{key}": part for key, part in inner.items() if part is not None}
    return found


def policy_notes(policy: Policy, told: Mapping[str, str], stage: ExportStage) -> list[str]:
    """What a person must know of a step before it runs: what is assumed, and what the trainer does otherwise."""
    notes = [f"assumed, as a recipe has no words for them: {LOSS}"]
    assert isinstance(stage.objective, PolicyGradient)
    if stage.objective.clip is None:
        notes.append(f"assumed, as the recipe does not say it: ratios of probabilities clipped at {policy.clip:g}")
    for name, happens in NOT_LEARNT.items():
        if policy.rollout is not None and getattr(policy.rollout, name) and f"rollout.{name}" not in told:
            notes.append(f"not told: rollout.{name} {getattr(policy.rollout, name)}: {happens}")
    if policy.prompt_cap is not None and "rollout.prompt.cap" not in told:
        notes.append(f"not told: prompts of at most {policy.prompt_cap:,} tokens: leave longer ones out of the data")
    return notes
