"""``lehr cite``: the sources of an entry of the catalogue as BibTeX."""

from __future__ import annotations

import json

import msgspec

from lehr.recipes.citing.bibtex import bibtex
from lehr.recipes.citing.gathering import sources_of
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError


def run(job: Composed) -> int:
    """Print the entries of the bibliography. Raises ``LehrError`` where nothing is called so."""
    form = job.choice("format", ("bibtex", "json"))
    wanted = [str(name) for name in job.setting("names", list[str | int | float])]
    if not wanted:
        raise LehrError("names: nothing to cite; write lehr cite kimi_k2, or lehr cite all")
    known = job.catalogue.sources
    found = {key: list[str]() for key in known} if wanted == ["all"] else sources_of(job.catalogue, wanted)
    if not found:
        raise LehrError(f"names: {', '.join(wanted)} cites no source")
    if form == "json":
        rows = [{"key": key, **msgspec.to_builtins(known[key]), "places": places} for key, places in found.items()]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(bibtex(key, known[key], places) for key, places in found.items()))
    return 0
