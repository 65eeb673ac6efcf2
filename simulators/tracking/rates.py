"""The logged learning rate beside the planned one: where it leaves the plan, and what bug looks like that."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats

AGREES = 0.01
"""Rates differ where they are further apart than this share of the planned one and than a tenth of it of the peak, at
the step itself and at both of its neighbours: logs count updates from 0 or from 1."""
ALIKE = 0.9
"""Of the rows, that a known bug explains."""
FACTORS = (2, 3, 4, 8, 16, 32, 64, 128)
"""Steps of the scheduler for one update that are tried, and updates for one of its steps."""


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """From row ``row`` on, at ``step``, the log has ``logged`` where ``planned`` was planned; ``before`` is the last
    step that agrees, ``None`` where none does. ``cause`` says what bug looks like that; ``lasts`` whether the last row
    is off too."""

    row: int
    step: int
    before: int | None
    logged: float
    planned: float
    cause: str
    lasts: bool


def departure(planned: Floats, steps: NDArray[np.int_], logged: Floats) -> Departure | None:
    """Where the rates ``logged`` at ``steps`` (rows,) first leave ``planned`` (steps of the run,) for good or for long.

    >>> plan = 1e-3 * np.linspace(1.0, 0.0, 101)
    >>> found = departure(plan, np.arange(10, 100, 10), 2 * plan[10:100:10])
    >>> found.step, found.cause
    (10, 'the rate is 2 times the planned one throughout: another peak, or a scale for the batch or the devices')
    """
    n = len(planned)
    inside = (steps >= 0) & (steps <= n) & np.isfinite(logged)
    rows, at, rates = np.flatnonzero(inside), np.minimum(steps[inside], n - 1), logged[inside]
    off = ~_agree(planned, at, rates)
    # a single row may be one of another clock, two are not
    wrong = np.flatnonzero(off & np.append(off[1:], off[-1:])) if len(off) else np.zeros(0, int)
    if not len(wrong):
        return None
    first = int(wrong[0])
    before = int(at[first - 1]) if first else None
    return Departure(
        row=int(rows[first]),
        step=int(steps[rows[first]]),
        before=before,
        logged=float(rates[first]),
        planned=float(planned[at[first]]),
        cause=_cause(planned, at[first:], rates[first:], before),
        lasts=bool(off[-1]),
    )


def _agree(planned: Floats, at: NDArray[np.int_], rates: Floats) -> NDArray[np.bool_]:
    """Is each rate between those of the planned step and its neighbours, but for ``AGREES``?"""
    near = np.stack([planned[np.clip(at + shift, 0, len(planned) - 1)] for shift in (-1, 0, 1)])
    low, high = near.min(axis=0), near.max(axis=0)
    room = AGREES * np.maximum(high, 0.1 * float(planned.max()))
    return np.asarray((rates >= low - room) & (rates <= high + room))


def _cause(planned: Floats, at: NDArray[np.int_], rates: Floats, before: int | None) -> str:
    """The first of the known bugs whose rates are those of the log from its departure on."""
    for words, place in _places(planned, at, before):
        where = np.clip(np.round(place), 0, len(planned) - 1).astype(int)
        # beyond its end a schedule stays where it is
        if _agree(planned, where, rates).mean() >= ALIKE:
            return words
    there = planned[at]
    ratio = rates[there > 0] / there[there > 0]
    if len(ratio) and np.ptp(ratio) <= 4 * AGREES * float(np.median(ratio)) and np.ptp(there) > 0:
        return (
            f"the rate is {float(np.median(ratio)):.3g} times the planned one throughout: another peak, or a scale for "
            "the batch or the devices"
        )
    if np.ptp(rates) <= 2 * AGREES * float(rates.max()) and np.ptp(there) > AGREES * float(there.max()):
        return "the rate stands still where the plan changes it: the scheduler is not stepped, or was not restored"
    return "no known bug looks like that: another schedule, or one that was changed by hand"


def _places(planned: Floats, at: NDArray[np.int_], before: int | None) -> Iterator[tuple[str, Floats]]:
    """Known bugs in words, and the steps of the plan at which a log with each of them would be (rows,)."""
    steps = at.astype(float)
    if before is not None:
        between = np.arange(at[0], before, -max((int(at[0]) - before) // 60, 1))
        for resume in between.tolist():
            yield f"the schedule began again where the run was resumed, about step {resume:,}", steps - resume
        for resume in between.tolist():
            yield f"its position was counted twice when the run was resumed, about step {resume:,}", steps + resume
    for k in FACTORS:
        yield f"the scheduler steps {k} times an update (once a micro-batch, or once a device)", steps * k
        if before is None:
            yield f"the scheduler steps once in {k} updates (once an accumulation, or an epoch of them)", steps / k
    if np.ptp(planned[at]) == 0.0:
        return
    top = int(np.argmax(planned >= float(planned.max()) * (1 - 1e-9)))
    for shift in np.unique(np.round(np.linspace(-2 * max(top, 1), 2 * max(top, 1), 81))).tolist():
        if shift:
            way = "ahead" if shift > 0 else "behind"
            yield f"the schedule runs {abs(shift):,.0f} steps {way}: another warm-up", steps + shift
    for length in np.geomspace(0.2, 5.0, 161).tolist():
        if abs(length - 1) > AGREES:
            words = f"it is that of a run of {length * len(planned):,.0f} steps: another length, or tokens for steps"
            yield words, top + (steps - top) / length
