"""Configuration to files: load a recipe, project it, check it, report it.

>>> import recipes
>>> model = recipes.load_model("deepseek_v3")
>>> recipes.count(model)["parameters"]["total"]
671026404352
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recipes.catalogue import Model

__all__ = ["check", "count", "load_model", "load_recipe", "project"]


def load_model(name: str) -> Model:
    """The catalogued model ``name``. Raises ``LehrError`` with the nearest name where there is none."""
    from recipes.catalogue import Catalogue

    return Catalogue().model(name)


def count(model: Model, sequence_length: int | None = None) -> dict[str, Any]:
    """Parameters, FLOPs per token and decoding state of ``model``, as plain data (``lehr count``)."""
    from recipes.verbs.count import count as count_model

    return count_model(model, sequence_length)
