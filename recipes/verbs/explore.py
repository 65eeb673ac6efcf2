"""``lehr explore``: one page over the whole catalogue."""

from __future__ import annotations

from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.exploring.data import explorer_data
from lehr.recipes.exploring.page import as_html
from lehr.recipes.presenting.files import write_file

MOST_SELECTED = 6
"""Models that the page sets side by side."""


def run(job: Composed) -> int:
    """Write the page and say where it lies."""
    laws = [job.catalogue.surface(name) for name in job.setting("laws", list[str])]
    if not laws:
        raise LehrError("laws: none is named; write laws=[besiroglu]")
    selected = job.setting("selected", list[str])
    data = explorer_data(job.catalogue, laws)
    known = [model["name"] for model in data["models"]]
    for name in selected:
        if name not in known:
            raise LehrError(f"selected: no model is called {name!r}; {nearest(name, known)}")
    if len(selected) > MOST_SELECTED:
        raise LehrError(f"selected: {len(selected)} models are too many side by side; write {MOST_SELECTED} at most")
    path = job.folder() / "explorer.html"
    write_file(path, as_html(data, selected).encode())
    print(f"{path}  ({len(known)} models, {sum('recipe' in model for model in data['models'])} with a recipe)")
    return 0
