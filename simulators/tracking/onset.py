"""Since when has a run left its forecast? The likeliest row, and the rows that are no less likely than chance explains.

An alarm is raised by the window that says most, which may begin long before what it tells, or after. So its beginning
is estimated anew. Rows that are healthy until row t and leave from there on are

    e = level + slope G + M c + b d(t) + noise,

as in ``contrasts``, with d(t) nothing before row t. By how much the logarithm of the likelihood is larger with the
best b than with none is half of g(t) = (d' V^-1 e)^2 / (d' V^-1 d); the likeliest t has the largest, and the rows
whose g is within the quantile of chi-squared with one degree of freedom of that are its interval (Feder 1975, Annals
of Statistics 3(1), for a line that bends: section 4). How a loss rises later says nothing of where it began, so that
no more rows are looked at than the first that make it sure; d is a line, a step or a parabola, of which the interval
holds all, and the row is that of the line unless another is likelier by more than chance explains.

Rows that rise by b a row, of a noise s, have their beginning told by m of them with a standard deviation of 2 s / (b
sqrt(m)): that of where a line through them meets the level before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.contrasts import SLOPE, TURNS, Modes
from lehr.simulators.tracking.rules import LEVELS, Alarm

BACK = 0.5
"""Of what a spike is above the row before, the part that the row after it may stay up by."""
LAST = 10
"""Rows whose mean says whether a run is back where it was."""
SHORT, SHARP = 4, 3.0
"""Rows, fewer than that, above half of the highest, which is so many times what follows within the alarm: a spike."""
BEFORE, FEWEST = 60, 4
"""Rows before an alarm that are looked at, and before the earliest beginning, at least."""
MOST = 200
"""Rows or blocks of rows from an alarm's first on that are looked at; of more, means are taken."""
SURE = 64.0
"""The gain from which on no later row is looked at: eight standard errors."""
CHI_SQUARED = 3.841
"""The 95 % quantile of chi-squared with one degree of freedom."""
NOISE_ROWS, LEAST_NOISE_ROWS = 200, 12
"""Rows before an alarm that say how far rows scatter, and without how many all of the run do."""


class Onset(msgspec.Struct, frozen=True):
    """The likeliest ``row`` of a beginning, and the ``first`` and ``last`` that it may be, at 95 %."""

    row: int
    first: int
    last: int


class Run(msgspec.Struct, frozen=True, eq=False):
    """A run's residuals ``e``, log of the ``forecast``, what its rates have ``turned`` of that (rows,), the law's
    ``modes`` for one deviation [log loss], which rows are no spikes (``kept``), and the least that rows scatter by."""

    e: Floats
    forecast: Floats
    turned: Floats
    modes: Modes
    kept: NDArray[np.bool_]
    floor: float = 0.0


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
            level[-1] = msgspec.structs.replace(level[-1], last=one.first - 1)
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
    ]
    return sorted([*level, *others], key=lambda a: (a.first, a.kind))


def _is_back(run: Run, before: Alarm, then: Alarm) -> bool:
    """Is the run after ``then`` where it was before ``before``, to half of what that was off by?"""
    rows = np.flatnonzero(run.kept)
    old, new = rows[rows < before.first][-BEFORE:], rows[(rows >= then.first) & (rows <= then.last)][-LAST:]
    if not len(old) or not len(new):
        return False
    return abs(float(run.e[new].mean() - run.e[old].mean())) < BACK * abs(before.size)


def _named(run: Run, alarm: Alarm) -> Alarm:
    """The alarm by what all of its rows show: a plateau that is rather a step is a shift, whose mean is told; what rose
    for a few rows alone is a spike."""
    rows = np.flatnonzero(run.kept)
    here = int(np.searchsorted(rows, alarm.first))
    before, within = rows[max(here - BEFORE, 0) : here], rows[here : int(np.searchsorted(rows, alarm.last, "right"))]
    if len(before) < FEWEST or not len(within):
        return alarm
    off = run.e[within] - float(run.e[before].mean())
    if alarm.size > 0 and alarm.last < len(run.e) - LAST:
        high = int(np.flatnonzero(off > BACK * off.max())[-1])
        rest = off[high + 1 :]
        if high < SHORT and len(rest) and off.max() > SHARP * abs(float(np.median(rest))):
            return msgspec.structs.replace(alarm, kind="spike", last=int(within[high]), size=float(off.max()))
    if alarm.kind == "plateau" and (step := _step(run, rows, here, len(within))) is not None:
        alarm = msgspec.structs.replace(alarm, kind="shift", first=step.row, began=(step.first, step.last))
    if alarm.kind == "shift":
        alarm = msgspec.structs.replace(alarm, size=_moved(run, alarm.first, alarm.last))
    return alarm


def _step(run: Run, rows: NDArray[np.int_], first: int, count: int) -> Onset | None:
    """Where the loss went up by a step about the ``first`` of ``count`` of the ``rows``, if that is likelier by all of
    them than that it began to stand still; else ``None``."""
    begin = max(first - BEFORE, 0)
    those = rows[begin : first + min(count, MOST)]
    calm = rows[max(first - NOISE_ROWS, 0) : first] if first >= LEAST_NOISE_ROWS else rows
    x = run.forecast[those] - run.forecast[those[0]]
    turned = run.turned[those] - run.turned[those[0]]
    modes = np.asarray(run.modes[those])
    apart = np.column_stack([np.ones(len(x)), SLOPE * (x - turned), TURNS * turned, modes - modes[0]])
    square = max(_scatter(run.e[calm]), run.floor, 1e-9) ** 2
    still, step = (_gains(run.e[those] - run.e[those[0]], d, apart, square) for d in _ways(x, still=True))
    if step.max() < still.max() + CHI_SQUARED:
        return None
    near = those[step >= step.max() - CHI_SQUARED]
    return Onset(int(those[np.argmax(step)]), int(near[0]), int(near[-1]))


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


