"""Do the last rows stand still, or rise, as the rows just before them would not let one expect?

What a law errs by hardly changes over a few rows, so that the residuals of a window of m rows are set beside the rows
just before it. Healthy rows are

    e = level + slope G + M c + noise,

where G is what the forecast falls by from the row before the window on, M are the law's modes less their value there,
and level, slope (with deviation ``SLOPE``: the law's fall is right to such a share), c (normal) and noise are unknown.
A plateau adds G itself within the window, a divergence what grows with the steps. With V the covariance of healthy rows
and d such a direction the share of it that rows show is (d' V^-1 e) / (d' V^-1 d), with variance 1 / (d' V^-1 d): no
test that is linear in the rows tells the two apart better.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.levels import DIFFERENCES, noise_of, quantiles

WINDOWS = (1, 2, 3, 4, 6, 8, 11, 16, 24, 40)
"""Rows in which something is looked for."""
AROUND, LEAST_AROUND, MOST_AROUND, FEWEST = 4, 12, 120, 6
"""Rows before beside which a window is set: so many times its own, at least, at most; without so many nothing is
tested."""
SLOPE, TURNS, ANEW = 0.12, 0.5, 0.15
"""The deviation of the law's own fall over a few rows, as a share of it: of what it falls by at a constant rate; of
what a rate that falls makes of it, the beginning of which laws miss by half; and of that in the window, anew."""
LEAST_STILL = 5e-4
"""What is missing where a loss stands still, at least [log loss]."""
STILL = (0.65, 1.6)
"""Of the fall that was forecast, what a plateau lacks."""
LEAST_RISE = 0.01
"""By how much a loss has risen, at least, where it diverges [log loss]."""
MOST_BLOCKS = 500
"""Of a longer run so many means of rows are tested."""
FALLS, LEAST_RATE, SURE = 0.75, 0.05, 2.0
"""The power of the rate by which the loss on the same rows scatters, 0.6 to 1.0 in public runs, down to a rate of so
much of the peak; and by how much likelier that must be [nats]."""
PART = 4
"""Rows of this part of the run so far say nothing of how later ones scatter; all since then do."""
SPARE = 0.8
"""Of the threshold, what a window must reach before its covariance is made."""


Way = Literal["still", "rising"]
WAYS: dict[Way, str] = {"still": "the rows lack what the forecast falls by", "rising": "the rows rise with the steps"}
"""What a window is looked through for."""
EFFECTIVE: dict[Way, float] = {"still": 1.0, "rising": 4.0}
"""Independent tests that the windows which end at one row come to: those of neighbouring rows share most of theirs, and
chance gives few of them the share of a plateau (held by simulation)."""


class Modes(Protocol):
    """A law's modes, made when they are asked for."""

    def __getitem__(self, rows: slice | NDArray[np.int_], /) -> Floats:
        """(rows, modes) [log loss]."""


class Found(msgspec.Struct, frozen=True, eq=False):
    """Rows (rows,) that stand still and rows that rise, and by how much they lie off what was expected [log loss]."""

    still: NDArray[np.bool_]
    rising: NDArray[np.bool_]
    size: Floats


