"""How alarms go on: until when, under what name, and what of a run has the level that it has now.

A window raises what is new to the rows before it, and is silent once these are new too. So what an alarm told of the
level goes on until the run is back where it was before, is named by what all of its rows show, and what follows from it
is no alarm of its own.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.onset import BEFORE, FEWEST, Run, onset, stepped
from lehr.simulators.tracking.rules import LEVELS, Alarm

BACK = 0.5
"""Of what a spike is above the row before, the part that the row after it may stay up by."""
LAST = 10
"""Rows whose mean says whether a run is back where it was."""
MOST_STEP = 0.1
"""By how much a loss may rise at once and still follow the forecast [log loss]; by more the network is lost."""
TWO_SIDED = 1.96
"""Standard errors within which a slope lies at 95 %."""
SHORT, SHARP = 4, 3.0
"""Rows, fewer than that, above half of the highest, which is so many times what follows within the alarm: a spike."""


def stays(found: list[Alarm], e: Floats) -> NDArray[np.bool_]:
    """Which rows of residuals ``e`` (rows,) are losses, and no spikes after which the run is back where it was.

    >>> found = [Alarm(kind="spike", first=2, last=2, size=0.3), Alarm(kind="spike", first=4, last=4, size=0.1)]
    >>> stays(found, np.array([0.0, 0.0, 0.3, 0.0, 0.1, 0.2])).tolist()
    [True, True, False, True, True, True]
    """
    kept = np.isfinite(e)
    for alarm in found:
        if alarm.kind == "spike" and alarm.first and alarm.last + 1 < len(e):
            up = e[[alarm.first - 1, alarm.last + 1]]
            kept[alarm.first : alarm.last + 1] &= not up[1] - up[0] < BACK * alarm.size
    return kept


def dated(found: list[Alarm], run: Run) -> list[Alarm]:
    """The alarms, those of a level with the row where it has begun, one where several have begun together, none where a
    run comes back; of a shift the mean is told. One that raises no more rows goes on until the run is back where it was
    before. Spikes within a divergence or such a return are rows of it."""
    level: list[Alarm] = []
    back: list[tuple[int, int]] = []
    for alarm in (a for a in found if a.kind in LEVELS):
        one = alarm
        loss = run.e[alarm.first : alarm.last + 1] + run.forecast[alarm.first : alarm.last + 1]
        # one loss over and over again, or none, begins where it stands
        if np.isfinite(alarm.size) and np.ptp(loss) > 0:
            up = run if alarm.size > 0 else msgspec.structs.replace(run, e=-run.e)
            at = onset(up, alarm.first, alarm.last, still=alarm.kind == "plateau")
            one = msgspec.structs.replace(alarm, first=at.row, last=max(alarm.last, at.row), began=(at.first, at.last))
        if level and one.first <= level[-1].last and one.size * level[-1].size > 0:
            before = level.pop()
            one = msgspec.structs.replace(one, first=before.first, began=before.began, last=max(one.last, before.last))
        if level and one.size * level[-1].size < 0 and _is_back(run, level[-1], one):
            # what has passed is no second alarm
            back.append((one.first, one.last))
            level[-1] = msgspec.structs.replace(level[-1], last=max(one.first - 1, level[-1].first))
            continue
        level.append(one)
    lasting = _lasting(run, level)
    level = [_named(run, one) if np.isfinite(one.size) else one for one in lasting]
    # spikes of a rise or a return, and in the first rows of a plateau or shift, are no alarms of their own
    short = [
        a.first + SHORT - 1 if b.kind in ("shift", "plateau") else a.last for a, b in zip(lasting, level, strict=True)
    ]
    rises = [*back, *((min(a.first, b.first), last) for a, b, last in zip(lasting, level, short, strict=True))]
    others = [
        a
        for a in found
        if a.kind not in LEVELS
        and not (a.kind == "spike" and any(first <= a.first and a.last <= last for first, last in rises))
        and not (a.kind == "spike" and any(_is_of(run, a, one) for one in level))
    ]
    return sorted([*level, *others], key=lambda a: (a.first, a.kind))


def _is_of(run: Run, spike: Alarm, shift: Alarm) -> bool:
    """Has a spike the level of the shift about it, to half of that, beside which the rows before the shift lie low?"""
    if shift.kind != "shift" or shift.size <= 0 or not shift.first <= spike.first <= shift.last:
        return False
    here, level = run.e[spike.first : spike.last + 1], run.e[shift.first : shift.last + 1]
    return float(here.max() - np.median(level)) < BACK * shift.size


def _is_back(run: Run, before: Alarm, then: Alarm) -> bool:
    """Is the run after ``then`` where it was before ``before``, to half of what that was off by?"""
    rows = np.flatnonzero(run.kept)
    old, new = rows[rows < before.first][-BEFORE:], rows[(rows >= then.first) & (rows <= then.last)][-LAST:]
    if not len(old) or not len(new):
        return False
    return abs(float(run.e[new].mean() - run.e[old].mean())) < BACK * abs(before.size)


def _lasting(run: Run, level: list[Alarm]) -> list[Alarm]:
    """The alarms of a level, each until the run is back where it was before; a shift that only goes on is one."""
    out: list[Alarm] = []
    for one in level:
        before = out[-1] if out else None
        goes_on = before is not None and before.kind == one.kind == "shift" and before.size * one.size > 0
        if before is not None and goes_on and _lasts(run, before, one.first):
            out[-1] = msgspec.structs.replace(before, last=one.last)
        else:
            out.append(one)
    if out and np.isfinite(out[-1].size) and _lasts(run, out[-1], len(run.e)):
        out[-1] = msgspec.structs.replace(out[-1], last=len(run.e) - 1)
    return out


def _lasts(run: Run, alarm: Alarm, until: int) -> bool:
    """Have the last rows before row ``until`` the level that ``alarm`` told, to half of it, beside those before it?"""
    rows = np.flatnonzero(run.kept[:until])
    old, new = rows[rows < alarm.first][-BEFORE:], rows[rows >= alarm.first][-LAST:]
    if not len(old) or not len(new):
        return False
    off = float(run.e[new].mean() - run.e[old].mean())
    return off * alarm.size > 0 and abs(off) >= BACK * abs(alarm.size)


def _named(run: Run, alarm: Alarm) -> Alarm:
    """The alarm by what all of its rows show: a plateau that is rather a step is a shift, whose mean is told, and so is
    a divergence that rose once; what rose for a few rows alone is a spike."""
    rows = np.flatnonzero(run.kept)
    here = int(np.searchsorted(rows, alarm.first))
    before, within = rows[max(here - BEFORE, 0) : here], rows[here : int(np.searchsorted(rows, alarm.last, "right"))]
    if len(before) < FEWEST or not len(within):
        return alarm
    off = run.e[within] - float(run.e[before].mean())
    # an alarm beside the forecast need not lie above the rows before it
    if alarm.size > 0 and off.max() > 0 and alarm.last < len(run.e) - LAST:
        high = int(np.flatnonzero(off > BACK * off.max())[-1])
        rest = off[high + 1 :]
        if high < SHORT and len(rest) and off.max() > SHARP * abs(float(np.median(rest))):
            return msgspec.structs.replace(alarm, kind="spike", last=int(within[high]), size=float(off.max()))
    if alarm.kind == "divergence" and _stays_up(run.e[within], float(off.mean())):
        alarm = msgspec.structs.replace(alarm, kind="shift")
    if alarm.kind == "plateau" and (step := stepped(run, rows, here, len(within))) is not None:
        alarm = msgspec.structs.replace(alarm, kind="shift", first=step.row, began=(step.first, step.last))
    if alarm.kind == "shift":
        alarm = msgspec.structs.replace(alarm, size=_moved(run, alarm.first, alarm.last))
    return alarm


def _stays_up(e: Floats, step: float) -> bool:
    """Do rows that have risen by ``step`` rise no further, to less than half of it at 95 %?

    >>> noise = 1e-3 * np.sin(np.arange(40.0) ** 2)
    >>> _stays_up(0.015 + noise, 0.015), _stays_up(1e-3 * np.arange(40.0) + noise, 0.02), _stays_up(0.3 + noise, 0.3)
    (True, False, False)
    """
    if len(e) < LAST or not 0 < step < MOST_STEP:
        return False
    at = np.arange(len(e)) - (len(e) - 1) / 2
    slope = float(at @ e) / float(at @ at)
    left = e - e.mean() - slope * at
    error = sqrt(float(left @ left) / (len(e) - 2) / float(at @ at))
    return (slope + TWO_SIDED * error) * len(e) < BACK * step


def _moved(run: Run, first: int, last: int) -> float:
    """By how much the level of rows ``first`` to ``last`` lies off that of the rows before [log loss]."""
    rows = np.flatnonzero(run.kept)
    before, within = rows[rows < first][-BEFORE:], rows[(rows >= first) & (rows <= last)]
    return float(run.e[within].mean() - run.e[before].mean()) if len(before) and len(within) else 0.0


def without_consequences(found: list[Alarm], last: int) -> list[Alarm]:
    """The alarms without drifts that a plateau or divergence before them, or a shift of the same size, explains which
    lasts to row ``last``, and without spikes that are what a larger one leaves in the rows after it.

    >>> shift = Alarm(kind="shift", first=20, last=99, size=0.02)
    >>> drift = Alarm(kind="drift", first=60, last=99, size=0.022)
    >>> [alarm.kind for alarm in without_consequences([shift, drift], 99)]
    ['shift']
    """

    def explains(one: Alarm, drift: Alarm) -> bool:
        if one.kind not in LEVELS or one.last != last or one.first > drift.first or one.size * drift.size <= 0:
            return False
        return one.kind != "shift" or abs(drift.size - one.size) <= BACK * abs(one.size)

    def leaves(one: Alarm, spike: Alarm) -> bool:
        return one.kind == "spike" and one.size > spike.size and 0 <= spike.first - one.last <= SHORT

    return [
        a
        for a in found
        if not (a.kind == "drift" and any(explains(one, a) for one in found))
        and not (a.kind == "spike" and any(leaves(one, a) for one in found))
    ]


def of_now(found: list[Alarm], e: Floats) -> NDArray[np.bool_]:
    """Which rows of residuals ``e`` (rows,) are healthy and have the level of the last ones.

    No row of a spike, divergence or plateau is; the others are parted where an alarm of the level that is over begins
    and ends, and a part counts whose mean is off by less than half of the least of these alarms.

    >>> e = np.repeat([0.0, -0.02, 0.0], 20)
    >>> np.flatnonzero(~of_now([Alarm(kind="shift", first=20, last=39, size=-0.02)], e)).tolist() == list(range(20, 40))
    True
    """
    kept = np.isfinite(e)
    for alarm in found:
        if alarm.kind in ("spike", "divergence", "plateau"):
            kept[alarm.first : alarm.last + 1] = False
    over = [a for a in found if a.kind in LEVELS and np.isfinite(a.size) and a.last < len(e) - LAST]
    if not over:
        return kept
    cuts = sorted({0, len(e), *(a.first for a in over), *(a.last + 1 for a in over)})
    now = e[cuts[-2] :][kept[cuts[-2] :]]
    if not len(now):
        return kept
    for begin, end in pairwise(cuts[:-1]):
        part = e[begin:end][kept[begin:end]]
        if len(part) and abs(float(part.mean() - now.mean())) > BACK * min(abs(a.size) for a in over):
            kept[begin:end] = False
    return kept
