"""A log that grows: what was read of it stays, and each time only the lines that it has more are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.recipes.errors import LehrError
from lehr.recipes.reading.logs import JSON_SUFFIXES, TABLE_SUFFIXES
from lehr.recipes.reading.rows import LogRows
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import in_order
from lehr.simulators.tracking.digits import units_like

SAME = 4096
"""Bytes at the beginning of a log, and before where it was read to, that are as they were, or all is read again."""
CUT = "the last line is half written and was passed over"
HALF = "the last line"
"""What a note of a line begins with that was not whole yet."""

Read = Callable[[Path], LogRows]
"""What reads the rows of a log."""
Column = tuple[NDArray[np.int_], Floats]
"""Steps and values."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What was read of a log: its ``rows`` ``until`` this byte, the line that must stand ``before`` more lines so that
    they can be read, and some of the bytes that were there."""

    rows: LogRows
    until: int
    before: bytes
    marks: tuple[bytes, bytes]


class Tail(msgspec.Struct, kw_only=True, eq=False):
    """The log at ``path``, read by ``read``.

    Only tables and JSON lines are read on. A document is read whole each time, and so is a log about which there is
    anything to note, or whose new lines are no plain rows after those before: a restart, other columns.
    """

    path: Path
    read: Read
    kept: Kept | None = None

    def now(self) -> LogRows:
        """The rows of the log as it is now. Raises what ``read`` raises."""
        if (more := self._more()) is not None:
            return more
        lines = self.path.suffix.lower() in (*TABLE_SUFFIXES, *JSON_SUFFIXES[1:]) and self.path.is_file()
        # before the rows are read: what is written meanwhile is read again
        until = _whole_lines(self.path) if lines else 0
        rows = self.read(self.path)
        plain = until and len(rows.rows) and all(note.startswith(HALF) for note in rows.notes)
        self.kept = self._kept(rows, until) if plain else None
        return rows

    def _kept(self, rows: LogRows, until: int) -> Kept:
        """``rows``, which were read from the bytes before ``until``."""
        first, last = _marks(self.path, until)
        table = self.path.suffix.lower() in TABLE_SUFFIXES
        # one line alone might be a document
        before = first[: first.find(b"\n") + 1] if table else last[last[:-1].rfind(b"\n") + 1 :]
        return Kept(rows=rows, until=until, before=before, marks=(first, last))

    def _more(self) -> LogRows | None:
        """The rows that were kept and those of the new lines; ``None`` where all must be read."""
        kept = self.kept
        if kept is None or not kept.before or _marks(self.path, kept.until) != kept.marks:
            return None
        with self.path.open("rb") as file:
            file.seek(kept.until)
            new = file.read()
        whole = new.rfind(b"\n") + 1
        half = [CUT] if whole < len(new) else []
        if not whole:
            return msgspec.structs.replace(kept.rows, notes=half)
        try:
            with TemporaryDirectory() as folder:
                part = Path(folder) / self.path.name
                part.write_bytes(kept.before + new[:whole])
                later = self.read(part)
        except LehrError:
            # of a mistake the whole log says more
            return None
        rows = _joined(kept.rows, later)
        if rows is None:
            return None
        self.kept = self._kept(rows, kept.until + whole)
        return msgspec.structs.replace(rows, notes=half)


def _whole_lines(path: Path) -> int:
    """The bytes of ``path`` up to the end of its last whole line, 0 where that is long."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(end - SAME, 0))
        last = file.read().rfind(b"\n") + 1
    return max(end - SAME, 0) + last if last else 0


def _marks(path: Path, until: int) -> tuple[bytes, bytes]:
    """The first bytes of ``path``, and the last before ``until``."""
    with path.open("rb") as file:
        first = file.read(min(SAME, until))
        file.seek(max(until - SAME, 0))
        return first, file.read(min(SAME, until))


def _joined(earlier: LogRows, later: LogRows) -> LogRows | None:
    """The rows of a log, and those of its new lines, the first of which may stand in both; ``None`` where these are no
    plain rows after the others."""
    if later.notes or later.taken != earlier.taken or later.rows.restarts or later.rows.repeats:
        return None
    rows = _after((earlier.rows.steps, earlier.rows.losses), (later.rows.steps, later.rows.losses))
    rates = (earlier.rates, later.rates)
    both = None if rates[0] is None or rates[1] is None else _after(rates[0], rates[1])
    units = (earlier.rows.units, later.rows.units), (earlier.rate_units, later.rate_units)
    if any(one[0] is None and one[1] is not None for one in units):
        # what digits the log has is told by the new lines
        return None
    columns = {name: _after(earlier.columns[name], later.columns[name]) for name in earlier.columns}
    if rows is None or (both is None and rates != (None, None)) or None in columns.values():
        return None
    return LogRows(
        rows=msgspec.structs.replace(
            in_order(*rows, units_like(rows[1], earlier.rows.units)),
            restarts=earlier.rows.restarts,
            repeats=earlier.rows.repeats,
        ),
        rates=both,
        rate_units=None if both is None else units_like(both[1], earlier.rate_units),
        notes=[],
        columns={name: column for name, column in columns.items() if column is not None},
        taken=earlier.taken,
    )


def _after(earlier: Column, later: Column) -> Column | None:
    """Steps and values of both, of which one may stand in both; ``None`` where they lie among each other."""
    fresh = later[0] > earlier[0][-1]
    if np.count_nonzero(~fresh) > 1:
        return None
    return np.concatenate([earlier[0], later[0][fresh]]), np.concatenate([earlier[1], later[1][fresh]])
