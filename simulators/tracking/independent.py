"""Rows as the rules want them: independent of each other.

A log that was smoothed has neighbours that are alike, so that its means scatter more than its rows say. The rows
themselves tell how alike they are.

With neighbours of correlation r, (y_i - r y_(i-1)) / (1 - r) are the rows before an exponential mean with weight r was
taken: independent, at the same level, and of means that scatter by sqrt((1 + r) / (1 - r)) more than the rows' own.
r is the likeliest by the periodogram (Whittle) of the rows' differences above ``SLOWEST``, where what a law errs by is
not.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, log, pi, sqrt

import msgspec
import numpy as np

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.rules import Alarm

FEWEST, MOST = 32, 1 << 14
"""Rows, of the first, that say how alike they are, at least and at most."""
SLOWEST = (3, 10, 200)
"""A period that counts has this part of the rows or fewer, at least and at most so many rows."""
LATER = 3
"""The first of so many parts of the rows say nothing of it: a law errs most there."""
SURE, NEARLY = 3.0, 0.2
"""By how much likelier a correlation must be than none, and by how little another correlation may be less
likely than the likeliest [nats]."""
PARTS, FEWEST_OF_PART = 3, 32
"""Parts of the rows that are asked each, all but one of which must say the same; and rows of a part, at least: of fewer
rows there are fewer parts, all of which must."""
SURE_OF_FEW, SPANS = 6.0, 3.0
"""Of fewer parts: by how much likelier a correlation must be; and how often the rows that a mean of it spans must go
into them, since few rows that are alike over long are what the law errs by."""
CLIP = 2.5
"""Standard deviations beyond which a row's noise says no more of the correlation."""
LEAPS = 5.0
"""Standard deviations of a difference of clipped rows from which on it is a leap of the level."""
CORRELATIONS = np.linspace(0.0, 0.99, 100)
NEAR = 5
"""Other rows to each side whose median is the level of a row."""
QUARTILE = 0.674490
"""The median of a normal variable without its sign."""
HELD = 0.002
"""What a mean may still hold of what was before the first row: rows that hold more are left out, but no more than
``UNSAID`` of all."""
UNSAID = 0.25
ALIKE = 0.3
"""A correlation from which on a log may be a smoothed one."""


class Independent(msgspec.Struct, frozen=True, eq=False):
    """``residuals`` (rows,) as the rules want them, and the ``correlation`` of neighbours before."""

    residuals: Floats
    correlation: float

    @property
    def left_out(self) -> int:
        """Rows at the beginning of which nothing is said: a mean still holds what was before them."""
        if self.correlation == 0:
            return 0
        return min(int(UNSAID * len(self.residuals)), ceil(log(HELD) / log(self.correlation)))

    @property
    def noise(self) -> float:
        """The standard deviation of a row [log loss] where it was made independent, else 0."""
        if self.correlation == 0:
            return 0.0
        bends = np.diff(self.residuals[np.isfinite(self.residuals)], n=2)
        return float(np.median(np.abs(bends))) / QUARTILE / sqrt(6)

    def of_a_row(self, noise: float) -> float:
        """The standard deviation of a row of the log where its independent ones have ``noise``."""
        return noise * sqrt((1 - self.correlation) / (1 + self.correlation))

    def of_a_mean(self, noise: float) -> float:
        """The standard deviation of an independent row where one of the log has ``noise``."""
        return noise * sqrt((1 + self.correlation) / (1 - self.correlation))

    def as_logged(self, alarm: Alarm, logged: Floats) -> Alarm:
        """The alarm, of a spike by how much the row of the log is off, whose residuals are ``logged`` (rows,)."""
        if alarm.kind != "spike" or not np.isfinite(alarm.size):
            return alarm
        top = alarm.first + int(np.argmax(self.residuals[alarm.first : alarm.last + 1]))
        return msgspec.structs.replace(alarm, size=alarm.size + float(logged[top] - self.residuals[top]))

    def words(self) -> list[str]:
        """What was done to the rows."""
        if self.correlation == 0:
            return []
        judged = f"they are judged as the rows before that, without the first {self.left_out:,}, and tell less"
        if self.correlation < ALIKE:
            return [f"neighbouring rows are a little alike (correlation {self.correlation:.2f}): {judged}"]
        return [
            f"neighbouring rows are alike (correlation {self.correlation:.2f}), as of a smoothed log: {judged}; write "
            "the raw column"
        ]


