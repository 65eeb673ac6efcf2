"""What to look up again: values, places of "not published" and arXiv identifiers, drawn from the catalogue by a seed.

    python -m benchmarks.audit [seed [source ...]]

With sources, only what they are cited for is drawn, so that a reader with those reports at hand can answer every line.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Collection, Sequence
from typing import TypeVar

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.gaps import entries
from lehr.recipes.publishing.cells import cells

Row = TypeVar("Row")

VALUES, PLACES, TITLES = 60, 40, 40


def drawn(rows: Sequence[Row], n: int, seed: int) -> list[Row]:
    """``n`` of the rows, the same for a seed."""
    return random.Random(seed).sample(rows, min(n, len(rows)))


def values(catalogue: Catalogue, of: Collection[str]) -> list[str]:
    """The published numbers of stages and architectures, each with the place that prints it."""
    return [
        f"{cell.source}, {cell.place}: {cell.name} {cell.path} = {cell.value}"
        for cell in cells(catalogue)
        if cell.group in ("model", "recipe")
        and cell.path.startswith(("stages", "architecture"))
        and cell.origin == "published"
        and cell.number is not None
        and (not of or cell.source in of)
    ]


def places(catalogue: Catalogue, of: Collection[str]) -> list[str]:
    """What stages are said not to publish, each with the places that were searched."""
    return [
        f"{', '.join(f'{s.source}, {s.place}' for s in entry.searched)}: {entry.recipe}.{entry.stage}, {entry.what}"
        for recipe in catalogue.recipes().values()
        for entry in entries(recipe)
        if entry.state == "not published" and (not of or {s.source for s in entry.searched} & set(of))
    ]


def titles(catalogue: Catalogue, of: Collection[str]) -> list[str]:
    """The preprints: the identifier and the title that should stand under it."""
    return [
        f"{source.url}: {source.title}"
        for key, source in catalogue.sources.items()
        if source.url and "arxiv.org/abs/" in source.url and (not of or key in of)
    ]


def main(words: Sequence[str]) -> None:
    """Print the three lists."""
    seed, of, catalogue = int(words[0]) if words else 17, words[1:], Catalogue()
    for what, rows, n in (
        ("values", values(catalogue, of), VALUES),
        ("not published", places(catalogue, of), PLACES),
        ("arXiv identifiers", titles(catalogue, of), TITLES),
    ):
        found = drawn(rows, n, seed)
        print(f"{len(found)} of {len(rows):,} {what}, seed {seed}")
        for row in sorted(found):
            print(f"  {row}")


if __name__ == "__main__":
    main(sys.argv[1:])
