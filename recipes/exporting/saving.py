"""How often a stage saves, so that a failure loses least, and how one that was stopped goes on."""

from __future__ import annotations

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.costing.run import costed_stages, projected_hours
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Saves
from lehr.recipes.projecting.model import FALLBACK_ACCELERATOR, project_model
from lehr.simulators.machine.failures import Reliability, uptime
from lehr.simulators.projection.project import Assumptions

USUAL = 1000
"""Updates between checkpoints where no time of an update is known [steps]."""


def saves_of(n_steps: int, devices: int, hours: float | None) -> Saves:
    """How often a stage of so many updates and accelerator-hours saves: as often as ``lehr cost`` counts with.

    >>> saves_of(250_000, 512, 89_671.0)
    Saves(every=..., why='...')
    """
    if hours is None:
        return Saves(every=max(1, min(USUAL, n_steps)), why="no time of an update is known of its recipe")
    try:
        found = uptime(devices, Reliability())
    except ValueError as error:
        raise RefusedError(str(error)) from error
    update = hours * 3600 / devices / n_steps
    why = (
        f"every {found.every / 60:,.0f} min lose least where {devices:,} devices fail every {found.between:,.3g} h "
        f"(Young, Daly), an update takes {update:,.3g} s, as `lehr cost` counts"
    )
    return Saves(every=max(1, min(round(found.every / update), n_steps)), why=why)


def hours_of(catalogue: Catalogue, model: Model, recipe: RecipeFile, devices: int | None) -> dict[str, float]:
    """Accelerator-hours of each stage whose machine its recipe names, where it fits, as ``lehr cost`` counts them [h].

    >>> catalogue = Catalogue()
    >>> list(hours_of(catalogue, catalogue.model("starcoder"), catalogue.recipe("starcoder"), None))
    ['pt', ...]
    """
    assumptions = Assumptions(fallback=FALLBACK_ACCELERATOR, devices=devices)
    projection = project_model(catalogue, model, recipe, (), assumptions=assumptions)
    by_name = {one.name: one for one in projection.stages}
    found = {}
    for stage in costed_stages(recipe, projection, Reliability(), as_run=True)[0]:
        said, one = recipe.stages[stage.name].hardware, by_name[stage.name]
        if said is None or one.unfit is not None:
            continue
        # published hours may be those of several stages together
        alone = not recipe.stages[stage.name].shares_hours_with
        hours = stage.hours if alone else projected_hours(one)
        if hours is not None:
            found[stage.name] = hours.value
    return found
