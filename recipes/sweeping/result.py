"""The one result of a sweep: ``sweep.parquet``, ``sweep.csv`` and ``sweep.html``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from lehr.recipes.sweeping.axes import Slot
from lehr.recipes.sweeping.rows import NAMES, NOTES, UNITS

INTEGERS = ("parameters", "parameters_active", "steps")


class Swept(NamedTuple):
    """The rows of a sweep, a line a job; what varied, and whether it is numbers; what tells a job from the others; and
    the reports that were written, by job."""

    table: pa.Table
    varies: Mapping[str, bool]
    label: Callable[[int], str]
    reports: Mapping[int, str] = {}


def inputs(slots: Sequence[Slot]) -> dict[str, bool]:
    """The columns of what varies, and whether each holds numbers; ``model`` and its like stand in the result anyway."""
    return {slot.key: slot.numbers() is not None for slot in slots if slot.swept and slot.key not in NAMES}


def schema(varies: Mapping[str, bool]) -> pa.Schema:
    """Inputs, names, figures, notes."""
    text, number = pa.string(), pa.float64()
    fields = [pa.field(key, number if numeric else text) for key, numeric in varies.items()]
    fields += [pa.field(name, text) for name in NAMES]
    fields += [pa.field(name, pa.int64() if name in INTEGERS else number) for name in UNITS]
    fields += [pa.field(name, text) for name in NOTES]
    return pa.schema([pa.field("job", pa.int64()), *fields])


def from_rows(rows: Mapping[int, Mapping[str, Any]], varies: Mapping[str, bool]) -> pa.Table:
    """A table with a line a job, in the order of the jobs."""
    ordered = [{"job": job, **rows[job]} for job in sorted(rows)]
    return pa.Table.from_pylist(ordered, schema=schema(varies))


def from_columns(columns: Mapping[str, Any], same: Mapping[str, Any], varies: Mapping[str, bool], n: int) -> pa.Table:
    """A table of ``n`` points from arrays; ``same`` is what all points share, each such column one value and ``n``
    references to it."""
    shape = schema(varies)
    arrays = []
    for field in shape:
        value = np.arange(n) if field.name == "job" else columns.get(field.name, same.get(field.name))
        if isinstance(value, np.ndarray) and value.ndim:
            # a place without a figure has no number
            found = pa.array(value, from_pandas=True).cast(field.type)
            arrays.append(found.dictionary_encode() if field.type == pa.string() else found)
        else:
            value = value.item() if isinstance(value, (np.ndarray, np.generic)) else value
            to_it = pa.array(np.zeros(n, np.int8), mask=np.full(n, value is None))
            arrays.append(pa.DictionaryArray.from_arrays(to_it, pa.array([value], field.type)))
    return pa.Table.from_arrays(arrays, names=shape.names)


def plain(table: pa.Table, varies: Mapping[str, bool]) -> pa.Table:
    """The table with each value where it stands."""
    return table.cast(schema(varies))


AT_ONCE = 1 << 17
"""So many rows are written at a time."""


def parts(table: pa.Table, varies: Mapping[str, bool]) -> Iterator[pa.Table]:
    """The rows, some at a time; of no rows, one part that has the columns."""
    for at in range(0, max(len(table), 1), AT_ONCE):
        yield plain(table.slice(at, AT_ONCE), varies)


def write_parquet(table: pa.Table, varies: Mapping[str, bool], out: BinaryIO) -> None:
    """The table with the unit of each figure in its field; the same table gives the same bytes."""
    fields = [f.with_metadata({"unit": UNITS[f.name]}) if f.name in UNITS else f for f in schema(varies)]
    with pa.parquet.ParquetWriter(out, pa.schema(fields), compression="zstd") as writer:
        for part in parts(table, varies):
            writer.write_table(part.cast(pa.schema(fields)))


def write_csv(table: pa.Table, varies: Mapping[str, bool], out: BinaryIO) -> None:
    """The table as text with every digit."""
    for number, part in enumerate(parts(table, varies)):
        heading = pa.csv.WriteOptions(include_header=not number, quoting_style="needed")
        pa.csv.write_csv(part, out, heading)
