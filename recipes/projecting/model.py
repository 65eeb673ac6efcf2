"""From a catalogue and a name to a projection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.evidence import Reported
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.projection.project import Assumptions, Projection, add_totals, project
from lehr.simulators.quantities import Interval
from lehr.simulators.training import Recipe

DEFAULT_LAWS = ("besiroglu", "chinchilla")
FALLBACK_ACCELERATOR = "h100_sxm"


def project_model(
    catalogue: Catalogue,
    model: Model,
    recipe: Recipe,
    laws: Sequence[ScalingLaw],
    *,
    assumptions: Assumptions | None = None,
    accelerators: Mapping[str, Accelerator] | None = None,
    descent: Sequence[str] = (),
) -> Projection:
    """Project ``recipe`` for ``model``, and its base model's recipe too where the catalogue has that.

    ``accelerators`` stand in for the catalogue's; ``descent`` names the recipes that start from this one.
    Raises ``LehrError`` that names the recipe and the stage.
    """
    if assumptions is None:
        assumptions = Assumptions(fallback=FALLBACK_ACCELERATOR)
    try:
        own = project(
            model.shape(),
            recipe,
            laws=laws,
            accelerators=catalogue.accelerators if accelerators is None else accelerators,
            assumptions=assumptions,
            laid_out=_laid_out(catalogue, model, recipe, assumptions),
        )
    except ValueError as error:
        raise LehrError(f"recipe {recipe.name}: {error}") from error
    if recipe.base is None:
        return own
    if not catalogue.has("recipe", recipe.base.model):
        if not catalogue.has("model", recipe.base.model):
            known = nearest(recipe.base.model, {*catalogue.files("model"), *catalogue.files("recipe")})
            raise LehrError(f"recipe {recipe.name}: base: no model is called {recipe.base.model!r}; {known}")
        return own
    first = catalogue.recipe(recipe.base.model)
    if first.name in (line := (*descent, recipe.name)):
        raise LehrError(f"recipe {recipe.name}: its base comes back to {first.name}; write another base, or null")
    base = project_model(
        catalogue,
        catalogue.model(first.model),
        first,
        (),
        assumptions=assumptions,
        accelerators=accelerators,
        descent=line,
    )
    history = add_totals(base.totals_with_base or base.totals, own.totals, first.name)
    return msgspec.structs.replace(own, totals_with_base=history)


def _laid_out(catalogue: Catalogue, model: Model, recipe: Recipe, assumptions: Assumptions) -> dict[str, Interval]:
    """The utilisation of each stage whose layout was published and is what is projected."""
    if assumptions.accelerator is not None or assumptions.mfu is not None:
        return {}
    laid = {
        name: stage
        for name, stage in recipe.ordered()
        if stage.hardware is not None
        and stage.hardware.layout is not None
        and stage.hardware.count is not None
        and assumptions.precision in (None, stage.hardware.precision)
    }
    if not laid:
        return {}
    # the step-time model takes numpy and a file of constants, which other recipes need not wait for
    from lehr.recipes.laying_out.published import utilisation_of

    # a stage's batch and tokens may be swept; the layout is what its authors ran
    own = catalogue.recipe(recipe.name).stages if catalogue.has("recipe", recipe.name) else {}
    return {name: utilisation_of(catalogue, model, name, stage, own.get(name, stage)) for name, stage in laid.items()}


def project_by_name(
    catalogue: Catalogue, name: str, laws: Sequence[ScalingLaw] = ()
) -> tuple[RecipeFile, list[Reported], Projection]:
    """The recipe called ``name``, what is reported of it, and its projection."""
    recipe = catalogue.recipe(name)
    return recipe, recipe.reported, project_model(catalogue, catalogue.model(recipe.model), recipe, laws)
