"""The rows as Parquet, CSV and JSON-LD."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.publishing.cells import Cell
from lehr.simulators.evidence import Source

COLUMNS = {
    "group": "what the entry is: model, recipe, dataset, method, accelerator, law",
    "name": "the entry's name in its group",
    "path": "where in the entry the value stands; [n] is a place in a list, from 0",
    "value": "the value as JSON",
    "number": "the value where it is a number",
    "origin": "published, second-hand (a source that tells what another printed), derived or assumed",
    "source": "the key of the source in the bibliography",
    "place": "where in the source it was read",
    "note": "why a value was derived or assumed, or what to know of it",
}
"""Of the table of values, with what each says."""

PARTS = {
    "values.csv": ("text/csv", "every value, one a row, with its origin, source and place"),
    "values.parquet": ("application/vnd.apache.parquet", "the same as Parquet"),
    "sources.csv": ("text/csv", "the bibliography"),
    "sources.parquet": ("application/vnd.apache.parquet", "the same as Parquet"),
}
"""The files beside the description, each with its format."""


def measured(catalogue: Catalogue) -> dict[str, bytes]:
    """The tables of measurements, each row with its source and place, as they stand."""
    paths = [path for root in catalogue.roots for path in sorted((root / "measurement").glob("*.csv"))]
    return {f"measured_{path.stem}.csv": path.read_bytes() for path in paths}


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """A table with a heading; nothing is an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[row.get(column) for column in columns] for row in rows])
    return out.getvalue().encode()


def as_parquet(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], numbers: Sequence[str] = ()) -> bytes:
    """The same; ``numbers`` are the columns that hold them, the others hold texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    special = {"year": pa.int64(), "second_hand": pa.bool_(), **dict.fromkeys(numbers, pa.float64())}
    kinds = {name: special.get(name, pa.string()) for name in columns}
    table = pa.table(
        {name: pa.array([row.get(name) for row in rows], type=kind) for name, kind in kinds.items()},
    )
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def cell_rows(found: Sequence[Cell]) -> list[dict[str, Any]]:
    """The cells as plain rows."""
    return [msgspec.to_builtins(cell) for cell in found]


def source_rows(sources: Mapping[str, Source]) -> list[dict[str, Any]]:
    """The bibliography as plain rows, each with its key."""
    return [{"key": key, **plain(source)} for key, source in sorted(sources.items())]


def plain(source: Source) -> dict[str, Any]:
    """A source, its lists as one text."""
    said: dict[str, Any] = msgspec.to_builtins(source)
    return {name: "; ".join(map(str, value)) if isinstance(value, list) else value for name, value in said.items()}


def source_columns() -> list[str]:
    """The columns of the bibliography."""
    return ["key", *(field.name for field in msgspec.structs.fields(Source))]


def json_ld(
    found: Sequence[Cell], sources: Mapping[str, Source], tables: Iterable[str], edition: str, version: str
) -> bytes:
    """The data set as schema.org describes one, its sources as works, and every value as a property of its entry.

    A value is a ``PropertyValue``: ``propertyID`` is its path, ``measurementMethod`` its origin, ``isBasedOn`` its
    source and ``description`` the place and the note.
    """
    parts = PARTS | dict.fromkeys(tables, ("text/csv", "measurements, each row with its source and place"))
    entries: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for cell in found:
        entries.setdefault((cell.group, cell.name), []).append(property_of(cell))
    graph: list[dict[str, Any]] = [
        {
            "@id": "#catalogue",
            "@type": "Dataset",
            "name": "Lehr: the catalogue of language models, their training recipes and scaling laws",
            "description": "Architectures, training stages, accelerators and laws with who said each value and where.",
            "version": edition,
            "creator": {"@type": "SoftwareApplication", "name": "lehr", "softwareVersion": version},
            "variableMeasured": [
                {"@type": "PropertyValue", "name": name, "description": says} for name, says in COLUMNS.items()
            ],
            "distribution": [
                {"@type": "DataDownload", "contentUrl": name, "encodingFormat": kind, "description": says}
                for name, (kind, says) in parts.items()
            ],
            "citation": [{"@id": f"#source/{key}"} for key in sorted(sources)],
            "hasPart": [{"@id": f"#{group}/{name}"} for group, name in entries],
        }
    ]
    graph += [
        {"@id": f"#source/{key}", "@type": "CreativeWork", **work(source)} for key, source in sorted(sources.items())
    ]
    graph += [
        {
            "@id": f"#{group}/{name}",
            "@type": "Thing",
            "name": name,
            "additionalType": group,
            "isPartOf": {"@id": "#catalogue"},
            "additionalProperty": properties,
        }
        for (group, name), properties in entries.items()
    ]
    document = {"@context": "https://schema.org/", "@graph": graph}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def property_of(cell: Cell) -> dict[str, Any]:
    """One value with who said it."""
    found: dict[str, Any] = {"@type": "PropertyValue", "propertyID": cell.path, "value": json.loads(cell.value)}
    if cell.origin:
        found["measurementMethod"] = cell.origin
    if cell.source:
        found["isBasedOn"] = {"@id": f"#source/{cell.source}"}
    if said := "; ".join(part for part in (cell.place, cell.note) if part):
        found["description"] = said
    return found


def work(source: Source) -> dict[str, Any]:
    """A source as schema.org has it."""
    said = plain(source)
    found = {
        "name": source.title,
        "url": source.url,
        "author": said.get("authors"),
        "description": source.remark or None,
    }
    if source.year is not None:
        found["datePublished"] = str(source.year)
    return {name: value for name, value in found.items() if value is not None}
