"""The rows of a log that may still be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.reading import open_log
from lehr.recipes.reading.headings import (
    BATCH,
    EPOCH,
    GRADIENT,
    HELD_OUT,
    LOSS,
    MAY_BE_LOSS,
    RATE,
    SCALE,
    find,
    loss_hint,
    one_role_each,
)
from lehr.recipes.reading.long import joined, role_of
from lehr.recipes.reading.runs import RESTART
from lehr.recipes.reading.series import Series
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import Rows, in_order
from lehr.simulators.tracking.causes import Beside, Columns

MOST_RESTARTS = 10
"""Of a job that fails again and again before it has written many rows."""


class LogRows(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The rows of a run, and the steps and learning rates that its log has, ``None`` without a column of them;
    ``columns`` are others that may say why a loss goes wrong; ``taken`` are the headings of all of these;
    ``rate_units`` are what one of the last printed digit is of each rate, where the text says so."""

    rows: Rows
    rates: tuple[NDArray[np.int_], Floats] | None
    notes: list[str]
    columns: Columns = {}
    taken: tuple[str | None, ...] = ()
    rate_units: Floats | None = None


def read_rows(
    path: Path | Sequence[Path],
    columns: dict[str, str],
    run: str | None = None,
    *,
    row_steps: int | None = None,
    batch_tokens: float | None = None,
    lenient: bool = False,
) -> LogRows:
    """The steps, losses and learning rates of a log, restarts and repeats resolved, and what was passed over.

    A loss that is no number is kept: it is what a divergence looks like. ``path`` may be two files, one of the loss
    and one of the rate, or these joined by a plus. With ``lenient`` lines that are no rows are passed over. Raises
    ``LehrError`` where a file cannot be read, has no loss or no order, or has several runs of which none is named.
    """
    for role in columns:
        if role not in ("step", "loss", "rate"):
            raise LehrError(f"columns.{role}: unknown; {nearest(role, ('step', 'loss', 'rate'))}")
    one_role_each(columns)
    for name, value in (("row_steps", row_steps), ("batch_tokens", batch_tokens)):
        if value is not None and not value > 0:
            raise LehrError(f"{name}: {value} is not above 0; write how many there are, such as 100")
    if isinstance(path, Path):
        paths = [path] if path.exists() else [Path(part) for part in str(path).split("+")]
    else:
        paths, path = list(path), Path("+".join(map(str, path)))
    logs = [
        open_log(p, columns.get("step"), row_steps=row_steps, batch_tokens=batch_tokens, lenient=lenient) for p in paths
    ]
    notes = [note for log in logs for note in log.notes]
    found = [(name, series) for log in logs for name, series in log.runs.items()]
    runs = dict(joined(found, notes) if len({n for n, _ in found}) == len(found) else found)
    known, wanted = dict(runs), columns.get("loss")
    # a validation run beside a training run is not the one
    own = LOSS if any(find(LOSS, s) for s in runs.values()) else HELD_OUT
    runs = {n: s for n, s in runs.items() if run in (None, n) and (wanted in s if wanted else find(own, s))}
    if not runs:
        if run is not None and run not in known:
            raise LehrError(f"run: {path} has no run {run!r}; {nearest(run, known)}")
        headings = [h for s in known.values() for h in s]
        unnamed = any(MAY_BE_LOSS.search(h.casefold()) for h in headings)
        if wanted is None and not unnamed and all(role_of(s) == "rate" for s in known.values()):
            raise LehrError(f"{path}: has the learning rate and no loss; write log=[<log of the loss>,{path}]")
        raise LehrError(f"{path}: no column of the loss; {loss_hint(headings, wanted)}")
    if len(runs) > 1:
        raise LehrError(f"{path}: has {len(runs)} runs; write run=<one of {', '.join(list(runs)[:6])}>")
    (series,) = runs.values()
    heading = wanted or find(own, series) or ""
    loss = series[heading]
    rows = in_order(loss.steps, loss.values, _units(loss))
    rates, rate_units = _rates(series, columns.get("rate"), path)
    if len(rows.restarts) > max(MOST_RESTARTS, len(loss.steps) // RESTART):
        raise LehrError(f"{path}: its steps go back {len(rows.restarts)} times in {len(loss.steps):,} rows; sort them")
    found_beside = {role: h for role, names in BESIDE.items() if (h := find(names, series)) is not None}
    return LogRows(
        rows=rows,
        rates=rates,
        rate_units=rate_units,
        notes=notes,
        columns={role: _in_order(series[h]) for role, h in found_beside.items()},
        taken=(heading, columns.get("rate") or find(RATE, series), *found_beside.values()),
    )


BESIDE: dict[Beside, tuple[str, ...]] = {"gradient": GRADIENT, "scale": SCALE, "batch": BATCH, "epoch": EPOCH}
"""The headings of columns that may say why a loss goes wrong."""


def _in_order(series: Series) -> tuple[NDArray[np.int_], Floats]:
    """Steps and values, of a step that stands twice the last."""
    rows = in_order(series.steps, series.values)
    return rows.steps, rows.losses


def after(earlier: LogRows, later: LogRows) -> LogRows:
    """Two logs of one run, the ``later`` one written when the other had been cut or moved away: its rows count where
    both have a step."""
    rows = in_order(
        np.concatenate([earlier.rows.steps, later.rows.steps]),
        np.concatenate([earlier.rows.losses, later.rows.losses]),
        _both(earlier.rows.units, later.rows.units),
    )
    both = [r for r in (earlier.rates, later.rates) if r is not None]
    units = _both(earlier.rate_units, later.rate_units)
    steps, values = (np.concatenate([r[i] for r in both]) if both else None for i in (0, 1))
    rates = None if steps is None or values is None else in_order(steps, values, units)
    kept = f"the log was cut or replaced: {len(earlier.rows):,} rows that stood in it before are kept"
    return LogRows(
        rows=rows,
        rates=None if rates is None else (rates.steps, rates.losses),
        rate_units=None if rates is None else rates.units,
        notes=[*later.notes, *([kept] if kept not in later.notes else [])],
        columns=later.columns,
    )


def _both(earlier: Floats | None, later: Floats | None) -> Floats | None:
    return None if earlier is None or later is None else np.concatenate([earlier, later])


def _units(series: Series) -> Floats | None:
    return None if series.units is None else np.asarray(series.units, dtype=float)


def _rates(
    series: Mapping[str, Series], wanted: str | None, path: Path
) -> tuple[tuple[NDArray[np.int_], Floats] | None, Floats | None]:
    """Steps and learning rates, in the order of the last time that each step was written, and their last digits."""
    heading = wanted or find(RATE, series)
    if heading is None:
        return None, None
    if heading not in series:
        raise LehrError(f"{path}: columns.rate: no column of numbers is called {heading!r}; {nearest(heading, series)}")
    rows = in_order(series[heading].steps, series[heading].values, _units(series[heading]))
    return (rows.steps, rows.losses), rows.units


def paired(paths: Sequence[Path], columns: Mapping[str, str]) -> list[list[Path]]:
    """The files of each run: one each; of files with a loss alone and as many with a rate alone, two each. One that
    cannot be read is a run of its own."""
    if len(paths) < 2 or "loss" in columns:
        return [[path] for path in paths]
    roles = {p: _roles(p, columns.get("step")) for p in paths}
    losses, rates = ([p for p in paths if roles[p] == {role}] for role in ("loss", "rate"))
    if not rates or len(losses) != len(rates):
        return [[path] for path in paths]
    beside = dict(zip(losses, rates, strict=True))
    return [[path, beside[path]] if path in beside else [path] for path in paths if path not in rates]


def _roles(path: Path, step: str | None) -> set[str | None]:
    """What the runs of a log are of, where they are of one thing; nothing of a log that cannot be read."""
    try:
        return {role_of(series) for series in open_log(path, step).runs.values()}
    except LehrError:
        # it is told where it is looked at
        return set()
