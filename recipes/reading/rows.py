"""The rows of a log that may still be written."""

from __future__ import annotations

from pathlib import Path

from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.reading import open_log
from lehr.recipes.reading.headings import LOSS, find, nearest_heading
from lehr.recipes.reading.runs import RESTART
from lehr.simulators.tracking import Rows, in_order

MOST_RESTARTS = 10
"""Of a job that fails again and again before it has written many rows."""


def read_rows(path: Path, columns: dict[str, str], run: str | None = None) -> tuple[Rows, list[str]]:
    """The steps and losses of a log, restarts and repeats resolved, and what was passed over, in words.

    A loss that is no number is kept: it is what a divergence looks like. Raises ``LehrError`` where the file cannot be
    read, has no loss or no order, or has several runs of which none is named.
    """
    for role in columns:
        if role not in ("step", "loss"):
            raise LehrError(f"columns.{role}: unknown; {nearest(role, ('step', 'loss'))}")
    log = open_log(path, columns.get("step"))
    wanted = columns.get("loss")
    runs = {n: s for n, s in log.runs.items() if run in (None, n) and (wanted in s if wanted else find(LOSS, s))}
    if not runs:
        if run is not None and run not in log.runs:
            raise LehrError(f"run: {path} has no run {run!r}; {nearest(run, log.runs)}")
        headings = [h for s in log.runs.values() for h in s]
        hint = nearest_heading(wanted or "loss", headings)
        raise LehrError(f"{path}: no column of the loss; {hint}: write columns={{loss: <heading>}}")
    if len(runs) > 1:
        raise LehrError(f"{path}: has {len(runs)} runs; write run=<one of {', '.join(list(runs)[:6])}>")
    (series,) = runs.values()
    loss = series[wanted or find(LOSS, series) or ""]
    rows = in_order(loss.steps, loss.values)
    if len(rows.restarts) > max(MOST_RESTARTS, len(loss.steps) // RESTART):
        raise LehrError(f"{path}: its steps go back {len(rows.restarts)} times in {len(loss.steps):,} rows; sort them")
    return rows, log.notes
