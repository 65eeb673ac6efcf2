"""``lehr export``: a recipe in the words of the trainer that will run it."""

from __future__ import annotations

import json

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.composing.job import Composed, without_recipe
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.gaps import MISSING, RAMPS, Assumed
from lehr.recipes.exporting.run import INEXACT, export
from lehr.recipes.exporting.saving import hours_of
from lehr.recipes.exporting.text import as_json, as_text
from lehr.recipes.presenting.files import write_folder


def run(job: Composed) -> int:
    """Write the export's folder and say what it holds; prove it where that was asked for."""
    form = job.choice("format", ("text", "json"))
    inexact = job.choice("inexact", tuple(INEXACT))
    model = decode(job.config["model"], Model, "model")
    if job.config.get("recipe") is None:
        raise without_recipe(job, model.name)
    recipe = decode(job.config["recipe"], RecipeFile, "recipe")
    from lehr.recipes.exporting.trainers import trainers

    if job.config["to"] is None:
        raise LehrError(f"to: is missing; write to= one of {', '.join(trainers())}")
    to = job.choice("to", tuple(trainers()))
    base = recipe.base.model if recipe.base else None
    known = {base: job.catalogue.model(base)} if base and job.catalogue.has("model", base) else {}
    done = export(
        model,
        recipe,
        to,
        models=known,
        accelerators=job.catalogue.accelerators,
        stages=job.setting("stages", list[str] | None),
        devices=job.devices(),
        devices_per_node=job.setting("devices_per_node", int),
        micro_batch=job.setting("micro_batch", int | None),
        inexact="refuse" if inexact == "refuse" else "approximate",
        missing="fill" if job.choice("missing", tuple(MISSING)) == "fill" else "refuse",
        assume=job.setting("assume", Assumed | None),
        ramp="flat" if job.choice("ramp", tuple(RAMPS)) == "flat" else "refuse",
        seed=job.setting("seed", int),
        hours=hours_of(job.catalogue, model, recipe, job.devices()),
    )
    if form == "json":
        print(json.dumps(as_json(done), indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    folder = job.folder() / "export" / model.name / to
    write_folder(folder, done.files)
    print(as_text(done))
    print(f"\n{folder / 'README.md'}")
    if job.setting("prove", bool):
        from lehr.recipes.exporting.proving import prove

        return prove(done, folder, job.setting("python", str | None), job.setting("megatron", str | None))
    return 0
