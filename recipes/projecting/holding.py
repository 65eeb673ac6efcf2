"""Whether devices hold the stages of a recipe."""

from __future__ import annotations

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.errors import LehrError
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.projection.project import Projection, StageProjection, add_up
from lehr.simulators.training import Recipe, Stage

NOT_TRIED = "no layout was tried on its devices, so that they may not hold it"
"""How what is said of a stage begins whose layouts could not be asked."""


def held(
    catalogue: Catalogue, model: Model, recipe: Recipe, projection: Projection, device: Accelerator | None
) -> Projection:
    """``projection`` without the time of stages that no layout fits on their devices, and with what is to be said of
    those of which no layout could be asked. Stages of the catalogue on the devices that they ran on fitted; adapters
    have no states of the weights beside them. ``device`` is the one that was chosen."""
    stages = [
        judged(catalogue, model, one, recipe.stages[one.name], device)
        if _asked(catalogue, model, recipe, one, device)
        else one
        for one in projection.stages
    ]
    return msgspec.structs.replace(projection, stages=stages, totals=add_up(stages))


def _asked(
    catalogue: Catalogue, model: Model, recipe: Recipe, one: StageProjection, device: Accelerator | None
) -> bool:
    """Whether a stage is on devices that nobody is known to have trained it on."""
    own = recipe.stages[one.name]
    if one.time is None or one.time.devices is None or own.adapter is not None:
        return False
    printed = CONF / "recipe" / f"{recipe.name}.yaml"
    if not printed.is_file() or catalogue.path("recipe", recipe.name) != printed:
        return True
    published = catalogue.recipe(recipe.name)
    if recipe.model != published.model or model != catalogue.model(published.model):
        return True
    theirs = published.stages.get(one.name)
    if theirs is None or theirs.hardware is None or device is not None:
        return True
    ran = (theirs.hardware.accelerator, theirs.hardware.count) == (one.time.accelerator, one.time.devices)
    return not ran or (own.batch, own.sequence_length) != (theirs.batch, theirs.sequence_length)


def judged(
    catalogue: Catalogue, model: Model, one: StageProjection, stage: Stage, device: Accelerator | None
) -> StageProjection:
    """A stage without its time where no layout of it fits, or with why none could be asked."""
    # the step-time model takes numpy and a file of constants, which other recipes need not wait for
    from lehr.recipes.laying_out.answer import UnfitError, answer
    from lehr.recipes.laying_out.question import question

    assert one.time is not None
    on = device or catalogue.accelerators[one.time.accelerator]
    try:
        asked = question(catalogue, model, on, stage=(one.name, stage), devices=one.time.devices)
        best = answer(asked, show=0).best
    except UnfitError as error:
        why = f"does not fit: {error}"
        return msgspec.structs.replace(one, time=None, unfit=why, warnings=[*one.warnings, why])
    except LehrError as error:
        return msgspec.structs.replace(one, warnings=[*one.warnings, f"{NOT_TRIED}: {error}"])
    if best is None or one.time.basis != "assumed":
        return one
    reached = best.mfu["causal"]
    low, high = reached * best.seconds / best.high, reached * best.seconds / best.low
    if low <= one.time.mfu.value <= high:
        return one
    other = (
        f"MFU {one.time.mfu.value:.1%} is assumed from published runs, and the fastest layout on these devices reaches "
        f"{reached:.1%} ({low:.1%} to {high:.1%}): write mfu={reached:.3f} for its hours and days"
    )
    return msgspec.structs.replace(one, warnings=[other, *one.warnings])
