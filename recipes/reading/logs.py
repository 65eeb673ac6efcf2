"""Log files as series: for each run of a file and each quantity, the steps and values that were logged."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.catalogue.tables import file_text
from lehr.recipes.catalogue.yaml import refuse_endless
from lehr.recipes.errors import LehrError
from lehr.recipes.reading.cells import COMMA, NOTHING, decimal_comma, number
from lehr.recipes.reading.console import console_rows
from lehr.recipes.reading.digits import most_decimals, printed_units
from lehr.recipes.reading.events import DamagedError, records, scalars
from lehr.recipes.reading.headings import LOSS, RATE, find
from lehr.recipes.reading.long import RUN, Row, metric_files, mlflow_runs, one_tag, pivoted, with_steps
from lehr.recipes.reading.series import Series
from lehr.recipes.reading.stepping import MOST_DIGITS, step_column, steps_of, without_steps

EVENT_MARK = ".tfevents."
"""In the name of every TensorBoard event file."""
LONG_BYTES = 1 << 21
"""A longer table of numbers is read as arrays, without an object for every cell."""
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
TABLE_SUFFIXES = (".csv", ".tsv")
SEPARATOR = " - "
"""Between run and quantity in the headings of a W&B export."""


class UnfinishedError(LehrError):
    """A log that has no row yet, or whose one document ends in the middle: it may still be written."""


class LogFile(msgspec.Struct, frozen=True, kw_only=True):
    """``runs``: run to quantity to series; ``notes``: one line for each thing that was passed over."""

    where: str
    runs: dict[str, dict[str, Series]]
    notes: list[str]


def open_log(
    path: str | Path,
    step: str | None = None,
    *,
    row_steps: int | None = None,
    batch_tokens: float | None = None,
    lenient: bool = False,
) -> LogFile:
    """Read a log of any kind; ``step`` names the column of the steps where its heading is unusual.

    A folder is one of TensorBoard's, or a run of MLflow's. A last line or record that is only half written is passed
    over and noted. ``row_steps`` are the steps between two rows of a trainer that prints no step, ``batch_tokens`` the
    tokens of a step of a log that counts tokens. With ``lenient`` a line that is no row, such as one that
    two processes wrote at once, is passed over and noted. Raises ``LehrError`` where the file cannot be read, is no
    log, or has no steps.
    """
    path = Path(path)
    if path.is_dir() and (metrics := metric_files(path)):
        return LogFile(where=str(path), runs=mlflow_runs(path, metrics), notes=[])
    if path.is_dir() or EVENT_MARK in path.name:
        return _events(path)
    if (found := _long_table(path, step, batch_tokens)) is not None:
        return found
    text = file_text(path, "a CSV, JSON, text or TensorBoard log")
    if "\0" in text:
        raise LehrError(f"{path}: is no text; write a CSV, JSON or TensorBoard log")
    notes: list[str] = []
    if not text.strip():
        raise UnfinishedError(f"{path}: is empty")
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    printed = None if suffix in (*JSON_SUFFIXES, *TABLE_SUFFIXES) else console_rows(text, str(path), row_steps, notes)
    rows: list[Row]
    if printed is not None:
        rows = list(printed)
    elif suffix in JSON_SUFFIXES or text.lstrip()[0] in "{[":
        rows = _json_rows(text, str(path), notes, lenient)
    else:
        rows = pivoted(one_tag(_csv_rows(text, str(path), notes, lenient), path))
    if batch_tokens is not None:
        rows = with_steps(rows, batch_tokens, step, str(path), notes)
    return LogFile(where=str(path), runs=_runs(rows, step, path, notes, lenient), notes=notes)


def _long_table(path: Path, step: str | None, batch_tokens: float | None) -> LogFile | None:
    """A long table of numbers alone, read as arrays; ``None`` of any other file, which the rows are read of."""
    if path.suffix.lower() != ".csv" or batch_tokens is not None or not path.is_file():
        return None
    if path.stat().st_size < LONG_BYTES:
        return None
    with path.open("rb") as file:
        heading = file.readline().decode("utf-8", "replace").removeprefix("\ufeff")
        file.seek(-1, 2)
        whole = file.read(1) in b"\n\r"
    headings = [cell.strip() for cell in heading.split(",")]
    notes: list[str] = []
    chosen = step if step in headings else step_column([], headings, notes)
    if chosen is None or '"' in heading or len(set(headings)) < len(headings) or SEPARATOR in heading:
        return None
    try:
        table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2, encoding="utf-8-sig", comments=None)
    except ValueError:
        # an empty cell, a word or a line of another length
        return None
    notes += [] if whole else ["the last line has no end and was passed over: it may be half written"]
    table = table if whole else table[:-1]
    at = table[:, headings.index(chosen)] if table.shape[1] == len(headings) else np.array([-1.0])
    if not np.isfinite(at).all() or (at < 0).any() or (at != np.floor(at)).any() or at.max() >= 10**MOST_DIGITS:
        return None
    steps = at.astype(int)
    columns = {h: Series(steps, table[:, i].copy()) for i, h in enumerate(headings) if h != chosen}
    return LogFile(where=str(path), runs={path.stem: columns}, notes=notes)


def _csv_rows(text: str, where: str, notes: list[str], lenient: bool = False) -> list[Row]:
    lines = text.splitlines(keepends=True)
    if not lines[-1].endswith(("\n", "\r")) and len(lines) > 1:
        # whether its last number is whole cannot be told
        notes.append("the last line has no end and was passed over: it may be half written")
        lines.pop()
    first = next(line for line in lines if line.strip())
    separator = max(",\t;", key=first.count)
    try:
        table = [row for row in csv.reader(io.StringIO("".join(lines)), delimiter=separator, strict=True) if row]
    except csv.Error as error:
        raise LehrError(f"{where}: is no CSV ({error})") from error
    if len(table) < 2:
        raise UnfinishedError(f"{where}: has a heading and no rows" if table else f"{where}: is empty")
    headings = [heading.strip() for heading in table[0]]
    if len(set(headings)) < len(headings):
        twice = next(h for h in headings if headings.count(h) > 1)
        raise LehrError(f"{where}: two columns are called {twice!r}; rename one")
    if all(number(h) is not None for h in headings):
        raise LehrError(f"{where}: the first line has no headings; write one such as step,lr,loss")
    whole = [row for row in table[1:] if len(row) == len(headings)]
    if lenient and (bad := len(table) - 1 - len(whole)):
        notes.append(f"{_lines(bad)} of another number of fields passed over")
        table = [table[0], *whole]
    for i, row in enumerate(table[1:], start=2):
        if len(row) != len(headings):
            raise LehrError(f"{where}:{i}: {len(row)} fields; the heading has {len(headings)}")
    return [dict(zip(headings, row, strict=True)) for row in table[1:]]


def _json_rows(text: str, where: str, notes: list[str], lenient: bool = False) -> list[Row]:
    """One document (a list of rows, columns, trainer_state.json), or a row on each line."""
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise LehrError(f"{where}: is no log: too deeply nested") from error
    except ValueError:
        return _json_lines(text, where, notes, lenient)
    if isinstance(data, dict):
        if (history := _history(data)) is not None:
            data = history
        elif data and all(isinstance(column, list) for column in data.values()):
            if len({len(column) for column in data.values()}) > 1:
                raise LehrError(f"{where}: its columns have different lengths")
            data = [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]
        elif data and all(isinstance(column, dict) for column in data.values()):
            # pandas' to_json(): column to row to value
            rows = dict.fromkeys(row for column in data.values() for row in column)
            data = [{name: column.get(row) for name, column in data.items()} for row in rows]
        else:
            data = [data]
    if not isinstance(data, list) or not data or not all(isinstance(row, dict) for row in data):
        raise LehrError(f"{where}: is no log; write a list of rows such as {{step: 1, loss: 9.1, lr: 1e-4}}")
    return [_flat(row) for row in data]


def _history(data: Any, depth: int = 0) -> Any:
    """The rows, or the columns, that hold a loss inside a document, such as history/train; ``None`` without them."""
    if isinstance(data, list):
        rows = bool(data) and all(isinstance(row, dict) for row in data)
        return data if rows and depth and any(find(LOSS, _flat(row)) for row in data[:1000]) else None
    if not isinstance(data, dict) or depth > 4:
        return None
    if depth and data and all(isinstance(column, list) for column in data.values()) and find(LOSS, data):
        length = len(data[find(LOSS, data) or ""])
        columns = {name: column for name, column in data.items() if len(column) == length}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for name in sorted(data, key=lambda key: (key not in ("log_history", "history"), "train" not in str(key))):
        if isinstance(data[name], dict | list) and (found := _history(data[name], depth + 1)) is not None:
            return found
    return None


def _json_lines(text: str, where: str, notes: list[str], lenient: bool) -> list[Row]:
    lines = text.split("\n")
    rows: list[Row] = []
    bad = 0
    for i, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            if i == len(lines) and rows:
                notes.append("the last line is half written and was passed over")
                continue
            if lenient and rows:
                bad += 1
                continue
            if not rows and _cut(text):
                raise UnfinishedError(f"{where}: ends in the middle of its JSON; it is not whole") from error
            raise LehrError(f"{where}:{i}: not JSON ({str(error).partition(':')[0]})") from error
        if not isinstance(row, dict):
            raise LehrError(f"{where}:{i}: is no row; write an object such as {{step: 1, loss: 9.1, lr: 1e-4}}")
        rows.append(_flat(row))
    if bad:
        notes.append(f"{_lines(bad)} without JSON passed over")
    return rows


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _cut(text: str) -> bool:
    """Is this the beginning of a JSON document, or of a first line of one?"""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :].strip()
        # the parser stops at the end, or at a string, number or word that the end cut
        return not rest or (error.msg.startswith("Unterminated") or re.fullmatch(r"[\w.+-]*", rest) is not None)
    except ValueError:
        # a number with more digits than Python reads
        return False
    return False


def _flat(row: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """A row whose nested objects are one: {train: {loss: 3}} is train/loss."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and depth < 4:
            flat |= _flat(value, f"{prefix}{key}/", depth + 1)
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _runs(
    rows: Iterable[Row], step: str | None, path: Path, notes: list[str], lenient: bool
) -> dict[str, dict[str, Series]]:
    rows = list(rows)
    named = list(dict.fromkeys(str(row[RUN]) for row in rows if RUN in row))
    if len(named) < 2:
        return _one_table(rows, step, path, notes, lenient)
    each = {
        name: _one_table([row for row in rows if row.get(RUN) == name], step, path, notes, lenient) for name in named
    }
    return {name: quantities for name, one in each.items() for quantities in one.values()}


