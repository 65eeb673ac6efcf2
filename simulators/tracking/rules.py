"""The rules by which a run leaves its forecast, each with the rate of its false alarms.

The residual of a row is e = log(loss) - log(forecast). A healthy run has residuals that are independent draws of one
normal distribution about a level of at most d, the law's own error, which moves by at most d over the rows that a rule
looks at. Then each rule raises an alarm in at most a share ``false_alarms`` of healthy runs: every row is tested at
that share over the rows of the whole run (Bonferroni's bound, which holds whatever the tests have in common).
"""

from __future__ import annotations

from collections import deque
from math import isfinite, sqrt
from typing import Literal

import msgspec
import numpy as np

from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.quantiles import run_quantile

Kind = Literal["spike", "divergence", "drift"]
KINDS: dict[Kind, str] = {
    "spike": "a row above the rows before it",
    "divergence": "rows one after another above the rows before them",
    "drift": "the mean of the last rows off the forecast",
}
"""What an alarm says."""

REFERENCE = 50
"""Rows before the ones tested, which say how far rows scatter."""
RUN = 10
"""Rows in a row that make a divergence."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """At most ``false_alarms`` of healthy runs raise one by each rule, over ``rows`` rows.

    - ``spike``: a row lies above the mean of the ``reference`` rows before it by more than d and Student's t at
      1 - false_alarms / rows, times their standard deviation times sqrt(1 + 1/reference).
    - ``divergence``: ``run`` rows one after another all lie above the mean of the ``reference`` rows before them by
      more than d and the multiple of their standard deviation that this has the probability false_alarms / rows; or a
      loss is no finite number, which no healthy run has. It is over when ``run`` rows have not gone on with it.
    - ``drift``: the mean of the last ``reference`` rows lies off the forecast, above or below, by more than d and
      Student's t at 1 - false_alarms / (2 rows), times their standard error, which is widened by
      sqrt((1 + r) / (1 - r)) where they have a first autocorrelation r above zero.

    Rows of a spike or a divergence are left out of what later rows are compared with, those of a
    spike out of what drift is read from too.
    """

    rows: int
    false_alarms: float = 0.01
    reference: int = REFERENCE
    run: int = RUN

    def __post_init__(self) -> None:
        if not 0 < self.false_alarms < 0.5:
            raise ValueError(f"false_alarms is {self.false_alarms}; write a share above 0 and below 0.5, such as 0.01")
        if self.rows < 1 or self.reference < 10 or self.run < 2:
            raise ValueError("rows, reference and run: write at least 1, 10 and 2")


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


def alarms(residuals: Floats, allowance: Floats, rules: Rules) -> Judged:
    """Judge ``residuals`` (rows,), whose law may be wrong by ``allowance`` (rows,) [log loss], row by row.

    A residual that is no finite number is a loss that is none.

    >>> residuals = 0.01 * np.sin(np.arange(100.0) ** 2)
    >>> residuals[80] = 0.2
    >>> [(a.kind, a.first, a.last, round(a.size, 2)) for a in alarms(residuals, np.zeros(100), Rules(rows=100)).found]
    [('spike', 80, 80, 0.2)]
    """
    watch = Watch(rules)
    for i, (value, wrong) in enumerate(zip(residuals.tolist(), allowance.tolist(), strict=True)):
        watch.see(i, value, wrong)
    recent, quiet = np.array(watch.recent), [*watch.healthy, *(v for j, v in watch.pending if j not in watch.out)]
    return Judged(
        sorted(watch.found, key=lambda a: (a.first, a.kind)),
        scatter(recent) if len(recent) > 1 else None,
        float(np.std(quiet[-rules.reference :], ddof=1)) if len(quiet) > 1 else 0.0,
    )


class Watch:
    """The rules over rows as they come."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        tail = rules.false_alarms / rules.rows
        self.spike_at = t_quantile(tail, rules.reference - 1) * sqrt(1 + 1 / rules.reference)
        self.run_at = run_quantile(tail, rules.run, rules.reference)
        self.drift_at = t_quantile(tail / 2, rules.reference - 1)
        self.found: list[Alarm] = []
        self.healthy: deque[float] = deque(maxlen=rules.reference)
        """Rows that can no longer become part of a divergence, the last reference ones."""
        self.pending: deque[tuple[int, float]] = deque()
        """Rows that still can."""
        self.recent: deque[float] = deque(maxlen=rules.reference)
        """The last reference rows but for spikes."""
        self.out: set[int] = set()
        """Rows of a spike or a divergence."""

    def see(self, i: int, value: float, wrong: float) -> None:
        """Row ``i`` with the residual ``value``, where the law may be wrong by ``wrong`` [log loss]."""
        rules = self.rules
        if not isfinite(value):
            self._raise("divergence", i, i, float("inf"))
            return
        self.pending.append((i, value))
        before = np.array([*self.healthy, *(v for j, v in self.pending if j not in self.out and j != i)])
        if len(before) >= rules.reference:
            here = scatter(before[-rules.reference :])
            if value - here.mean > wrong + self.spike_at * here.deviation:
                self._raise("spike", i, i, value - here.mean)
        if i not in self.out:
            self.recent.append(value)
        if len(self.healthy) == rules.reference and len(self.pending) >= rules.run:
            here = scatter(np.array(self.healthy))
            last = [v for _, v in self.pending][-rules.run :]
            if min(last) - here.mean > wrong + self.run_at * here.deviation:
                self._raise("divergence", self.pending[-rules.run][0], i, float(np.mean(last)) - here.mean)
        if len(self.recent) == rules.reference:
            here = scatter(np.array(self.recent))
            if abs(here.mean) > wrong + self.drift_at * here.standard_error:
                self._raise("drift", i, i, here.mean)
        while len(self.pending) > rules.run - 1:
            j, settled = self.pending.popleft()
            if j not in self.out:
                self.healthy.append(settled)

    def _raise(self, kind: Kind, first: int, last: int, size: float) -> None:
        if kind != "drift":
            self.out.update(range(first, last + 1))
        near = self.rules.run if kind == "divergence" else 1
        for k in range(len(self.found) - 1, -1, -1):
            before = self.found[k]
            if before.kind == kind and first <= before.last + near:
                # an alarm that goes on is one
                self.found[k] = Alarm(kind=kind, first=before.first, last=last, size=max(before.size, size, key=abs))
                return
        self.found.append(Alarm(kind=kind, first=first, last=last, size=size))
