"""``lehr cite``: the sources of an entry of the catalogue as BibTeX."""

from __future__ import annotations

import json

import msgspec

from lehr.recipes.citing.citations import citations
from lehr.recipes.composing.job import Composed


def run(job: Composed) -> int:
    """Print the entries of the bibliography."""
    form = job.choice("format", ("bibtex", "json"))
    found = citations(job.catalogue, [str(name) for name in job.setting("names", list[str | int | float])])
    if form == "json":
        rows = [{"key": one.key, **msgspec.to_builtins(one.source), "places": one.places} for one in found]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(one.bibtex() for one in found))
    return 0
