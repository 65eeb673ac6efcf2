"""The whole catalogue, projected for one page."""

from __future__ import annotations

from collections.abc import Sequence

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.exploring.data import explorer_data
from lehr.recipes.exploring.result import Explored

MOST_SELECTED = 6
"""Models that the page sets side by side."""


def explore(catalogue: Catalogue, laws: Sequence[str], selected: Sequence[str]) -> Explored:
    """The catalogue by the laws called ``laws``, the models ``selected`` set side by side.

    Raises ``LehrError`` where there are no such laws or models, or too many of them.
    """
    surfaces = [catalogue.surface(name) for name in laws]
    if not surfaces:
        raise LehrError("laws: none is named; write laws=[besiroglu]")
    data = explorer_data(catalogue, surfaces)
    known = [model["name"] for model in data["models"]]
    for name in selected:
        if name not in known:
            raise LehrError(f"selected: no model is called {name!r}; {nearest(name, known)}")
    if len(selected) > MOST_SELECTED:
        raise LehrError(f"selected: {len(selected)} models are too many side by side; write {MOST_SELECTED} at most")
    return Explored(data=data, selected=list(selected))