def independent(residuals: Floats) -> Independent:
    """``residuals`` (rows,), which may be no numbers.

    >>> rng = np.random.default_rng(1)
    >>> noise, rows = 0.01 * rng.standard_normal(2000), np.zeros(2000)
    >>> for i in range(1, 2000):
    ...     rows[i] = 0.9 * rows[i - 1] + 0.1 * noise[i]
    >>> found = independent(rows)
    >>> 0.88 < found.correlation < 0.96, 0.008 < float(found.residuals.std()) < 0.02
    (True, True)
    >>> independent(noise).residuals is noise
    True
    """
    finite = np.isfinite(residuals)
    first = np.flatnonzero(finite)[:MOST]
    if len(first) < FEWEST:
        return Independent(residuals, 0.0)
    correlation = correlation_of(residuals[first[len(first) // LATER :]])
    out = residuals
    if correlation > 0:
        known = finite[1:] & finite[:-1]
        out = residuals.copy()
        out[1:][known] = (residuals[1:] - correlation * residuals[:-1])[known] / (1 - correlation)
    return Independent(out, correlation)


def correlation_of(rows: Floats) -> float:
    """The correlation of neighbouring ``rows`` (rows,) about a level that hardly changes; 0 where it may be chance.

    >>> correlation_of(np.random.default_rng(0).standard_normal(1000))
    0.0
    """
    # a row that is clipped is still independent of the next; a difference that is would not be
    noise, scale = _noise(rows)
    steps = np.diff(rows - noise + np.clip(noise, -CLIP * scale, CLIP * scale))
    # nor is a level that leaps any correlation
    steps[np.abs(steps) > LEAPS * float(np.median(np.abs(steps))) / QUARTILE] = 0.0
    parts = min(len(steps) // FEWEST_OF_PART, PARTS)
    if not parts:
        return 0.0
    each = np.array([_lack(part) for part in np.array_split(np.diff(steps), parts)])
    # without the part that is surest, in which a fault may be, or a turn that the law misses
    if parts == PARTS:
        each = np.delete(each, int(np.argmin(each.min(axis=1) - each[:, 0])), axis=0)
    lack = each.sum(axis=0)
    best = int(np.argmin(lack))
    # of those that are hardly less likely the highest, with which rows tell least
    highest = int(np.flatnonzero(lack < lack[best] + NEARLY)[-1])
    sure = lack[0] - lack[best] > (SURE if parts == PARTS else SURE_OF_FEW) and (each[:, best] < each[:, 0]).all()
    most = 1 - SPANS / len(rows) if parts < PARTS else 1.0
    return min(float(CORRELATIONS[highest]), most) if sure and CORRELATIONS[best] < most else 0.0


def _lack(bends: Floats) -> Floats:
    """How unlikely each of ``CORRELATIONS`` is by second differences ``bends`` of rows [nats], but for a constant."""
    if not bends.any():
        return np.zeros(len(CORRELATIONS))
    n = len(bends)
    taper = np.minimum(1.0, np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / (0.1 * n))
    frequency = 2 * pi * np.fft.rfftfreq(n)
    part, least, most = SLOWEST
    here = frequency > 2 * pi / np.clip(n / part, least, most)
    frequency = frequency[here]
    power = np.abs(np.fft.rfft(taper * bends)[here]) ** 2
    power /= (2 - 2 * np.cos(frequency)) ** 2
    shape = 1 - 2 * CORRELATIONS[:, None] * np.cos(frequency) + CORRELATIONS[:, None] ** 2
    return np.asarray(len(frequency) * np.log((power * shape).mean(axis=1)) - np.log(shape).sum(axis=1))


def _noise(rows: Floats) -> tuple[Floats, Floats]:
    """Of ``rows`` what each is off the median of those about it, and how far those scatter."""
    about = np.lib.stride_tricks.sliding_window_view(np.pad(rows, NEAR, mode="reflect"), 2 * NEAR + 1)
    # without the row itself, which would draw the median of small noise after it
    noise = rows - np.median(np.delete(about, NEAR, axis=1), axis=1)
    blocks = max(len(rows) // 100, 1)
    ends = np.linspace(0, len(rows), blocks + 1).astype(int)
    scales = [float(np.median(np.abs(noise[a:b]))) / QUARTILE for a, b in pairwise(ends)]
    scale = np.maximum(np.repeat(scales, np.diff(ends)), 1e-12)
    # where the level leaps a row is of the side that is nearer
    leaps = np.abs(np.diff(_beside(rows), axis=1)[:, 0]) > LEAPS * scale
    return np.where(leaps & (np.abs(_nearer(rows)) < np.abs(noise)), _nearer(rows), noise), scale


def _beside(rows: Floats) -> Floats:
    """The medians of the rows before and after each (rows, 2)."""
    about = np.lib.stride_tricks.sliding_window_view(np.pad(rows, NEAR, mode="reflect"), NEAR)
    medians = np.median(about, axis=1)
    return np.stack([medians[: len(rows)], medians[NEAR + 1 :]], axis=1)


def _nearer(rows: Floats) -> Floats:
    """What each of ``rows`` is off the median of the rows before it or after it, of these the nearer."""
    off = rows[:, None] - _beside(rows)
    return np.asarray(off[np.arange(len(rows)), np.argmin(np.abs(off), axis=1)])
