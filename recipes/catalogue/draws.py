"""The draws of a law's fit, which stand in a table beside its file: a line a fit, under the names of the constants."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.yaml import read_bounded
from lehr.recipes.errors import LehrError

TABLE = re.compile(r"[A-Za-z0-9][\w.-]*\.csv")
"""A table's name: that of a file beside the law, and no way to another folder."""


HOLDERS = ("uncertainty", "stars")
"""The fields of a law that may hold draws."""


def with_draws(data: Any, where: str, folders: Sequence[Path]) -> Any:
    """The data of a law with the draws of ``uncertainty.file`` in their place, of the last of ``folders`` that has it;
    likewise of ``stars.file``.

    Raises ``LehrError`` where none has, and for a table that is none.
    """
    if not isinstance(data, dict):
        return data
    found = {
        field: _read(held, f"{where}: {field}.file", folders)
        for field in HOLDERS
        if isinstance(held := data.get(field), dict) and "file" in held
    }
    return {**data, **found} if found else data


def _read(held: dict[str, Any], where: str, folders: Sequence[Path]) -> dict[str, Any]:
    name = held["file"]
    if not isinstance(name, str) or not TABLE.fullmatch(name):
        raise LehrError(f"{where}: {name!r} is no table beside the law; write mine.csv")
    path = next((f for folder in reversed(folders) if (f := folder / name).is_file()), None)
    if path is None:
        raise LehrError(f"{where}: {name} stands beside no law; put it there, or write `values`")
    rows = list(csv.reader(io.StringIO(read_bounded(path).decode("utf-8", "replace"))))
    if len(rows) < 2:
        raise LehrError(f"{path}: holds no draw; write a line of constants' names, and one of numbers for every fit")
    kept = {key: value for key, value in held.items() if key != "file"}
    values = "".join(f"{' '.join(row)}\n" for row in rows[1:])
    return {**kept, "parameters": rows[0] if rows else [], "values": values}
