"""Has the level of the last rows changed by more than the forecast, the law's error and the noise of rows explain?

The residual of a row is e = log(loss) - log(forecast). The mean of the last m rows is set beside that of the k rows
before them, for a ladder of m, so that a large change is told after few rows and a small one after many. A change D is
one where it exceeds the root of the sum of the squares of

- the law's error of a change: ``LAW`` times the size of M(t) - M(t'), where M are its modes at the middle of the two
  windows, and ``MOVES`` of what the forecast moves by between them,
- ``NO_NEWS``, and
- the noise: Student's t times s sqrt(1/m + 1/k), with s from the second differences of the rows before; and at least
  ``USUAL`` times the root mean square of such changes in the rows before, which holds what rows have in common.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.quantities import Floats

SCALES = (1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 125, 200)
"""Rows whose mean is tested; the first is that of a spike."""
PART = 6
"""A window holds no more than this part of the run's rows."""
AROUND, LEAST_AROUND = 2, 10
"""Rows before a window beside which it is set: so many times its own, and at least."""
FEWEST = 6
"""Rows of these without which nothing is tested."""
USUAL, RECENT = 3.0, 50
"""Times the usual change of a level that is no news, and the rows, at least, that say what is usual."""
LAW, MOVES, NO_NEWS = 1.2, 0.3, 8e-4
"""Times the law's error of a change; of a change of the forecast itself, since a law that is right on the whole is not
so at each turn of the rate; and what levels move by anyway [log loss]."""
DIFFERENCES = 1.94
"""Second differences of independent rows that say as much of their variance as one row: 1 + 2 (4/9 + 1/36)."""