def contrasts(
    e: Floats,
    forecast: Floats,
    modes: Floats | Modes,
    calm: NDArray[np.bool_],
    *,
    rows: int,
    false_alarms: float,
    times: float = 1.0,
    floor: float = 0.0,
    rates: Floats | None = None,
    turned: Floats | None = None,
    reach: Floats | None = None,
    grain: float = 0.0,
) -> Found:
    """Of residuals ``e`` (rows,) about a forecast with the logarithm ``forecast`` (rows,) and its law's ``modes``
    (rows, modes) [log loss], by ``calm`` rows, of a run that will have ``rows``.

    ``floor`` is the least that rows scatter by [log loss]; the modes are ``times`` those of one deviation; ``rates``
    (rows,) are the learning rates, by which rows scatter less where the log so far says so, ``turned`` (rows,) is what
    of the forecast the height and the fall of the rates make; ``reach`` (2, rows) is how far above and below those
    before a single healthy row may lie, ``grain`` by how much the mean of any may be off by their digits [log loss].

    >>> forecast = -0.001 * np.arange(100.0)
    >>> noise = 2e-4 * np.sin(np.arange(100.0) ** 2)
    >>> e = (noise + np.where(np.arange(100) > 80, 0.001 * (np.arange(100) - 80), 0.0))[:84]
    >>> found = contrasts(e, forecast[:84], np.zeros((84, 1)), np.ones(84, bool), rows=100, false_alarms=0.01)
    >>> np.flatnonzero(found.still).tolist()
    [81, 82, 83]
    """
    still, rising, size = np.zeros(len(e), bool), np.zeros(len(e), bool), np.zeros(len(e))
    kept = np.flatnonzero(calm)
    length = ceil(rows / MOST_BLOCKS)
    kept = kept[: len(kept) // length * length]
    if len(kept) < length * (FEWEST + 1):
        return Found(still, rising, size)
    cuts = np.arange(0, len(kept), length)

    def means(values: Floats) -> Floats:
        # a level is subtracted, so that sums lose no digits
        return np.asarray(np.add.reduceat(values[kept] - values[kept[0]], cuts) / length)

    y, x = means(e), means(forecast)
    by_rate = np.zeros(len(y)) if turned is None else means(turned)
    errors = np.asarray(modes[kept[cuts + length // 2]]) / times
    far = np.zeros(len(y)) if reach is None else reach[:, kept[cuts + length // 2]].max(axis=0) / length
    index, blocks = np.arange(len(y)), ceil(rows / length)
    deviations, degrees = scatter_of(y, None if rates is None else rates[kept[cuts + length // 2]])
    t = {way: quantiles(false_alarms / (blocks * tests), len(y)) for way, tests in EFFECTIVE.items()}
    # of each block the window that says most: over its threshold, from where on, by how much
    best: dict[Way, dict[int, tuple[float, int, float]]] = {"still": {}, "rising": {}}
    for window in [w for w in WINDOWS if w <= max(blocks // 6, 3)]:
        begins = np.maximum(index - window + 1, 0)
        around = int(np.clip(AROUND * window, LEAST_AROUND, MOST_AROUND))
        first = np.maximum(begins - around, (index + 1) // 2)
        # of the rows before the window
        deviation = np.maximum(np.maximum(deviations[begins], floor / sqrt(length)), 1e-9)
        for way, told in best.items():
            here = Windows(y, x, by_rate, errors, begins, first, deviation, t[way][np.maximum(degrees[begins], 3)])
            for i in here.candidates(way):
                share, error, most, all_of_it = here.share(i, way)
                fallen, by_rates = (float(v[i] - v[begins[i] - 1]) for v in (x, by_rate))
                least = max(here.bound[i] * error, most * far[i] if way == "rising" else 0.0) + all_of_it * grain
                if share < least or not _is(share, fallen, by_rates, window, way):
                    continue
                moved = share * (-fallen if way == "still" else window)
                one = share / (here.bound[i] * error), int(begins[i]), moved
                told[i] = max(told.get(i, one), one)
    for way, flags in (("still", still), ("rising", rising)):
        for i, (_, begin, moved) in best[way].items():
            # of blocks one after another the first says where it began
            since = i if i - 1 in best[way] else begin
            those = kept[since * length : (i + 1) * length]
            flags[those] = True
            size[those] = np.maximum(size[those], moved)
    return Found(still, rising & ~still, size)


def scatter_of(y: Floats, rates: Floats | None) -> tuple[Floats, NDArray[np.int_]]:
    """The noise of a row by those before each (rows + 1,), none of the first ``PART``, and its degrees of freedom.

    Where the rows so far are likelier by ``SURE`` [nats] with a noise that goes with the rate to the power ``FALLS``,
    it does: the loss of a model on the same data scatters by how far the last updates moved it, that of a batch by what
    it holds.

    >>> rates = np.linspace(1.0, 0.1, 400)
    >>> rows = 1e-3 * rates**0.8 * np.random.default_rng(0).standard_normal(400)
    >>> [round(1e4 * float(scatter_of(rows, given)[0][400]), 1) for given in (rates, None)]
    [1.7, 5.6]
    """
    ends = np.arange(len(y) + 1)
    since = ends // PART
    deviation, degrees = noise_of(y).before(ends, len(y), since)
    if rates is None or np.ptp(rates) == 0.0:
        return deviation, degrees
    scale = FALLS * np.log(np.maximum(rates / rates.max(), LEAST_RATE))
    bends = np.concatenate([np.zeros(2), np.diff(y, n=2)]) * np.exp(-scale)
    squares, logs = (
        np.concatenate([[0.0], np.cumsum(np.where(np.arange(len(y)) >= 2, v, 0.0))]) for v in (bends**2, scale)
    )
    count = np.maximum(ends - np.maximum(since, 2), 1)
    begins = np.minimum(since, ends)
    falling = np.sqrt((squares[ends] - squares[begins]) / count / 6.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        likelier = count * (np.log(deviation) - np.log(falling)) - (logs[ends] - logs[begins])
    here = np.exp(scale[np.minimum(ends, len(y) - 1)])
    return np.where(likelier > SURE * DIFFERENCES, falling * here, deviation), degrees


class Windows(msgspec.Struct, frozen=True, eq=False):
    """Of each block (blocks,): its residual ``y``, forecast ``x``, what of that falling rates have ``turned``, and
    ``modes`` (blocks, modes) [log loss]; where the
    window of one length that ends there ``begins``, and the ``first`` block beside which it is set; the ``deviation``
    of a block's noise, and how many of them are a false alarm (``bound``)."""

    y: Floats
    x: Floats
    turned: Floats
    modes: Floats
    begins: NDArray[np.int_]
    first: NDArray[np.int_]
    deviation: Floats
    bound: Floats

    def candidates(self, way: Way) -> list[int]:
        """Blocks at which the window might say something, by sums without the law's errors."""
        y, x, begins = self.y, self.x, self.begins
        index = np.arange(len(y))
        count = begins - self.first
        sums = np.concatenate([[0.0], np.cumsum(y)])
        level = (sums[begins] - sums[self.first]) / np.maximum(count, 1)
        before = np.maximum(begins - 1, 0)
        d, start = (-x, -x[before]) if way == "still" else (index.astype(float), before.astype(float))
        by = [np.concatenate([[0.0], np.cumsum(v)]) for v in (d, d * d, d * y)]
        s1, s2, sy = (v[index + 1] - v[begins] for v in by)
        s0, s = index + 1 - begins, sums[index + 1] - sums[begins]
        square = s2 - 2 * start * s1 + start**2 * s0
        product = (sy - start * s) - level * (s1 - start * s0)
        least = SPARE * self.bound * self.deviation * np.sqrt(np.maximum(square, 0.0))
        good = (count >= FEWEST) & (begins >= 1) & (square > 0) & (product > least)
        if way == "still":
            good &= (product > 0.5 * STILL[0] * square) & (x[before] > x)
        return [int(i) for i in np.flatnonzero(good)]

    def share(self, i: int, way: Way) -> tuple[float, float, float, float]:
        """What share of a direction the window that ends at block ``i`` shows, its standard error, and what a single
        row, and what all rows together, make of it at most."""
        rows, a = slice(int(self.first[i]), i + 1), int(self.begins[i] - self.first[i])
        y, x, turned, modes = self.y[rows], self.x[rows], self.turned[rows], self.modes[rows]
        by_rate = turned[a - 1] - turned
        fall, since = x[a - 1] - x, np.arange(len(y)) - a + 1.0
        direction = np.where(since < 1, 0.0, fall if way == "still" else since)
        law = [SLOPE * (fall - by_rate), TURNS * by_rate, ANEW * np.where(since < 1, 0.0, by_rate)]
        apart = np.concatenate([np.ones((len(y), 1)), np.stack(law, axis=1), modes - modes[a - 1]], axis=1)
        # V^-1 d by Woodbury's identity, since what is unknown has few directions
        square = float(self.deviation[i]) ** 2
        inner = apart.T @ apart + square * np.eye(apart.shape[1])
        weight = (direction - apart @ np.linalg.solve(inner, apart.T @ direction)) / square
        known = float(direction @ weight)
        sizes = np.abs(weight)
        return float(weight @ y) / known, 1 / sqrt(known), float(sizes.max()) / known, float(sizes.sum()) / known


def _is(share: float, fallen: float, by_rates: float, window: int, way: Way) -> bool:
    """Is a share of a direction what it is called? ``fallen`` is what the forecast moved by, ``by_rates`` what falling
    rates made of that [log loss]."""
    if way == "still":
        # a law may miss part of what falling rates make, so that a loss that stands still lacks more
        most = STILL[1] * (1 + TURNS * min(max(by_rates / fallen, 0.0), 1.0))
        return STILL[0] <= share <= most and -share * fallen > LEAST_STILL
    rise = share * window
    return rise + fallen > max(LEAST_RISE, 0.5 * rise)
