"""What a sweep has done so far, a line a job, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import unwritable, write_file


def fingerprint(catalogue: Catalogue) -> str:
    """A digest of everything that a row depends on beside its overrides: the files of every root, and this program.

    Rows that were computed under another fingerprint are not used again.
    """
    here = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in [*catalogue.roots, here / "simulators", here / "recipes"]:
        for path in sorted(path for ending in ("yaml", "csv", "py") for path in folder.rglob(f"*.{ending}")):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def read_rows(folder: Path, mark: str) -> dict[int, dict[str, Any]]:
    """The rows of every journal in ``folder`` by job number.

    A line that was cut off, or that was written under another fingerprint than ``mark``, counts as not there.
    """
    rows: dict[int, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        content = path.read_bytes()
        # what follows the last line's end was being written when the sweep stopped
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        try:
            entries = [json.loads(line) for line in lines]
            rows |= {entry["job"]: entry["row"] for entry in entries if entry["fingerprint"] == mark}
        except (ValueError, KeyError, TypeError) as error:
            raise LehrError(f"{path}: is no journal of a sweep; remove it, or write another out=...") from error
    return rows


class Journal:
    """Appends rows to ``path``; a row is in the file when ``add`` returns."""

    def __init__(self, path: Path, mark: str) -> None:
        self._path, self._mark = path, mark

    def __enter__(self) -> Journal:
        content = self._path.read_bytes() if self._path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content or not self._path.exists():
            write_file(self._path, whole)
        try:
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise unwritable(self._path, error) from error
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._file.close()

    def add(self, job: int, row: Mapping[str, Any]) -> None:
        """Keep the row of one job. Raises ``LehrError`` where the disk is full."""
        line = json.dumps({"fingerprint": self._mark, "job": job, "row": row}, ensure_ascii=False).encode() + b"\n"
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise unwritable(self._path, error) from error
