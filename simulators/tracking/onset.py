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
from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.contrasts import SLOPE, TURNS, Modes

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


def stepped(run: Run, rows: NDArray[np.int_], first: int, count: int) -> Onset | None:
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
