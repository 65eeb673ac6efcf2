"""``lehr find``: an entry of the catalogue by what a person calls it."""

from __future__ import annotations

import json

from lehr.recipes.catalogue.names import entries, look_up
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest_few
from lehr.recipes.presenting.tables import text_table


def run(job: Composed) -> int:
    """Print the models, datasets and methods that are called so. Raises ``LehrError`` where there is none."""
    form = job.choice("format", ("text", "json"))
    given = job.setting("name", str | int | float | None)
    text = str(given)
    if given in (None, ""):
        raise LehrError('name: nothing to look for; write lehr find name="Claude 4"')
    everything = entries(job.catalogue)
    found = look_up(text, everything)
    if not found:
        labels = [label for entry in everything for label in entry.labels]
        raise LehrError(f"name: nothing is called {text!r}; {nearest_few(text, labels)}")
    if form == "json":
        print(
            json.dumps(
                [{"group": e.group, "name": e.name, "title": e.title} for e in found], indent=2, ensure_ascii=False
            )
        )
    else:
        print(text_table(["group", "name", "what it is"], [[e.group, e.name, e.title] for e in found]))
    return 0
