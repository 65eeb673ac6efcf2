"""The plan as files of the catalogue's kind: a model and its recipe, which ``lehr report`` takes."""

from __future__ import annotations

from typing import Any

import yaml

from lehr.recipes.catalogue.encode import stated
from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.importing.model_file import Short, kind_of
from lehr.recipes.planning.result import Planned, StageSettings
from lehr.recipes.presenting.yaml import WIDTH


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


def recipe(plan: Planned) -> dict[str, Any]:
    """The recipe file: every stage as it is to be trained."""
    stages, facts = {}, {}
    for name, settings in plan.stages.items():
        stages[name] = stage_of(plan, settings)
        for part, why in settings.why.items():
            origin = "derived" if part == "batch" else "assumed"
            facts[f"stages.{name}.{part}"] = _fact(origin, f"lehr plan: {why}")
        if settings.data is not None and plan.replay is not None:
            facts[f"stages.{name}.data"] = _fact("derived", f"lehr plan: the least share of replay by {plan.replay[0]}")
    default = _fact("assumed", "lehr plan: the stage's share of the budget over what a token costs")
    body = {"name": plan.name, "model": plan.name, "order": list(stages), "stages": stages}
    if plan.base is not None:
        body["base"] = {"model": plan.base, "tokens": plan.demand.seen}
    return {**body, "provenance": {"default": default, "exceptions": facts}}


def stage_of(plan: Planned, settings: StageSettings) -> dict[str, Any]:
    """One stage as a recipe has it."""
    stage: dict[str, Any] = {
        "kind": settings.kind, "objective": settings.objective, "tokens": round(settings.tokens),
        "sequence_length": settings.sequence_length,
        "batch": {"sequences": settings.sequences, **({"ramp": settings.ramp} if settings.ramp else {})},
        "optimizer": settings.optimizer, "schedule": settings.schedule,
    }  # fmt: skip
    if settings.data is not None:
        stage["data"] = settings.data
    hardware: dict[str, Any] = {"accelerator": plan.accelerator.name, "precision": plan.precision}
    if plan.devices is not None:
        hardware["count"] = plan.devices
    return {**stage, "hardware": hardware}


def _fact(origin: str, note: str) -> dict[str, str]:
    return {"origin": origin, "note": note}


def as_yaml(body: dict[str, Any], head: str) -> bytes:
    """A file of the catalogue's kind."""
    text = yaml.dump(plain(body, "plan"), Dumper=Short, sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"# {head}\n{text}".encode()
