"""The one result of a sweep: ``sweep.parquet``, ``sweep.csv`` and ``sweep.html``."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

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
    """A table of ``n`` points from arrays; ``same`` is what all points share."""
    shape = schema(varies)
    arrays = []
    for field in shape:
        value = np.arange(n) if field.name == "job" else columns.get(field.name, same.get(field.name))
        if isinstance(value, np.ndarray) and value.ndim:
            arrays.append(pa.array(value).cast(field.type))
        else:
            value = value.item() if isinstance(value, (np.ndarray, np.generic)) else value
            arrays.append(pa.nulls(n, field.type) if value is None else pa.repeat(pa.scalar(value, field.type), n))
    return pa.Table.from_arrays(arrays, schema=shape)


def as_parquet(table: pa.Table) -> bytes:
    """The table with the unit of each figure in its field; the same table gives the same bytes."""
    fields = [f.with_metadata({"unit": UNITS[f.name]}) if f.name in UNITS else f for f in table.schema]
    out = io.BytesIO()
    pa.parquet.write_table(table.cast(pa.schema(fields)), out, compression="zstd")
    return out.getvalue()


def as_csv(table: pa.Table) -> bytes:
    """The table as text with every digit."""
    out = io.BytesIO()
    pa.csv.write_csv(table, out, pa.csv.WriteOptions(quoting_style="needed"))
    return out.getvalue()