def scales_of(rows: int) -> tuple[int, ...]:
    """The windows of a run of ``rows`` rows.

    >>> scales_of(60), scales_of(1000)[-1]
    ((1, 2, 3, 5, 8), 125)
    """
    return tuple(m for m in SCALES if m <= max(rows // PART, 3) and (m <= 8 or m * PART <= rows))


class Noise(msgspec.Struct, frozen=True, eq=False):
    """Of rows one after another: the sum of squares of second differences before each row, and how many (rows + 1,)."""

    squares: Floats
    count: Floats

    def before(
        self, ends: NDArray[np.int_], length: int, since: NDArray[np.int_] | int = 0
    ) -> tuple[Floats, NDArray[np.int_]]:
        """The standard deviation of a row by the ``length`` rows before rows ``ends``, none before ``since``, and its
        degrees of freedom."""
        begins = np.minimum(np.maximum(ends - length, since), ends)
        count = self.count[ends] - self.count[begins]
        deviation = np.sqrt((self.squares[ends] - self.squares[begins]) / np.maximum(count, 1.0) / 6.0)
        return deviation, np.floor(count / DIFFERENCES).astype(int)


def noise_of(e: Floats) -> Noise:
    """The noise of rows ``e`` (rows,) by their second differences, in which a level and a drift cancel.

    >>> rows = 0.01 * np.random.default_rng(0).standard_normal(2000) + np.linspace(0.0, 1.0, 2000)
    >>> deviation, degrees = noise_of(rows).before(np.array([2000]), 1000)
    >>> deviation.round(3).tolist(), degrees.tolist()
    ([0.01], [515])
    """
    bends = np.zeros(len(e))
    bends[2:] = np.diff(e, n=2) ** 2
    known = np.arange(len(e)) >= 2
    return Noise(np.concatenate([[0.0], np.cumsum(bends)]), np.concatenate([[0.0], np.cumsum(known)]))


class Change(msgspec.Struct, frozen=True, eq=False):
    """Of each row by a window of one length that ends there: by how much the level ``moved`` [log loss], the ``bound``
    of what is no news, and by how much the ``forecast`` moved, ``within`` the window too, from its first row to its
    mean; by what share of the forecast's own fall the loss fell from the first half of the window to the second
    (``follows``); not a number where too few rows stand before."""

    moved: Floats
    bound: Floats
    forecast: Floats
    within: Floats
    follows: Floats


def change_of(
    e: Floats,
    level: Floats,
    modes: Floats,
    calm: NDArray[np.bool_],
    *,
    window: int,
    reference: int,
    tail: float,
    least: float,
    floor: float = 0.0,
    reach: Floats | None = None,
    grain: float = 0.0,
) -> Change:
    """Of rows ``e`` (rows,) about a forecast with the logarithm ``level`` (rows,), by windows of ``window`` rows,
    beside the ``calm`` rows before each.

    ``modes`` (rows, modes) are what the law may be wrong by [log loss], each with a sign of its own; ``reference`` are
    the rows that say how far rows scatter, ``tail`` the probability of a false alarm at a row, one-sided; ``least`` is
    the standard deviation of a row where too few rows say it, ``floor`` what it is at least. ``reach`` (2, rows) is how
    far above and below the rows before a healthy row may lie: so far one of a window or of those before it; ``grain``
    is by how much the mean of any rows may be off by their printed digits.

    >>> rows = np.where(np.arange(60) < 50, 0.0, 0.02) + 1e-3 * (-1.0) ** np.arange(60)
    >>> still, calm = np.zeros(60), np.ones(60, bool)
    >>> found = change_of(rows, still, np.zeros((60, 1)), calm, window=2, reference=40, tail=1e-5, least=1e-3)
    >>> np.flatnonzero(found.moved > found.bound)[0].tolist()
    50
    """
    n, around = len(e), max(AROUND * window, LEAST_AROUND)
    quiet = np.flatnonzero(calm)
    if not len(quiet):
        return Change(*(np.full(n, np.nan) for _ in range(5)))
    so_far = np.concatenate([[0], np.cumsum(calm)])
    ends = np.arange(1, n + 1)
    begins = np.maximum(ends - window, 0)
    # of the calm rows before the window, the last
    old_end = so_far[begins]
    # the first rows of a run are those that a law knows least: not from before the half of the rows so far
    old_begin = np.maximum(old_end - around, so_far[ends // 2])
    count = np.maximum(old_end - old_begin, 0)
    enough = (count >= FEWEST) & (ends >= window)

    def apart(values: Floats) -> Floats:
        last, old = (np.concatenate([[0.0], np.cumsum(v)]) for v in (values, values[quiet]))
        return np.asarray((last[ends] - last[begins]) / window - (old[old_end] - old[old_begin]) / np.maximum(count, 1))

    # a level is subtracted, so that sums lose no digits
    moved, forecast = apart(e - float(np.median(e))), apart(level - level[0])
    then = quiet[np.minimum((old_begin + old_end) // 2, len(quiet) - 1)]
    law = np.sqrt(np.sum((modes[(begins + ends) // 2 if window > 1 else begins] - modes[then]) ** 2, axis=1))
    deviation, degrees = noise_of(e[quiet]).before(old_end, reference, so_far[ends // 2])
    noise = np.maximum(np.where(degrees < 3, np.maximum(deviation, least), deviation), floor)
    t = quantiles(tail, reference)[np.clip(degrees, 3, reference)]
    noise = t * noise * np.sqrt(1 / window + 1 / np.maximum(count, 1))
    usual = USUAL * _usual(np.where(enough, moved, 0.0), enough & calm, window, max(RECENT, around))
    if reach is not None:
        # one row far off, within the window or among those before it
        up, down = (np.maximum(reach[i] / window, reach[1 - i] / np.maximum(count, 1)) for i in (0, 1))
        far = np.where(moved > 0, up, down)
        noise = np.maximum(noise, far) if window == 1 else np.hypot(noise, far)
    law = np.sqrt((LAW * law) ** 2 + (MOVES * forecast) ** 2)
    bound = np.sqrt(law**2 + np.maximum(noise, usual) ** 2 + NO_NEWS**2) + 2 * grain
    sums = np.concatenate([[0.0], np.cumsum(level - level[0])])
    within = (sums[ends] - sums[begins]) / window - (level - level[0])[begins]
    half = max(window // 2, 1)
    own = np.concatenate([[0.0], np.cumsum(e + level - (e + level)[0])])
    second, first = np.maximum(ends - half, 0), np.minimum(begins + half, ends)
    turned, planned = (
        (s[ends] - s[second] - s[first] + s[begins]) / half if window > 1 else np.zeros(n) for s in (own, sums)
    )
    follows = np.divide(turned, planned, out=np.zeros(n), where=planned != 0)
    return Change(*(np.where(enough, v, np.nan) for v in (moved, bound, forecast, within, follows)))


def _usual(moved: Floats, known: NDArray[np.bool_], window: int, reference: int) -> Floats:
    """The root mean square of changes in the ``reference`` rows before each window, 0 where there are few."""
    squares = np.concatenate([[0.0], np.cumsum(np.where(known, moved, 0.0) ** 2)])
    counts = np.concatenate([[0.0], np.cumsum(known)])
    ends = np.maximum(np.arange(len(moved)) + 1 - window, 0)
    begins = np.maximum(ends - reference, 0)
    count = counts[ends] - counts[begins]
    usual = np.sqrt((squares[ends] - squares[begins]) / np.maximum(count, 1.0))
    return np.asarray(np.where(count >= FEWEST, usual, 0.0))


@lru_cache
def quantiles(tail: float, most: int) -> Floats:
    """Student's t at ``tail`` for 0 to ``most`` degrees of freedom (most + 1,); below three that of three.

    >>> quantiles(0.025, 49)[[3, 49]].round(3).tolist()
    [3.182, 2.01]
    """
    return np.array([t_quantile(tail, max(degrees, 3)) for degrees in range(max(most, 3) + 1)])


def standard_error(deviation: Floats, correlation: Floats, count: Floats) -> Floats:
    """Of the mean of ``count`` rows whose neighbours have ``correlation``.

    >>> standard_error(np.array([0.1]), np.array([0.0]), np.array([25.0])).round(3).tolist()
    [0.02]
    """
    return np.asarray(deviation * np.sqrt((1 + correlation) / (1 - correlation) / np.maximum(count, 1.0)))