def _moved(run: Run, first: int, last: int) -> float:
    """By how much the level of rows ``first`` to ``last`` lies off that of the rows before [log loss]."""
    rows = np.flatnonzero(run.kept)
    before, within = rows[rows < first][-BEFORE:], rows[(rows >= first) & (rows <= last)]
    return float(run.e[within].mean() - run.e[before].mean()) if len(before) and len(within) else 0.0


def onset(run: Run, first: int, last: int, *, still: bool = False) -> Onset:
    """Where what an alarm from row ``first`` to ``last`` tells has begun: a step or a rise, or a loss that stands
    ``still`` against its forecast.

    >>> rows = np.arange(300.0)
    >>> e = 0.003 * np.random.default_rng(0).standard_normal(300) + 0.004 * np.maximum(rows - 250, 0)
    >>> run = Run(e, -1e-4 * rows, 0 * rows, np.zeros((300, 1)), np.ones(300, bool))
    >>> onset(run, 217, 299)
    Onset(row=251, first=247, last=252)
    """
    rows = np.flatnonzero(run.kept)
    low, high = (int(np.searchsorted(rows, row)) for row in (first, last))
    calm = rows[max(low - NOISE_ROWS, 0) : low] if low >= LEAST_NOISE_ROWS else rows
    noise = max(_scatter(run.e[calm]), run.floor, 1e-9)
    found, length = Onset(first, first, first), len(rows) + 1
    while low < len(rows):
        finer = max(-(-(high - low + 1) // MOST), 1)
        if finer >= length:
            break
        length = finer
        begin = max(low - BEFORE * length, 0)
        blocks = (min(high, len(rows) - 1) + 1 - begin) // length
        if blocks < FEWEST + 2:
            break
        those = rows[begin : begin + blocks * length]
        told = _told(run, those, length, max((low - begin) // length, FEWEST), noise, still=still)
        if told is None:
            break
        at, least, most, end = (begin + length * v for v in told)
        found = Onset(int(rows[at]), int(rows[least]), int(rows[min(most + length - 1, len(rows) - 1)]))
        low, high = least, min(end + length, len(rows)) - 1
    return found


def _scatter(e: Floats) -> float:
    """The standard deviation of a row, by second differences; those of rows that rise are few."""
    return 1.4826 * float(np.median(np.abs(np.diff(e, n=2)))) / sqrt(6) if len(e) > 2 else 0.0


def _told(
    run: Run, rows: NDArray[np.int_], length: int, since: int, noise: float, *, still: bool
) -> tuple[int, int, int, int] | None:
    """Of means of ``length`` ``rows`` each the likeliest, the first and the last where it may have begun, and the last
    that was looked at, the alarm being raised at mean ``since``; ``None`` where none begins."""

    def means(values: Floats) -> Floats:
        return np.asarray((values[rows] - values[rows[0]]).reshape(-1, length).mean(axis=1))

    y, x, turned = means(run.e), means(run.forecast), means(run.turned)
    modes = np.asarray(run.modes[rows[length // 2 :: length]])
    apart = np.column_stack([np.ones(len(y)), SLOPE * (x - turned), TURNS * turned, modes - modes[0]])
    square = noise**2 / length
    told = None
    for end in _ends(since, len(y)):
        ways = [_gains(y[:end], d, apart[:end], square) for d in _ways(x[:end], still)]
        most = float(np.max(ways))
        if most <= 0:
            continue
        # of ways that chance may have put before another the first: most divergences begin as a line does
        way = next(gains for gains in ways if gains.max() >= most - CHI_SQUARED)
        near = np.flatnonzero(np.max(ways, axis=0) >= most - CHI_SQUARED)
        told = int(np.argmax(way)), int(near[0]), int(near[-1]), end - 1
        if most >= SURE:
            break
    return told


def _ends(since: int, n: int) -> Iterator[int]:
    """Numbers of rows that are looked at, a tenth more each time."""
    more = 2
    while since + more < n:
        yield since + more
        more += max(more // 10, 1)
    yield n


def _ways(x: Floats, still: bool) -> list[Floats]:
    """What rows show that leave from each row on (rows, beginnings); the second is a step."""
    index = np.arange(len(x))
    since = index[:, None] - index + 1.0
    after = since > 0
    if still:
        before = x[np.maximum(index - 1, 0)]
        return [np.where(after, before - x[:, None], 0.0), after.astype(float)]
    return [np.where(after, since, 0.0), after.astype(float), np.where(after, since, 0.0) ** 2]


def _gains(y: Floats, d: Floats, apart: Floats, square: float) -> Floats:
    """Twice the gain of the log of the likelihood with each beginning (beginnings,); 0 of a share below zero."""
    inner = apart.T @ apart + square * np.eye(apart.shape[1])
    weight = (d - apart @ np.linalg.solve(inner, apart.T @ d)) / square
    known = np.sum(d * weight, axis=0)
    share = weight.T @ y
    good = (share > 0) & (known > 0) & (np.arange(len(y)) >= FEWEST)
    return np.where(good, share**2 / np.maximum(known, 1e-300), 0.0)
