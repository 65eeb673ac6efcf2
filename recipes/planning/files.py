"""The plan as files of the catalogue's kind: a model and its recipe, which ``lehr report`` takes."""

from __future__ import annotations

from typing import Any

import yaml

from lehr.recipes.catalogue.encode import stated
from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.importing.model_file import Short, kind_of
from lehr.recipes.planning.result import Planned
from lehr.recipes.planning.result import kind_of as stage_kind
from lehr.recipes.presenting.yaml import WIDTH
from lehr.simulators.counting import FLOP_CONVENTIONS, forward_flops_per_token, training_flops_per_token
from lehr.simulators.training import PRETRAINING

SEQUENCES = 8
"""A batch is a multiple of so many sequences, to divide over devices."""

FLOOR = 0.1
"""Of the peak, where a cosine ends; Hoffmann et al. (arXiv:2203.15556), section 3, and most recipes since."""

WARMUP_STEPS = 2000
"""Or a hundredth of the steps where that is less."""

OBJECTIVES: dict[str, dict[str, Any]] = {
    "SFT": {"kind": "supervised"}, "REPO_SFT": {"kind": "supervised"}, "RL": {"kind": "policy_gradient"},
}  # fmt: skip


def model(plan: Planned) -> dict[str, Any]:
    """The model file."""
    return {
        "name": plan.name,
        "family": "planned",
        "kind": kind_of(plan.architecture),
        "open": "dimensions",
        "architecture": stated(plan.architecture),
        "provenance": {
            "default": {
                "origin": "derived",
                "note": f"lehr plan: the rung of the ladder with the least loss by {plan.law.name} for the budget",
            }
        },
    }


def tokens(plan: Planned) -> dict[str, float]:
    """The tokens of each stage: its share of what serving leaves of the budget, over what a token costs [tokens]."""
    convention = FLOP_CONVENTIONS["causal"]
    left = plan.work.value - plan.plan.chosen.serving_flops
    training = training_flops_per_token(plan.architecture, plan.sequence_length, convention)
    forward = forward_flops_per_token(plan.architecture, plan.sequence_length, convention)
    return {
        # a token of RL is generated once before it is trained on
        name: left * share / (training + (forward if stage_kind(name) == "RL" else 0.0))
        for name, share in plan.stages.items()
    }


def recipe(plan: Planned) -> dict[str, Any]:
    """The recipe file. Peak rate and batch are the first law's that speaks of them; without one they are left out."""
    rate = next((r for r in plan.rates if r.peak_rate is not None), None)
    batch = next((r for r in plan.rates if r.batch_tokens is not None), None)
    sequences = None
    if batch is not None and batch.batch_tokens is not None:
        sequences = max(SEQUENCES, round(batch.batch_tokens / plan.sequence_length / SEQUENCES) * SEQUENCES)
    stages, facts = {}, {}
    pretraining = [name for name in plan.stages if stage_kind(name) in PRETRAINING]
    for name, amount in tokens(plan).items():
        kind = stage_kind(name)
        stage: dict[str, Any] = {"kind": kind, "objective": OBJECTIVES.get(kind, {"kind": "next_token"})}
        stage |= {"tokens": round(amount), "sequence_length": plan.sequence_length}
        if kind in PRETRAINING and sequences is not None and batch is not None:
            stage["batch"] = {"sequences": sequences}
            facts[f"stages.{name}.batch"] = _fact("derived", f"lehr plan: by {batch.law}, in whole sequences")
            if rate is not None:
                steps = amount / (sequences * plan.sequence_length)
                warm = max(1, min(WARMUP_STEPS, round(steps / 100)))
                schedule, why = schedule_of(name, pretraining, float(rate.peak_rate or 0.0), warm)
                stage["schedule"] = schedule
                facts[f"stages.{name}.schedule"] = _fact("assumed", f"lehr plan: peak by {rate.law}; {why}")
        if kind == "CPT" and plan.replay is not None:
            law, share = plan.replay
            stage["data"] = {"new": round(1 - share, 6), "replay": round(share, 6)}
            facts[f"stages.{name}.data"] = _fact("derived", f"lehr plan: the least share of replay by {law}")
        hardware: dict[str, Any] = {"accelerator": plan.accelerator.name, "precision": plan.precision}
        if plan.devices is not None:
            hardware["count"] = plan.devices
        stage["hardware"] = hardware
        stages[name] = stage
    default = _fact("assumed", "lehr plan: the stage's share of the budget over what a token costs")
    body = {"name": plan.name, "model": plan.name, "order": list(stages), "stages": stages}
    if plan.base is not None:
        body["base"] = {"model": plan.base, "tokens": plan.demand.seen}
    return {**body, "provenance": {"default": default, "exceptions": facts}}


def schedule_of(name: str, pretraining: list[str], peak: float, warm: int) -> tuple[dict[str, Any], str]:
    """The schedule of one pre-training stage, and why it is that: the rate stays at its peak until the last stage takes
    it down; a single stage takes a cosine."""
    peak = float(f"{peak:.3g}")
    warmup = {"warmup": {"steps": warm}} if name == pretraining[0] else {}
    if len(pretraining) == 1:
        return {"kind": "cosine", "peak": peak, "floor_ratio": FLOOR, **warmup}, "cosine to a tenth of it"
    if name == pretraining[-1]:
        return {"kind": "linear", "peak": peak, **warmup}, "linearly to zero in the last stage"
    return {"kind": "constant", "peak": peak, **warmup}, "constant until the last stage"


def _fact(origin: str, note: str) -> dict[str, str]:
    return {"origin": origin, "note": note}


def as_yaml(body: dict[str, Any], head: str) -> bytes:
    """A file of the catalogue's kind."""
    text = yaml.dump(plain(body, "plan"), Dumper=Short, sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"# {head}\n{text}".encode()
