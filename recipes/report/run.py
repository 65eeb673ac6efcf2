"""A report of a job: projected, set beside what was published, and its files."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.files import checked_name
from lehr.recipes.catalogue.recipe_files import AcceleratorFile
from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.checking import check_model, check_recipe, excuse
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.reporting import laid_out
from lehr.recipes.presenting.yaml import as_yaml
from lehr.recipes.projecting.forecast import forecast_recipe
from lehr.recipes.projecting.job import ProjectedJob, project_job
from lehr.recipes.projecting.model import project_by_name
from lehr.recipes.report import ReportData, render
from lehr.simulators.evidence import Comparison

DEFAULTS = [
    {"runtime": "lehr"},
    "_self_",
    {"override hydra/job_logging": "none"},
    {"override hydra/hydra_logging": "none"},
]
"""The defaults list that makes ``recipe.yaml`` a configuration that ``lehr report --config-name recipe`` takes."""


NO_PART = ("out", "format", "forecast", "reports", "batches", "batch", "objective", "trials", "seed")
"""Settings that are no part of a recipe: where it goes, how it is printed, how a sweep runs."""

ASSUMED = ("accelerator", "precision", "devices", "mfu", "usd_per_hour", "train_flops")
"""Settings that replace what a recipe states."""


def report_data(job: Composed) -> ReportData:
    """Project the job and compare it with what was published."""
    projected = project_job(job)
    model, recipe, projection = projected.model, projected.recipe, projected.projection
    set_by_hand, otherwise = overridden(job.overrides), changed(job, projected)
    if job.config["train_flops"] is not None:
        set_by_hand.append(f"recipe.stages.{recipe.order[0]}.tokens")
    return ReportData(
        model=model,
        recipe=recipe,
        projection=projection,
        comparisons=excuse(
            [*check_model(model), *check_recipe(recipe, recipe.reported, projection)],
            otherwise,
            as_in_the_catalogue(job, projected) if otherwise else (),
        ),
        laws=projected.laws,
        further_laws=[job.catalogue.law(name) for name in job.setting("further_laws", list[str])],
        sources=job.catalogue.sources,
        accelerators=projected.accelerators,
        overridden=set_by_hand,
        altered=otherwise,
        code_corpora=job.catalogue.code_corpora(recipe),
        forecast=forecast_recipe(job.catalogue, recipe, projection, projected.laws[0], projected.curve),
        laid_out=laid_out(
            job.catalogue,
            model,
            recipe,
            accelerator=decode(job.config["accelerator"], AcceleratorFile, "accelerator")
            if job.config.get("accelerator")
            else None,
            devices=job.devices(),
            precision=job.setting("precision", str | None),
        ),
        version=version("lehr"),
    )


def as_in_the_catalogue(job: Composed, projected: ProjectedJob) -> list[Comparison]:
    """The comparisons of the catalogue's recipe of that name, which this job changes; none where there is none."""
    name = projected.recipe.name
    if not job.catalogue.has("recipe", name):
        return []
    return check_recipe(*project_by_name(job.catalogue, name))


def report_files(job: Composed, data: ReportData) -> dict[str, bytes]:
    """The report's files by relative path, and ``recipe.yaml``. Raises ``LehrError`` where the model's name is none."""
    checked_name(data.model.name, "model.name")
    return {**render(data), "recipe.yaml": resolved(job.config)}


def changed(job: Composed, projected: ProjectedJob) -> list[str]:
    """What the job does otherwise than the catalogue's entries of the same names."""
    model, recipe = projected.model, projected.recipe
    names = [key for key in ASSUMED if job.config.get(key) is not None]
    if recipe.model != model.name:
        names.append("model")
    for group, ours, find in (("model", model, job.catalogue.model), ("recipe", recipe, job.catalogue.recipe)):
        try:
            kept = find(ours.name)
        except LehrError:
            continue
        if kept != ours:
            names += [path for path in overridden(job.overrides) if path.startswith(f"{group}.")] or [group]
    return list(dict.fromkeys(names))


def overridden(overrides: list[str]) -> list[str]:
    """The dotted paths that the command line set inside a file's values.

    >>> overridden(["model=starcoder", "recipe.stages.pt.steps=100", "+recipe.note=x", "~recipe.base"])
    ['recipe.stages.pt.steps', 'recipe.note', 'recipe.base']
    """
    paths = [o.lstrip("+~").partition("=")[0] for o in overrides]
    return [path for path in paths if "." in path]


def resolved(config: dict[str, Any]) -> bytes:
    """The whole configuration, resolved, as a primary config: ``--config-dir <folder> --config-name recipe``."""
    kept = {key: value for key, value in config.items() if key not in NO_PART}
    body = {"defaults": DEFAULTS, **{key: value for key, value in config.items() if key in NO_PART}}
    body |= {"out": "outputs", "format": "text", "batch": None, **plain(kept, "configuration")}
    return as_yaml(body)
