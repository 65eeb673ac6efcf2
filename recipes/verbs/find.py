"""``lehr find``: an entry of the catalogue by what a person calls it."""

from __future__ import annotations

import json

from lehr.recipes.catalogue.names import Entry, find
from lehr.recipes.catalogue.usage import Files
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.tables import text_table

FEW = 3
"""Of so many entries, where they are used and what they change is said too."""

SHOWN = 12
"""So many of the files that use an entry are named."""


def run(job: Composed) -> int:
    """Print the entries that are called so. Raises ``LehrError`` where there is none."""
    form = form_of(job)
    given = job.setting("name", str | int | float | None)
    text = str(given)
    if given in (None, ""):
        raise LehrError('name: nothing to look for; write lehr find name="Claude 4"')
    found = find(text, job.catalogue)
    if form == "json":
        files = Files(job.catalogue)
        rows = [
            {
                "group": e.group,
                "name": e.name,
                "title": e.title,
                "cost": e.cost,
                "written": e.written,
                "used_by": files.that_use(e),
            }
            for e in found
        ]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    print(text_table(["group", "name", "what it is"], [[e.group, e.name, e.title] for e in found]))
    if len(found) <= FEW:
        files = Files(job.catalogue)
        for entry in found:
            print("\n".join(as_text(entry, files.that_use(entry))))
    return 0


LEAST = 2
"""Lines of an entry of which nothing more is known than its name."""


def as_text(entry: Entry, used: list[str]) -> list[str]:
    """Where the entry is used, and what it changes in a stage's cost.

    >>> as_text(Entry("method", "x", "X", (), "nothing"), ["recipe a"])
    ['', 'x', '  cost of a stage: nothing', '  used by 1: recipe a']
    """
    lines = ["", entry.name]
    if entry.cost:
        lines.append(f"  cost of a stage: {entry.cost}")
    if entry.written:
        lines.append(f"  written: {entry.written}")
    rest = f" and {len(used) - SHOWN} more" if len(used) > SHOWN else ""
    by = f"  used by {len(used)}: {', '.join(used[:SHOWN])}{rest}" if used else "  no file of the catalogue names it"
    return lines if not used and len(lines) > LEAST else [*lines, by]
