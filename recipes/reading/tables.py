"""Tables of training runs: CSV, JSON, JSON lines and Parquet, as columns of what stands in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.tables import Column, csv_columns, file_text
from lehr.recipes.catalogue.yaml import refuse_endless
from lehr.recipes.errors import LehrError

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
"""What a table's name may end in; a text format may be packed with gzip (``.csv.gz``)."""


def read_table(path: Path) -> dict[str, Column]:
    """The columns of the table at ``path`` by their headings; an empty cell is ``None``.

    JSON may be a list of rows, or a mapping of columns, or a mapping that holds one list of rows.
    Raises ``LehrError`` where the file is no table, or holds no row.
    """
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending not in ENDINGS:
        said = ending or "a name without an ending"
        raise LehrError(f"{path}: {said} is no table; write one of {', '.join(ENDINGS)}")
    if ending == ".parquet":
        columns = _parquet(path)
    elif ending in (".csv", ".tsv"):
        columns = csv_columns(file_text(path), path)
    else:
        columns = _json(file_text(path), path, lines=ending != ".json")
    if not columns or not len(next(iter(columns.values()))):
        raise LehrError(f"{path}: holds no run; write a line of headings and one row for every run")
    return columns


def _json(text: str, path: Path, *, lines: bool) -> dict[str, Column]:
    try:
        if lines:
            data: Any = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            data = json.loads(text)
    except json.JSONDecodeError as error:
        raise LehrError(f"{path}: not JSON: {error.msg} at line {error.lineno}") from error
    except ValueError as error:
        raise LehrError(f"{path}: not JSON: a number has more digits than can be read") from error
    except RecursionError as error:
        raise LehrError(
            f"{path}: not a table: nested too deep; write a list of mappings, or a mapping of lists"
        ) from error
    if isinstance(data, dict) and not any(isinstance(value, list) for value in data.values()):
        data = list(data.values()) if all(isinstance(value, dict) for value in data.values()) else [data]
    if isinstance(data, dict):
        lists = {key: value for key, value in data.items() if isinstance(value, list)}
        if len(lists) > 1 and len({len(value) for value in lists.values()}) == 1:
            return lists
        data = next(iter(lists.values()))
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise LehrError(f'{path}: write a list of runs, each a mapping such as {{"n": 1e9, "d": 2e10, "loss": 2.7}}')
    headings = list(dict.fromkeys(key for row in data for key in row))
    return {h: [row.get(h) for row in data] for h in headings}


def _parquet(path: Path) -> dict[str, Column]:
    refuse_endless(path)
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import read_table as read
    except ImportError as error:
        raise LehrError(f"{path}: Parquet needs pyarrow; pip install pyarrow, or write CSV") from error
    try:
        columns: dict[str, Column] = read(path).to_pydict()
    except ArrowException as error:
        raise LehrError(f"{path}: not Parquet ({' '.join(str(error).split())})") from error
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror or error})") from error
    return columns
