"""From a catalogue and a name to a projection."""

from __future__ import annotations

from collections.abc import Sequence

from recipes.catalogue import Catalogue, Model
from recipes.errors import LehrError
from recipes.plans import RecipeFile
from simulators.evidence import Reported
from simulators.laws import ScalingLaw
from simulators.projection import Assumptions, Projection, project
from simulators.training import Recipe

DEFAULT_LAWS = ("besiroglu", "chinchilla")
FALLBACK_ACCELERATOR = "h100_sxm"


def project_model(
    catalogue: Catalogue,
    model: Model,
    recipe: Recipe,
    laws: Sequence[ScalingLaw],
    assumptions: Assumptions | None = None,
) -> Projection:
    """Project ``recipe`` for ``model``. Raises ``LehrError`` that names the recipe and the stage."""
    if assumptions is None:
        assumptions = Assumptions(fallback=FALLBACK_ACCELERATOR)
    try:
        return project(model.shape(), recipe, laws=laws, accelerators=catalogue.accelerators, assumptions=assumptions)
    except ValueError as error:
        raise LehrError(f"recipe {recipe.name}: {error}") from error


def project_by_name(
    catalogue: Catalogue, name: str, laws: Sequence[ScalingLaw] = ()
) -> tuple[RecipeFile, list[Reported], Projection]:
    """The recipe called ``name``, what is reported of it, and its projection."""
    recipe = catalogue.recipe(name)
    return recipe, recipe.reported, project_model(catalogue, catalogue.model(recipe.model), recipe, laws)
