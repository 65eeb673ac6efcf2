"""``lehr export-data``: the whole catalogue as Parquet, CSV and JSON-LD."""

from __future__ import annotations

from importlib.metadata import version

from lehr.conf import __version__ as edition
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_folder
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


def run(job: Composed) -> int:
    """Write the files and say what they hold. Raises ``LehrError`` where a value cites what the bibliography lacks."""
    found, sources = cells(job.catalogue), job.catalogue.sources
    strangers = sorted({cell.source for cell in found if cell.source} - sources.keys())
    if strangers:
        raise LehrError(f"sources: {strangers[0]} is cited, and the bibliography has it not")
    rows, works, columns = cell_rows(found), source_rows(sources), source_columns()
    tables, folder = measured(job.catalogue), job.folder()
    write_folder(
        folder,
        {
            **tables,
            "values.csv": as_csv(rows, list(COLUMNS)),
            "values.parquet": as_parquet(rows, list(COLUMNS), numbers=["number"]),
            "sources.csv": as_csv(works, columns),
            "sources.parquet": as_parquet(works, columns),
            "catalogue.jsonld": json_ld(found, sources, tables, edition, version("lehr")),
        },
    )
    said = sum(cell.origin is not None for cell in found)
    entries = len({(cell.group, cell.name) for cell in found})
    print(f"{folder}/: {entries:,} entries, {len(found):,} values ({said:,} with an origin), {len(works)} sources")
    print(f"edition {edition} of the catalogue, written by lehr {version('lehr')}")
    return 0
