"""All rows of a log judged: what the rules say of each, put together as alarms."""

from __future__ import annotations

from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.contrasts import LEAST_RISE, Modes, contrasts
from lehr.simulators.tracking.rules import LEVELS, Alarm, Flags, Kind, Rules, flags_of
from lehr.simulators.tracking.tails import Tails, tails_of

CHUNK, CONTEXT = 1 << 16, 1200
"""Rows that are judged at a time, and how many of the rows before them are looked at again."""

Raised = dict[Kind, tuple[NDArray[np.int_], Floats]]
"""Of each kind the rows that it raises, and by how much each is off [log loss]."""


class Scatter(msgspec.Struct, frozen=True):
    """Mean and standard deviation of the last rows [log loss], and how correlated neighbours are."""

    mean: float
    deviation: float
    correlation: float
    rows: int

    @property
    def standard_error(self) -> float:
        """Of the mean [log loss]."""
        return self.deviation * sqrt((1 + self.correlation) / (1 - self.correlation) / self.rows)


def scatter(residuals: Floats) -> Scatter:
    """Of ``residuals`` (rows,), two or more.

    >>> scatter(np.array([1.0, -1.0, 1.0, -1.0]))
    Scatter(mean=0.0, deviation=1.1547005383792515, correlation=0.0, rows=4)
    """
    mean, deviation = float(residuals.mean()), float(residuals.std(ddof=1))
    centred = residuals - mean
    square = float(centred @ centred)
    correlation = float(centred[1:] @ centred[:-1]) / square if square > 0 else 0.0
    return Scatter(mean, deviation, min(max(correlation, 0.0), 0.95), len(residuals))


class Judged(msgspec.Struct, frozen=True, eq=False):
    """``found``: every alarm in order. ``recent``: the scatter of the last rows without spikes, ``None`` of fewer than
    two. ``noise``: the standard deviation of the last healthy rows [log loss], 0 of fewer than two. ``tails``: what
    tails the noise of all rows has."""

    found: list[Alarm]
    recent: Scatter | None
    noise: float
    tails: Tails


class Earlier(msgspec.Struct, eq=False):
    """Of a run that is followed: what the rules said of each part of its rows that is whole, by the part's first row.

    A part is the residuals that were judged with how far a healthy one may lie off, the rules, and of each kind the
    rows that were raised and their sizes."""

    parts: dict[int, tuple[Floats, Rules, Raised]] = {}

    def raised(self, begin: int, rows: Floats, rules: Rules) -> Raised | None:
        """What was said of a part whose ``rows`` and ``rules`` are still the same; ``None`` of any other."""
        part = self.parts.get(begin)
        same = part is not None and part[1] == rules and np.array_equal(part[0], rows, equal_nan=True)
        return part[2] if part is not None and same else None


