"""Text files of a person's: read within bounds, as text or as the columns of a table."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.yaml import refuse_endless
from lehr.recipes.errors import LehrError

Column = list[Any]

MOST_BYTES = 256 << 20
"""Of a text, unpacked."""
LFS_MARK = b"version https://git-lfs.github.com/spec/"


def file_text(path: Path, meant: str = "data=<path of a table of runs>") -> str:
    """The text of a file, unpacked where its name ends in .gz; ``meant`` is what to write where the path is none.

    Raises ``LehrError`` where it cannot be read, is no text, is too long, or stands for a file that was not fetched.
    """
    refuse_endless(path)
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                content = packed.read(MOST_BYTES + 1)
        else:
            with path.open("rb") as plain:
                content = plain.read(MOST_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise LehrError(f"{path}: is not packed with gzip ({error})") from error
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror}); write {meant}") from error
    if len(content) > MOST_BYTES:
        raise LehrError(f"{path}: is longer than {MOST_BYTES >> 20} MiB; give the columns of step, loss and rate alone")
    if content.startswith(LFS_MARK):
        raise LehrError(f"{path}: is a pointer of Git LFS, not the file; run git lfs pull")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LehrError(f"{path}: is no text in UTF-8 ({error.reason} at byte {error.start})") from error


def read_csv(path: Path, meant: str) -> dict[str, Column]:
    """The cells of a table under their headings, as text, ``None`` where one is empty; ``meant`` as of ``file_text``.

    Raises ``LehrError`` where the file cannot be read, or is no table.
    """
    return csv_columns(file_text(path, meant), path)


def csv_columns(text: str, path: Path) -> dict[str, Column]:
    """The cells of ``text`` under their headings; ``path`` names it in errors.

    Raises ``LehrError`` where it is no table.
    """
    first = text.partition("\n")[0]
    # the separator that the headings are most often separated by
    separator = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise LehrError(f"{path}: not CSV ({error})") from error
    if not rows:
        return {}
    headings = [heading.strip() for heading in rows[0]]
    if repeated := sorted({h for h in headings if h and headings.count(h) > 1}):
        raise LehrError(f"{path}: the heading {repeated[0]!r} stands over two columns; rename one")
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(headings):
            raise LehrError(f"{path}: row {number} has {len(row)} cells under {len(headings)} headings")
    return {h: [row[i].strip() or None for row in rows[1:]] for i, h in enumerate(headings) if h}
