"""Configuration to files: load a recipe, project it, check it.

>>> import lehr
>>> model = lehr.load_model("deepseek_v3")
>>> lehr.count(model)["parameters"]["total"]
671026404352
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lehr.recipes.catalogue.entries import Model
    from lehr.recipes.catalogue.recipe_files import RecipeFile
    from lehr.simulators.evidence import Comparison
    from lehr.simulators.projection.project import Assumptions, Projection

__all__ = ["check", "count", "load_model", "load_recipe", "project"]

# what follows is imported where it is used, so that a count does not pay for numpy


def load_model(name: str) -> Model:
    """The catalogued model ``name``. Raises ``LehrError`` with the nearest name where there is none."""
    from lehr.recipes.catalogue.files import Catalogue

    return Catalogue().model(name)


def load_recipe(name: str) -> RecipeFile:
    """The catalogued recipe of the model ``name``. Raises ``LehrError`` with the nearest name where there is none.

    >>> load_recipe("starcoder").stages["pt"].n_steps
    250000
    """
    from lehr.recipes.catalogue.files import Catalogue

    return Catalogue().recipe(name)


def count(model: Model, sequence_length: int | None = None) -> dict[str, Any]:
    """Parameters, FLOPs per token and decoding state of ``model``, as plain data (``lehr count``)."""
    from lehr.recipes.counting import count as count_model

    return count_model(model, sequence_length)


def project(name: str, laws: Sequence[str] | None = None, assumptions: Assumptions | None = None) -> Projection:
    """The projection of the recipe called ``name``, by the scaling laws called ``laws`` (``lehr report``).

    >>> stage = project("starcoder").stages[0]
    >>> f"{stage.tokens:.4g} tokens, {stage.flops:.3g} FLOP"
    '1.049e+12 tokens, 1.1e+23 FLOP'
    """
    from lehr.recipes.catalogue.files import Catalogue
    from lehr.recipes.projecting.model import DEFAULT_LAWS, project_model

    catalogue = Catalogue()
    recipe = catalogue.recipe(name)
    decoded = [catalogue.surface(law) for law in (DEFAULT_LAWS if laws is None else laws)]
    return project_model(catalogue, catalogue.model(recipe.model), recipe, decoded, assumptions=assumptions)


def check() -> list[Comparison]:
    """Every reported figure of the catalogue beside its projection (``lehr check``)."""
    from lehr.recipes.catalogue.files import Catalogue
    from lehr.recipes.checking import check_all
    from lehr.recipes.projecting.model import project_by_name

    catalogue = Catalogue()
    return check_all(catalogue, lambda name: project_by_name(catalogue, name))
