"""The sources of entries of the catalogue, each as BibTeX."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.citing.bibtex import bibtex
from lehr.recipes.citing.gathering import sources_of
from lehr.recipes.errors import LehrError
from lehr.simulators.evidence import Source


class Citation(msgspec.Struct, frozen=True):
    """A source by its key in the bibliography, and the places in it that were read."""

    key: str
    source: Source
    places: list[str]

    def bibtex(self) -> str:
        """The entry for a bibliography."""
        return bibtex(self.key, self.source, self.places)


def citations(catalogue: Catalogue, names: Sequence[str]) -> list[Citation]:
    """Every source that the entries called ``names`` rest on; of ``all``, the bibliography.

    Raises ``LehrError`` where nothing is called so, or cites nothing.
    """
    if not names:
        raise LehrError("names: nothing to cite; write lehr cite kimi_k2, or lehr cite all")
    known = catalogue.sources
    found = {key: list[str]() for key in known} if list(names) == ["all"] else sources_of(catalogue, names)
    if not found:
        raise LehrError(f"names: {', '.join(names)} cites no source")
    return [Citation(key, known[key], places) for key, places in found.items()]
