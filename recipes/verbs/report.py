"""``lehr report``: project one recipe, set it beside what was published, write it down."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.checking import check_model, check_recipe, excuse
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.presenting.yaml import as_yaml
from lehr.recipes.projecting.forecast import forecast_recipe
from lehr.recipes.projecting.job import ProjectedJob, project_job
from lehr.recipes.report import ReportData, render
from lehr.recipes.report.projection_json import as_json
from lehr.recipes.verbs.import_ import NAME

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


def run(job: Composed) -> int:
    """Write the report's folder and say where it lies, or print the projection as JSON."""
    form = job.choice("format", ("text", "json"))
    data = report_data(job)
    if not NAME.fullmatch(data.model.name):
        raise LehrError(f"model.name: {data.model.name!r} cannot name a folder; write letters, digits, _ and - only")
    if form == "json":
        print(as_json(data), end="")
        return 0
    files = render(data)
    files["recipe.yaml"] = resolved(job.config)
    folder = job.folder("model") / data.model.name
    write_folder(folder, files)
    verdicts = [row.verdict for row in data.comparisons]
    print(
        f"{folder / 'report.html'}  ({len(verdicts)} published figures: {verdicts.count('agrees')} agree, "
        f"{verdicts.count('differs, known cause')} differ for a known cause, {verdicts.count('FAILS')} fail)"
    )
    return 0


def report_data(job: Composed) -> ReportData:
    """Project the job and compare it with what was published."""
    projected = project_job(job)
    model, recipe, projection = projected.model, projected.recipe, projected.projection
    set_by_hand = overridden(job.overrides)
    if job.config["train_flops"] is not None:
        set_by_hand.append(f"recipe.stages.{recipe.order[0]}.tokens")
    return ReportData(
        model=model,
        recipe=recipe,
        projection=projection,
        comparisons=excuse(
            [*check_model(model), *check_recipe(recipe, recipe.reported, projection)], changed(job, projected)
        ),
        laws=projected.laws,
        further_laws=[job.catalogue.law(name) for name in job.setting("further_laws", list[str])],
        sources=job.catalogue.sources,
        accelerators=projected.accelerators,
        overridden=set_by_hand,
        forecast=forecast_recipe(job.catalogue, recipe, projection.parameters, projected.laws[0], projected.curve),
        version=version("lehr"),
    )


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
