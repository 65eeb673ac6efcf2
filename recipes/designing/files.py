"""A design as files: a table of its runs to fill in, a model and a recipe for each, and all of it as JSON."""

from __future__ import annotations

from typing import Any

from lehr.recipes.designing.result import Designed, SmallRun
from lehr.recipes.planning.files import as_yaml, facts_of, model_of, stage_of
from lehr.simulators.counting import NConvention

HEADINGS: dict[NConvention, str] = {
    "total": "params", "non_embedding": "params_non_embedding", "active": "active_params", "with_head": "params",
    "flops_per_token": "params",
}  # fmt: skip
"""Of the parameters in the table of runs; where no heading says how they are counted, ``n_convention=`` has to."""

TOLD = ("total", "non_embedding", "active")
"""What a heading, or its lack, tells ``lehr fit``."""


def model(run: SmallRun) -> dict[str, Any]:
    """The model file of a run."""
    return model_of(run.name, run.architecture, "lehr design: a rung of the ladder in the proportions of Llama 3")


def recipe(found: Designed, run: SmallRun) -> dict[str, Any]:
    """The recipe file of a run: one stage."""
    stage = stage_of(run.stage, found.accelerator.name, found.precision, None)
    default = {"origin": "assumed", "note": "lehr design: chosen for the forecast of a larger run"}
    return {
        "name": run.name, "model": run.name, "order": [run.stage.name], "stages": {run.stage.name: stage},
        "provenance": {"default": default, "exceptions": facts_of(run.stage, "lehr design")},
    }  # fmt: skip


def table(found: Designed) -> bytes:
    """``runs.csv``: a line a run, whose loss is to be filled in; ``lehr fit`` takes it then."""
    size = HEADINGS[found.n_convention]
    lines = [f"run,{size},tokens,loss"]
    lines += [f"{run.name},{run.parameters:.0f},{run.tokens:.0f}," for run in found.runs]
    return ("\n".join(lines) + "\n").encode()


def files(found: Designed, command: str) -> dict[str, bytes]:
    """All files of a design by relative path."""
    from lehr.recipes.designing.figures import draw
    from lehr.recipes.designing.text import as_bytes

    body = {"runs.csv": table(found), "design.json": as_bytes(found), **draw(found)}
    for run in found.runs:
        body[f"model/{run.name}.yaml"] = as_yaml(model(run), command)
        body[f"recipe/{run.name}.yaml"] = as_yaml(recipe(found, run), command)
    return body
