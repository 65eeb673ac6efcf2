"""The whole catalogue as the files of a data set."""

from __future__ import annotations

from importlib.metadata import version

import msgspec

from lehr.conf import __version__ as edition
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.publishing.cells import cells
from lehr.recipes.publishing.tables import (
    COLUMNS,
    as_csv,
    as_parquet,
    cell_rows,
    json_ld,
    measured,
    source_columns,
    source_rows,
)


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The files by name, and how many entries, values, values with an origin and sources they hold."""

    files: dict[str, bytes]
    entries: int
    values: int
    said: int
    sources: int
    edition: str


def publish(catalogue: Catalogue) -> Published:
    """The catalogue as tables. Raises ``LehrError`` where a value cites what the bibliography lacks."""
    found, sources = cells(catalogue), catalogue.sources
    strangers = sorted({cell.source for cell in found if cell.source} - sources.keys())
    if strangers:
        raise LehrError(f"sources: {strangers[0]} is cited, and the bibliography has it not")
    rows, works, columns, tables = cell_rows(found), source_rows(sources), source_columns(), measured(catalogue)
    return Published(
        files={
            **tables,
            "values.csv": as_csv(rows, list(COLUMNS)),
            "values.parquet": as_parquet(rows, list(COLUMNS), numbers=["number"]),
            "sources.csv": as_csv(works, columns),
            "sources.parquet": as_parquet(works, columns),
            "catalogue.jsonld": json_ld(found, sources, tables, edition, version("lehr")),
        },
        entries=len({(cell.group, cell.name) for cell in found}),
        values=len(found),
        said=sum(cell.origin is not None for cell in found),
        sources=len(works),
        edition=edition,
    )
