"""The plan as files of the catalogue's kind: a model and its recipe, which ``lehr report`` takes."""

from __future__ import annotations

from typing import Any

import yaml

from lehr.recipes.catalogue.encode import stated
from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.importing.model_file import Short, kind_of
from lehr.recipes.planning.result import Planned, StageSettings
from lehr.recipes.presenting.yaml import WIDTH
from lehr.simulators.architecture import Architecture
from lehr.simulators.training import PRETRAINING


def model(plan: Planned) -> dict[str, Any]:
    """The model file."""
    whose = "of the size that the budget wants" if plan.made else "the rung of the ladder with the least loss"
    note = f"lehr plan: {whose} by {plan.law.name}"
    return model_of(plan.name, plan.architecture, note)


def model_of(name: str, architecture: Architecture, note: str) -> dict[str, Any]:
    """A model file of a network that was derived."""
    return {
        "name": name,
        "family": "planned",
        "kind": kind_of(architecture),
        "open": "dimensions",
        "architecture": stated(architecture),
        "provenance": {"default": {"origin": "derived", "note": note}},
    }


def recipe(plan: Planned) -> dict[str, Any]:
    """The recipe file: every stage as it is to be trained."""
    stages: dict[str, Any] = {}
    facts: dict[str, dict[str, str]] = {}
    for name, settings in plan.stages.items():
        stages[name] = stage_of(settings, plan.accelerator.name, plan.precision, plan.devices)
        facts |= facts_of(settings, "lehr plan")
        if plan.plan.chosen.epochs > 1 and settings.kind in PRETRAINING:
            stages[name]["epochs"] = plan.plan.chosen.epochs
            facts[f"stages.{name}.epochs"] = _fact("derived", "lehr plan: all tokens over those that are unique")
        if settings.layout is not None:
            # report and cost then take the utilisation that the plan was made with
            stages[name]["hardware"]["layout"] = stated(settings.layout)
            facts[f"stages.{name}.hardware.layout"] = _fact(
                "derived", "lehr plan: the fastest that fits, as lehr layout"
            )
        if plan.given_mfu is not None:
            stages[name]["hardware"]["mfu"] = plan.given_mfu
            facts[f"stages.{name}.hardware.mfu"] = _fact("assumed", "lehr plan: as it was given")
        if settings.data is not None and plan.replay is not None:
            facts[f"stages.{name}.data"] = _fact("derived", f"lehr plan: the least share of replay by {plan.replay[0]}")
    default = _fact("assumed", "lehr plan: the stage's share of the budget over what a token costs")
    body = {"name": plan.name, "model": plan.name, "order": list(stages), "stages": stages}
    if plan.base is not None:
        seen = plan.demand.seen
        body["base"] = {"model": plan.base, "tokens": seen if plan.base_known else {"at_least": seen}}
    return {**body, "provenance": {"default": default, "exceptions": facts}}


def facts_of(settings: StageSettings, verb: str) -> dict[str, dict[str, str]]:
    """Why each part of a stage is as it is, by its path in the recipe."""
    return {
        f"stages.{settings.name}.{part}": _fact("derived" if part == "batch" else "assumed", f"{verb}: {why}")
        for part, why in settings.why.items()
    }


def stage_of(settings: StageSettings, accelerator: str, precision: str, devices: int | None) -> dict[str, Any]:
    """One stage as a recipe has it."""
    steps = {} if settings.steps is None else {"steps": settings.steps}
    stage: dict[str, Any] = {
        "kind": settings.kind, "objective": settings.objective, "tokens": round(settings.tokens), **steps,
        "sequence_length": settings.sequence_length,
        "batch": {"sequences": settings.sequences, **({"ramp": settings.ramp} if settings.ramp else {})},
        "optimizer": settings.optimizer, "schedule": settings.schedule,
    }  # fmt: skip
    if settings.data is not None:
        stage["data"] = settings.data
    hardware: dict[str, Any] = {"accelerator": accelerator, "precision": precision}
    if devices is not None:
        hardware["count"] = devices
    return {**stage, "hardware": hardware}


def _fact(origin: str, note: str) -> dict[str, str]:
    return {"origin": origin, "note": note}


def as_yaml(body: dict[str, Any], head: str) -> bytes:
    """A file of the catalogue's kind."""
    text = yaml.dump(plain(body, "plan"), Dumper=Short, sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"# {head}\n{text}".encode()