def alarms(
    residuals: Floats,
    modes: Floats | Modes,
    rules: Rules,
    forecast: Floats | None = None,
    *,
    rates: Floats | None = None,
    turned: Floats | None = None,
    until: int | None = None,
    earlier: Earlier | None = None,
) -> Judged:
    """Judge ``residuals`` (rows,), whose law may be wrong by ``modes`` (rows, modes) [log loss], each with a sign of
    its own; ``forecast`` (rows,) is the log of the loss that the law gives, ``rates`` (rows,) are the learning rates
    that it gives it for, ``turned`` (rows,) is what of it their height and fall make. From row ``until`` on
    nothing slow is looked for, nor whether a level stands still or shifts. ``earlier`` is what looks before kept of the
    same run, and is added to.

    A residual that is no finite number is a loss that is none.

    >>> residuals = 0.01 * np.sin(np.arange(100.0) ** 2)
    >>> residuals[80] = 0.2
    >>> judged = alarms(residuals, np.zeros((100, 1)), Rules(rows=100))
    >>> [(a.kind, a.first, a.last, round(a.size, 2)) for a in judged.found]
    [('spike', 80, 80, 0.2)]
    """
    n = len(residuals)
    if not n:
        return Judged([], None, 0.0, Tails(np.zeros((2, 0)), 1.0))
    level = np.zeros(n) if forecast is None else forecast
    turned = np.zeros(n) if turned is None else turned
    joined: Flags = {kind: (np.zeros(n, bool), np.zeros(n)) for kind in ("spike", "drift", *LEVELS)}
    earlier = Earlier() if earlier is None else earlier
    tails = tails_of(
        residuals, rows=rules.rows, tail=rules.false_alarms / rules.rows, reference=rules.reference, unit=rules.unit
    )
    reach = tails.above_below
    for begin in range(0, n, CHUNK):
        # rows before a chunk say how its first ones should lie
        here = slice(max(begin - CONTEXT, 0), begin + CHUNK)
        part = np.stack([residuals[here], *reach[:, here]])
        raised = earlier.raised(begin, part, rules)
        if raised is None:
            raised = {}
            for kind, (flags, size) in flags_of(
                residuals[here], modes[here], level[here], rules, turned[here], reach=reach[:, here]
            ).items():
                rows = np.flatnonzero(flags)
                rows = rows[rows >= begin - here.start]
                raised[kind] = rows + here.start, size[rows]
            if begin + CHUNK <= n:
                earlier.parts[begin] = part, rules, raised
        for kind, (every, by) in raised.items():
            told = _told(kind, every, by, until)
            joined[kind][0][every[told]] = True
            joined[kind][1][every[told]] = by[told]
    finite, slow = np.isfinite(residuals), np.arange(n) < (n if until is None else until)
    near = contrasts(
        np.where(finite, residuals, 0.0), level, modes, finite & ~joined["spike"][0] & slow, rows=rules.rows,
        false_alarms=rules.false_alarms, times=rules.times, floor=rules.floor, rates=rates, turned=turned,
        reach=reach, grain=rules.grain,
    )  # fmt: skip
    nearby: dict[Kind, NDArray[np.bool_]] = {"plateau": near.still, "divergence": near.rising}
    for level_kind, more in nearby.items():
        known, by = joined[level_kind]
        joined[level_kind] = known | more, np.where(known, by, near.size)
    found = [
        *_spans("spike", joined["spike"][0], joined["spike"][1], 1),
        *_spans("drift", joined["drift"][0], joined["drift"][1], rules.steady),
    ]
    found += _levels({kind: joined[kind] for kind in LEVELS})
    last = slice(-CONTEXT, None)
    e = residuals[last]
    off = joined["divergence"][0] | joined["plateau"][0]
    quiet = e[(finite & ~joined["spike"][0] & ~off)[last]][-rules.steady :]
    tested = e[(finite & ~joined["spike"][0])[last]][-rules.steady :]
    return Judged(
        sorted(found, key=lambda a: (a.first, a.kind)),
        scatter(tested) if len(tested) > 1 else None,
        float(np.std(quiet, ddof=1)) if len(quiet) > 1 else 0.0,
        tails,
    )


def _told(kind: Kind, rows: NDArray[np.int_], size: Floats, until: int | None) -> NDArray[np.bool_]:
    """Which of the ``rows`` that are raised are told: from row ``until`` on of a level that it has risen far alone."""
    if until is None or kind not in LEVELS:
        return np.ones(len(rows), bool)
    return np.asarray((rows < until) | ((size > LEAST_RISE) if kind == "divergence" else False))


def _levels(flags: Flags) -> list[Alarm]:
    """Alarms of the level: one of neighbouring rows whatever they say, called what its last row says; of several things
    that this says the first of ``LEVELS``."""
    together = [alarm for kind in LEVELS for alarm in _spans(kind, flags[kind][0], flags[kind][1], 3)]
    out: list[Alarm] = []
    for one in sorted(together, key=lambda a: (a.first, a.last)):
        if not out or one.first > out[-1].last + 3 or np.sign(one.size) != np.sign(out[-1].size):
            out.append(one)
            continue
        earlier = out.pop()
        later = max(one, earlier, key=lambda a: (a.last, -LEVELS.index(a.kind)))
        size = max(one.size, earlier.size, key=abs)
        out.append(msgspec.structs.replace(later, first=earlier.first, size=size))
    return out


def _spans(kind: Kind, flags: NDArray[np.bool_], size: Floats, near: int) -> list[Alarm]:
    """Rows that are flagged, as alarms; rows no further apart than ``near`` are of one."""
    rows = np.flatnonzero(flags)
    if not len(rows):
        return []
    cuts = np.flatnonzero(np.diff(rows) > near) + 1
    out = []
    for part in np.split(rows, cuts):
        largest = part[int(np.argmax(np.abs(size[part])))]
        out.append(Alarm(kind=kind, first=int(part[0]), last=int(part[-1]), size=float(size[largest])))
    return out
