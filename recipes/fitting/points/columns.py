"""From tables to the columns that a form of points needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lehr.recipes.catalogue.tables import Column
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.fitting.points.forms import KINDS, MORE, NAMES, Table
from lehr.recipes.reading.columns import NAMES as OF_RUNS
from lehr.recipes.reading.columns import Reading, numbers, plainly
from lehr.recipes.reading.kept import filtered
from lehr.recipes.reading.tables import read_table
from lehr.simulators.quantities import Floats

ROLE = {"parameters": "n", "tokens": "d", "loss": "loss", "flops": "flops", "run": "run"}
"""What runs call the same."""
SIGNED = ("loss",)
"""What may be below zero: a loss less that of a unigram model."""


def table_of(kind: str, path: Path, reading: Reading) -> tuple[dict[str, Floats], list[str] | None, list[str]]:
    """The columns of ``kind`` with the target last, the run of each row, and a line for each thing that was taken so.

    Raises ``LehrError`` that names the column and the row.
    """
    notes: list[str] = []
    table, rows = filtered(read_table(path), reading.where, str(path), notes)
    form = KINDS[kind]
    wanted = (*form.inputs, form.target)
    known = (*wanted, *COMPUTED.get(kind, ()), "run")
    if unknown := [name for name in reading.columns if name not in known]:
        raise LehrError(f"columns: {unknown[0]!r} is no column of this form; {nearest(unknown[0], known)}")
    if unknown := [name for name in reading.units if name not in known]:
        raise LehrError(f"units: {unknown[0]!r} is no column of this form; {nearest(unknown[0], known)}")
    found = {
        name: numbers(table[heading], heading, str(path), rows) * reading.units.get(name, 1.0)
        for name in known
        if name != "run" and (heading := heading_of(name, kind, table, reading.columns, path)) is not None
    }
    _refuse_percent(found, path, rows)
    _computed(kind, found, notes)
    for name in wanted:
        if name not in found:
            offered = nearest(name, map(str, table))
            raise LehrError(f"{path}: has no column {name!r}; {offered}, or columns={{{name}: <its heading>}}")
        for row, value in zip(rows, found[name], strict=True):
            if value < 0 and not (name in SIGNED and kind == "vocabulary"):
                raise LehrError(f"{path}: row {row}: {name} is {value:g}; write a number of 0 or more")
    run = heading_of("run", kind, table, reading.columns, path)
    label = None if run is None else [str(v) for v in table[run]]
    return {name: found[name] for name in wanted}, label, notes


def _refuse_percent(found: Mapping[str, Floats], path: Path, rows: Sequence[int]) -> None:
    """Raise ``LehrError`` where a share of questions is more than 1."""
    for name in ("error", "accuracy"):
        for row, value in zip(rows, found.get(name, ()), strict=False):
            if not 0 <= value <= 1:
                hint = f"write units={{{name}: 0.01}} if it counts in percent" if 0 <= value <= 100 else "leave it out"
                raise LehrError(f"{path}: row {row}: {name} is {value:g}; a share lies between 0 and 1: {hint}")


COMPUTED: dict[str, tuple[str, ...]] = {
    "vocabulary": ("vocabulary", "width", "flops"),
    "joint_moe": ("flops",),
    "exponential_error": ("accuracy",),
    "task_ladder": ("error", "flops"),
}
"""Columns from which others of a form are computed where they are missing."""


def _computed(kind: str, found: dict[str, Floats], notes: list[str]) -> None:
    """Add what is missing and follows from what is there."""
    if kind == "vocabulary" and "table" not in found and {"vocabulary", "width"} <= set(found):
        found["table"] = found["vocabulary"] * found["width"]
        notes.append("the table's parameters computed as vocabulary x width")
    if "tokens" not in found and "flops" in found and "parameters" in found:
        every = found["parameters"] + (found.get("table", 0.0) if kind == "vocabulary" else 0.0)
        found["tokens"] = found["flops"] / 6 / every
        notes.append("tokens computed as FLOP / (6 N)" + (", N with one table" if kind == "vocabulary" else ""))
    for name, other in (("error", "accuracy"), ("accuracy", "error")):
        if name not in found and other in found:
            found[name] = 1 - found[other]
            notes.append(f"{name} computed as 1 - {other}")


def heading_of(name: str, kind: str, table: Mapping[str, Column], given: Mapping[str, str], path: Path) -> str | None:
    """The heading of a column: as it is given, called like it, or by a name that the field has for it."""
    plain = {plainly(str(heading)): heading for heading in reversed(list(table))}
    if name in given:
        if given[name] not in table and plainly(given[name]) not in plain:
            wanted = nearest(given[name], map(str, table))
            raise LehrError(f"{path}: has no column {given[name]!r} (columns.{name}); {wanted}")
        return given[name] if given[name] in table else plain[plainly(given[name])]
    names = (*MORE.get(kind, {}).get(name, ()), name, *NAMES.get(name, ()), *OF_RUNS.get(ROLE.get(name, ""), ()))
    return next((plain[n] for n in names if n in plain), None)


def joined(parts: list[tuple[dict[str, Floats], list[str] | None, list[str]]]) -> tuple[Table, list[str] | None]:
    """Several tables as one; runs are told apart where each of them names them."""
    columns = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    labels = [part[1] for part in parts]
    return columns, [one for own in labels if own for one in own] if all(labels) else None