def _one_table(
    rows: list[Row], step: str | None, path: Path, notes: list[str], lenient: bool
) -> dict[str, dict[str, Series]]:
    headings = [h for h in dict.fromkeys(key for row in rows for key in row) if h != RUN]
    chosen = step if step is not None else step_column(rows, headings, notes)
    if chosen is None or chosen not in headings:
        raise LehrError(f"{path}: {without_steps(headings, step)}")
    runs: dict[str, dict[str, Series]] = {}
    decimals = most_decimals(rows) or None
    every = steps_of(rows, chosen, path, notes, lenient)
    for heading in headings:
        if heading == chosen:
            continue
        read = _plain if find((*LOSS, *RATE), [heading.rpartition(SEPARATOR)[2]]) is not None else _any
        steps, values, cells = [], [], []
        for i, (row, at) in enumerate(zip(rows, every, strict=True), start=1):
            value = read(row.get(heading), heading, i, path)
            if value is None or at is None:
                continue
            steps.append(at)
            values.append(value)
            cells.append(row.get(heading))
        if not steps:
            _refuse_words(rows, heading, path)
            continue
        run, separator, quantity = heading.rpartition(SEPARATOR)
        if separator and quantity.endswith(("__MIN", "__MAX")):
            continue
        runs.setdefault(run.strip() if separator else path.stem, {})[quantity if separator else heading] = Series(
            steps, values, printed_units(cells, decimals) if read is _plain else None
        )
    if not runs:
        raise LehrError(f"{path}: no column has numbers beside {chosen!r}")
    if len(runs) > 1 and path.stem in runs:
        # columns without a run's name belong to every run
        common = runs.pop(path.stem)
        runs = {name: {**common, **quantities} for name, quantities in runs.items()}
    return runs


