"""The rules by which a run leaves its forecast, each with the rate of its false alarms.

The residual of a row is e = log(loss) - log(forecast). A healthy run has residuals that are independent draws of one
normal distribution about a level of at most d, the law's own error; while the forecast changes by c, the level moves by
no more than ``MOVES`` of |c| and ``STILL`` of d. Then each rule raises an alarm in at most a share ``false_alarms`` of
healthy runs: every row is tested at that share over the rows of the whole run (Bonferroni's bound, which holds
whatever the tests have in common). All rows are judged at once; what is out is left out and the rows judged again.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import Literal

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.quantiles import run_quantile
from lehr.simulators.tracking.windows import before

Kind = Literal["spike", "divergence", "drift", "shift"]
KINDS: dict[Kind, str] = {
    "spike": "a row above the rows before it",
    "divergence": "rows one after another above the rows before them",
    "drift": "the mean of the last rows off the forecast",
    "shift": "the last rows off those before them by more than the forecast says",
}
"""What an alarm says."""

REFERENCE, LEAST_REFERENCE = 50, 12
"""Rows before the ones tested, which say how far rows scatter: a twelfth of the run's, no more and no fewer."""
RUN, LEAST_RUN = 10, 3
"""Rows in a row that make a divergence or a shift: a sixtieth of the run's."""
SCALES = (1, 4)
"""Times the reference and the run, at which levels are judged."""
MOVES, STILL = 0.35, 0.2
"""Of a change of the forecast, by how much the law may be wrong; of the law's error, how much may come at any time."""
UNKNOWN_NOISE = 0.01
"""The standard deviation of a row [log loss] where neither the law nor enough rows say it."""
FEW = 3
"""Rows whose mean is first set beside the forecast."""
ROUNDS = 8
CHUNK, CONTEXT = 1 << 16, 20
"""Rows that are judged at a time, and how many windows of the rows before them are looked at again."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """At most ``false_alarms`` of healthy runs raise one by each rule, over ``rows`` rows.

    - ``spike``: a row lies above the mean of the ``reference`` rows before it by more than its level may move and
      Student's t at 1 - false_alarms / rows, times their standard deviation times sqrt(1 + 1/reference). Before there
      are so many, by more than d and t times the ``noise`` that the law's own runs had.
    - ``divergence``: ``run`` rows one after another all lie above the mean of the ``reference`` rows before them by
      more than their level may move and the multiple of their standard deviation that this has the probability
      false_alarms / rows; or a loss is no finite number above 0, which no healthy run has.
    - ``shift``: the mean of the last ``run`` rows lies off that of the ``reference`` rows before them, above or below,
      by more than its level may move and Student's t at 1 - false_alarms / (4 rows), times its standard error; and so
      for windows four times as long.
    - ``drift``: the mean of the last ``reference`` rows lies off the forecast, above or below, by more than d and
      Student's t at 1 - false_alarms / (4 rows), times their standard error; and so for a window four times as long.
      Both errors are widened by
      sqrt((1 + r) / (1 - r)) where the rows have a first autocorrelation r above zero.

    Rows of a spike or a divergence are left out of what later rows are compared with, those of a spike out of what
    drift is read from too.
    """

    rows: int
    false_alarms: float = 0.01
    reference: int = REFERENCE
    run: int = RUN
    noise: float = UNKNOWN_NOISE

    def __post_init__(self) -> None:
        if not 0 < self.false_alarms < 0.5:
            raise ValueError(f"false_alarms is {self.false_alarms}; write a share above 0 and below 0.5, such as 0.01")
        if self.rows < 1 or self.reference < 10 or self.run < 2:
            raise ValueError("rows, reference and run: write at least 1, 10 and 2")

    @classmethod
    def of(cls, rows: int, false_alarms: float, noise: float | None) -> Rules:
        """The rules for a run of ``rows`` rows, whose law's own runs had ``noise`` [log loss]."""
        return cls(
            rows=rows,
            false_alarms=false_alarms,
            reference=int(np.clip(rows // 12, LEAST_REFERENCE, REFERENCE)),
            run=int(np.clip(rows // 60, LEAST_RUN, RUN)),
            noise=noise or UNKNOWN_NOISE,
        )


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm from row ``first`` to row ``last`` (indices); ``size`` is the largest excess [log loss]."""

    kind: Kind
    first: int
    last: int
    size: float


class Scatter(msgspec.Struct, frozen=True):
    """Mean and standard deviation of the last reference rows [log loss], and how correlated neighbours are."""

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


class Judged(msgspec.Struct, frozen=True):
    """``found``: every alarm in order. ``recent``: the scatter of the last reference rows without spikes, ``None`` of
    fewer than two. ``noise``: the standard deviation of the last healthy rows [log loss], 0 of fewer than two."""

    found: list[Alarm]
    recent: Scatter | None
    noise: float


@lru_cache
def t_by_count(tail: float, most: int) -> Floats:
    """Student's t at ``tail`` for windows of 0 to ``most`` rows (most + 1,); infinite below three."""
    return np.array([np.inf if n < 3 else t_quantile(tail, n - 1) for n in range(most + 1)])


def alarms(residuals: Floats, allowance: Floats, rules: Rules, forecast: Floats | None = None) -> Judged:
    """Judge ``residuals`` (rows,), whose law may be wrong by ``allowance`` (rows,) [log loss]; ``forecast`` (rows,) is
    the log of the loss that the law gives.

    A residual that is no finite number is a loss that is none.

    >>> residuals = 0.01 * np.sin(np.arange(100.0) ** 2)
    >>> residuals[80] = 0.2
    >>> [(a.kind, a.first, a.last, round(a.size, 2)) for a in alarms(residuals, np.zeros(100), Rules(rows=100)).found]
    [('spike', 80, 80, 0.2)]
    """
    n, length = len(residuals), rules.reference
    if not n:
        return Judged([], None, 0.0)
    level = np.zeros(n) if forecast is None else forecast
    parts, context = [], CONTEXT * length
    for begin in range(0, n, CHUNK):
        # rows before a chunk say how its first ones should lie
        lead = min(begin, context)
        here = slice(begin - lead, begin + CHUNK)
        flagged = _flags(residuals[here], allowance[here], level[here], rules)
        parts.append({kind: (flags[lead:], size[lead:]) for kind, (flags, size) in flagged.items()})
    joined = {kind: [np.concatenate([part[kind][i] for part in parts]) for i in (0, 1)] for kind in KINDS}
    near: dict[Kind, int] = {"spike": 1, "divergence": rules.run, "drift": length, "shift": rules.run}
    found = [alarm for kind in KINDS for alarm in _spans(kind, joined[kind][0], joined[kind][1], near[kind])]
    last = slice(-context - length, None)
    spikes, raised = joined["spike"][0][last], joined["divergence"][0][last]
    finite, e = np.isfinite(residuals[last]), residuals[last]
    quiet, tested = e[finite & ~spikes & ~raised][-length:], e[finite & ~spikes][-length:]
    return Judged(
        sorted(found, key=lambda a: (a.first, a.kind)),
        scatter(tested) if len(tested) > 1 else None,
        float(np.std(quiet, ddof=1)) if len(quiet) > 1 else 0.0,
    )


Flags = dict[Kind, tuple[NDArray[np.bool_], Floats]]
"""For each rule the rows that it raises, and by how much each is off [log loss]."""


def _flags(residuals: Floats, allowance: Floats, level: Floats, rules: Rules) -> Flags:
    """What each rule says of each row; ``level`` is the log of the forecast."""
    n, length, run = len(residuals), rules.reference, rules.run
    finite = np.isfinite(residuals)
    e = np.where(finite, residuals, 0.0)
    tail = rules.false_alarms / rules.rows
    spike_t = t_quantile(tail, length - 1)
    run_at = run_quantile(tail, run, length)
    spikes, raised = np.zeros(n, bool), np.zeros(n, bool)
    lowest = np.full(n, -np.inf)
    if n >= run:
        lowest[run - 1 :] = sliding_window_view(np.where(finite, e, np.inf), run).min(axis=1)
    for _ in range(ROUNDS):
        kept = finite & ~spikes & ~raised
        near, far = before(e, kept, length, 1), before(e, kept, length, run)
        moved = MOVES * np.abs(level - before(level, kept, length, 1).mean) + STILL * allowance
        full = near.count >= length
        excess = np.where(full, e - near.mean, e)
        # until there are enough rows the forecast itself, and the noise of the law's own runs
        bound = np.where(
            full,
            moved + spike_t * near.deviation * sqrt(1 + 1 / length),
            allowance + spike_t * np.maximum(rules.noise, np.where(near.count >= 8, near.deviation, 0.0)),
        )
        more = finite & (excess > bound)
        away = MOVES * np.abs(level - before(level, kept, length, run).mean) + STILL * allowance
        ends = (far.count >= length) & (lowest - far.mean > away + run_at * far.deviation)
        long = np.zeros(n, bool)
        for i in range(min(run, n)):
            long[: n - i] |= ends[i:]
        if not (more & ~spikes).any() and not (long & ~raised).any():
            break
        spikes |= more
        raised |= long
    raised |= ~finite
    kept = finite & ~(spikes & ~raised)
    return {
        "spike": (spikes & ~raised, excess),
        "divergence": (raised, np.where(finite, excess, np.inf)),
        **_levels(e, level, allowance, rules, kept=kept, calm=~raised),
    }


def _levels(
    e: Floats, level: Floats, allowance: Floats, rules: Rules, *, kept: NDArray[np.bool_], calm: NDArray[np.bool_]
) -> Flags:
    """Drifts of the ``kept`` rows' mean off the forecast, and shifts of their level where they are ``calm``: of the
    last rows, and of several times as many, in which less is hidden by noise."""
    nothing = np.zeros(len(e), bool)
    found: Flags = {"drift": (nothing, np.zeros(len(e))), "shift": (nothing, np.zeros(len(e)))}
    for times in SCALES:
        scaled = msgspec.structs.replace(rules, reference=rules.reference * times, run=rules.run * times)
        for kind, (flags, size) in _levels_of(e, level, allowance, scaled, kept).items():
            before_it, sizes = found[kind]
            more = flags & calm if kind == "shift" else flags
            found[kind] = (before_it | more, np.where(more & ~before_it, size, sizes))
    return found


def _levels_of(e: Floats, level: Floats, allowance: Floats, rules: Rules, kept: NDArray[np.bool_]) -> Flags:
    """Drift and shift by windows of one length."""
    length, run = rules.reference, rules.run
    mean_t = t_by_count(rules.false_alarms / rules.rows / (2 * len(SCALES)), length)
    recent = before(e, kept, length, 0)
    lagged = np.concatenate([[0.0], e[:-1]])
    spread = np.maximum(recent.deviation, np.where(recent.count < 8, rules.noise, 0.0))
    products = before(e * lagged, kept, length, 0).mean - recent.mean**2
    correlation = np.clip(products / np.maximum(spread**2, 1e-300), 0.0, 0.95)
    widened = np.sqrt((1 + correlation) / (1 - correlation))
    count = recent.count.astype(int)
    error = spread * widened / np.sqrt(np.maximum(recent.count, 1.0))
    t = np.where(count >= 8, mean_t[count], mean_t[length])
    drift = kept & (count >= FEW) & (np.abs(recent.mean) > allowance + t * error)
    last, old = before(e, kept, run, 0), before(e, kept, length, run)
    change = last.mean - old.mean
    moved = MOVES * np.abs(before(level, kept, run, 0).mean - before(level, kept, length, run).mean) + STILL * allowance
    noise = old.deviation * widened * sqrt(1 / run + 1 / length)
    shift = kept & (old.count >= length) & (np.abs(change) > moved + mean_t[length] * noise)
    return {"drift": (drift, recent.mean), "shift": (shift, change)}


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
