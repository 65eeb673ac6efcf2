"""The step of each row of a log: which column has it, and what its cells say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lehr.recipes.errors import LehrError
from lehr.recipes.reading.cells import NOTHING, number
from lehr.recipes.reading.headings import STEP, find, find_loss, find_tokens, nearest_heading, plainly

MOST_DIGITS = 15
"""Of a step; a longer number is no step, and no float holds it."""
CALLS = "_step"
"""W&B's own column, which counts calls of its log(), those of evaluations too."""
UPDATES = ("step", "train/global_step", "trainer/global_step", "global_step")
"""Columns that count updates, which are read before W&B's own."""
IN_ROWS = 0.9
"""Of the rows with a loss, that a column of the steps has a number in."""
_OF_MANY = re.compile(r"\s*(\d[\d,]*)\s*/\s*\d[\d,]*\s*$")


def step_column(rows: Sequence[Mapping[str, Any]], headings: Sequence[str], notes: list[str]) -> str | None:
    """The heading of the steps, ``None`` without one; where W&B's own column stands beside it, which was read is noted.

    >>> notes = []
    >>> rows = [{"_step": 0, "train/global_step": 100, "loss": 4.1}, {"_step": 2, "train/global_step": 200, "loss": 4}]
    >>> step_column(rows, list(rows[0]), notes)
    'train/global_step'
    >>> notes
    ["steps from 'train/global_step', not from '_step'; columns={step: <heading>} says otherwise"]
    >>> step_column([{**row, "train/global_step": None} for row in rows], list(rows[0]), [])
    '_step'
    """
    calls = next((h for h in headings if h.strip().lower() == CALLS), None)
    if calls is None:
        return find(STEP, headings)
    plain = {plainly(h): h for h in reversed(headings) if h != calls}
    behind = find(["global_step"], [h for h in headings if h != calls])
    updates = [h for h in (*(plain.get(name) for name in UPDATES), behind) if h is not None]
    loss = find_loss(headings)
    of_loss = [row for row in rows if loss is not None and number(row.get(loss)) is not None]
    for heading in updates:
        if sum(number(row.get(heading)) is not None for row in of_loss) >= IN_ROWS * len(of_loss):
            notes.append(f"steps from {heading!r}, not from {calls!r}; columns={{step: <heading>}} says otherwise")
            return heading
    if updates:
        notes.append(f"steps from {calls!r}, as rows of the loss have no {updates[0]!r}: it counts calls of log()")
    return calls


def steps_of(
    rows: Sequence[Mapping[str, Any]], heading: str, path: Path, notes: list[str], lenient: bool
) -> list[int | None]:
    """The step of each row: 10, 1,000 or 10/2000; ``None`` of a row without one.

    Raises ``LehrError`` for a step that is no whole number of at least 0, and one that is no number at all beside
    numbers, of which a ``lenient`` look passes the row over and notes it.
    """
    out: list[int | None] = []
    bad = 0
    for i, row in enumerate(rows, start=1):
        cell = row.get(heading)
        of_many = _OF_MANY.match(cell) if isinstance(cell, str) else None
        at = number(of_many[1] if of_many else cell)
        said = "" if cell is None else str(cell).strip()
        if at is None and said.lower() not in NOTHING and any(number(v) is not None for v in row.values()):
            if not lenient:
                raise LehrError(f"{path}: row {i}: {heading} is {said!r}, which is no number; write 1300 or 1,300")
            bad += 1
        if at is None:
            out.append(None)
            continue
        if not math.isfinite(at) or at != int(at) or at < 0 or at >= 10**MOST_DIGITS:
            raise LehrError(f"{path}: row {i}: {heading} is {at:g}; write whole numbers of at least 0")
        out.append(int(at))
    if bad:
        notes.append(f"{'1 line' if bad == 1 else f'{bad:,} lines'} whose {heading} is no number passed over")
    return out


def without_steps(headings: Sequence[str], step: str | None) -> str:
    """That ``headings`` have no column of the steps, or none called ``step``, and what to write."""
    if step is None and (tokens := find_tokens(headings)) is not None:
        return f"no column of the steps; {tokens[0]!r} counts tokens: write batch_tokens=<tokens of a step>"
    what = f"no column is called {step!r}" if step is not None else "no column of the steps"
    return f"{what}; {nearest_heading(step or 'step', headings)}: write columns={{step: <heading>}}"