def _any(cell: Any, heading: str, i: int, path: Path) -> float | None:
    return number(cell)


def _plain(cell: Any, heading: str, i: int, path: Path) -> float | None:
    """A loss or a rate. Raises ``LehrError`` for a comma that may be a decimal one: 3,141 is no loss of thousands."""
    if isinstance(cell, str) and "," in cell and (decimal_comma(cell) or "." not in cell):
        raise LehrError(f"{path}: row {i}: {heading} is {cell.strip()!r}; {COMMA}")
    return number(cell)


def _refuse_words(rows: list[Row], heading: str, path: Path) -> None:
    """Raise ``LehrError`` where a column of the loss or the rate, which has no number, has words: it is there, and
    whatever rests on it would be said to be missing."""
    if find((*LOSS, *RATE), [heading]) is None:
        return
    cells = ((i, str(row.get(heading, "")).strip()) for i, row in enumerate(rows, start=1))
    for i, cell in cells:
        if cell.lower() not in NOTHING:
            raise LehrError(
                f"{path}: row {i}: {heading} is {cell!r}, which is no number; mend the column, or take it out"
            )


def _events(path: Path) -> LogFile:
    files = sorted(p for p in path.rglob("*") if EVENT_MARK in p.name) if path.is_dir() else [path]
    if not files:
        raise UnfinishedError(f"{path}: a folder without TensorBoard event files")
    notes: list[str] = []
    found: dict[str, dict[str, Series]] = {}
    for file in files:
        try:
            refuse_endless(file)
            data = file.read_bytes()
            for record in records(data):
                if record is None:
                    notes.append(f"{file.name}: the last record is half written and was passed over")
                    continue
                for tag, step, value in scalars(record):
                    # writers of several scalars put each in a folder of its own, whose name says which
                    series = found.setdefault(path.stem if path.is_dir() else file.parent.name or "run", {})
                    series.setdefault(tag, Series([], []))
                    one = series[tag]
                    assert isinstance(one.steps, list)
                    assert isinstance(one.values, list)
                    one.steps.append(step)
                    one.values.append(value)
        except OSError as error:
            raise LehrError(f"{file}: cannot be read ({error.strerror})") from error
        except DamagedError as error:
            raise LehrError(f"{file}: is damaged: {error}") from error
    if not found:
        raise UnfinishedError(f"{path}: no scalars in its event files")
    return LogFile(where=str(path), runs=found, notes=notes)
