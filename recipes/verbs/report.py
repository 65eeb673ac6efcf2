"""``lehr report``: project one recipe, set it beside what was published, write it down."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from recipes.catalogue import Model
from recipes.check import check_model, check_recipe
from recipes.compose import Composed
from recipes.decode import decode, plain
from recipes.errors import LehrError
from recipes.plans import AcceleratorFile, RecipeFile, decode_surface
from recipes.projecting import project_model
from recipes.report import ReportData, render
from recipes.writing import write_folder
from simulators.projection import Assumptions

DEFAULTS = [
    {"runtime": "lehr"},
    "_self_",
    {"override hydra/job_logging": "none"},
    {"override hydra/hydra_logging": "none"},
]
"""The defaults list that makes ``recipe.yaml`` a configuration that ``lehr report --config-name recipe`` takes."""


def run(job: Composed) -> int:
    """Write the report's folder and say where it lies, or print the projection as JSON."""
    data = report_data(job)
    files = render(data)
    if job.setting("format", str) == "json":
        print(files["projection.json"].decode(), end="")
        return 0
    files["recipe.yaml"] = resolved(job.config)
    folder = Path(job.setting("out", str))
    if job.multirun:
        folder /= "multirun"
        folder /= "_".join(o.replace("/", "-") for o in job.overrides if not o.startswith(("model=", "out=")))
    folder /= data.model.name
    write_folder(folder, files)
    verdicts = [row.verdict for row in data.comparisons]
    print(
        f"{folder / 'report.html'}  ({len(verdicts)} published figures: {verdicts.count('agrees')} agree, "
        f"{verdicts.count('differs, known cause')} differ for a known cause, {verdicts.count('FAILS')} fail)"
    )
    return 0


def report_data(job: Composed) -> ReportData:
    """Decode the configuration, project it and compare it."""
    config, catalogue = job.config, job.catalogue
    model = decode(config["model"], Model, "model")
    if config.get("recipe") is None:
        raise LehrError(f"{model.name} has no recipe; write recipe=<name of one>, or a file recipe/{model.name}.yaml")
    recipe = decode(config["recipe"], RecipeFile, "recipe")
    laws = [decode_surface(config["law"], "law")]
    laws += [
        law for name in job.setting("compare_laws", list[str]) if (law := catalogue.surface(name)).name != laws[0].name
    ]
    chosen = None
    if job.config.get("accelerator") is not None:
        chosen = decode(job.config["accelerator"], AcceleratorFile, "accelerator")
        # with what the command line set in it
        catalogue.accelerators[chosen.name] = chosen
    projection = project_model(catalogue, model, recipe, laws, assumptions(job, chosen))
    return ReportData(
        model=model,
        recipe=recipe,
        projection=projection,
        comparisons=[*check_model(model), *check_recipe(recipe, recipe.reported, projection)],
        laws=laws,
        sources=catalogue.sources,
        accelerators=dict(catalogue.accelerators),
        overridden=overridden(job.overrides),
        version=version("lehr"),
    )


def assumptions(job: Composed, accelerator: AcceleratorFile | None) -> Assumptions:
    """What the planner set. Raises ``LehrError`` for a value that cannot be."""
    mfu = job.setting("mfu", float | None)
    if mfu is not None and not 0 < mfu <= 1:
        raise LehrError(f"mfu: {mfu} is not above 0 and at most 1; write a share of the peak, such as 0.4")
    price = job.setting("usd_per_hour", float | None)
    devices = job.setting("devices", int | None)
    if (price is not None and price <= 0) or (devices is not None and devices < 1):
        raise LehrError(f"usd_per_hour: {price}, devices: {devices}; write numbers above 0")
    return Assumptions(
        fallback=job.setting("fallback_accelerator", str),
        accelerator=accelerator.name if accelerator else None,
        precision=job.setting("precision", str | None),
        devices=devices,
        mfu=mfu,
        usd_per_hour=price,
    )


def overridden(overrides: list[str]) -> list[str]:
    """The dotted paths that the command line set inside a file's values.

    >>> overridden(["model=starcoder", "recipe.stages.pt.steps=100", "+recipe.note=x", "~recipe.base"])
    ['recipe.stages.pt.steps', 'recipe.note', 'recipe.base']
    """
    paths = [o.lstrip("+~").partition("=")[0] for o in overrides]
    return [path for path in paths if "." in path]


def resolved(config: dict[str, Any]) -> bytes:
    """The whole configuration, resolved, as a primary config: ``--config-dir <folder> --config-name recipe``."""
    # where it goes and how it is printed is no part of the recipe
    kept = {key: value for key, value in config.items() if key not in ("out", "format")}
    body = {"defaults": DEFAULTS, "out": "outputs", "format": "text", **plain(kept, "configuration")}
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120).encode()
