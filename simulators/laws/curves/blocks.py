"""A run's steps as blocks of neighbours, for sums over all earlier changes at every logged row.

A block ends at a logged row, after ``BLOCK`` steps, where the rate turns, and where it has changed by ``RATIO``; for
rows that are far behind, blocks are taken together. No block reaches over a logged row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.curves.runs import LoggedRun
from lehr.simulators.quantities import Floats

BLOCK = 32
"""Steps of one block, at most."""
RATIO = 0.25
"""The logarithm of the rate changes by no more within a block."""
WIDE, FAR = 8, 4
"""So many blocks are taken together for rows that are further behind them than so many times their length; the kernel
changes by less than a quarter over them."""
STILL = 1e-6
"""Of the peak rate: the weight of a step without a change in its block's centre, where the norm drifts on."""
LEAST = 1e-12
"""Of the peak rate: a lower one, such as zero, has this logarithm."""


class Blocks:
    """``rate`` (blocks,) is the mean over ``count`` (blocks,) steps, ``last_rate`` that of the last one; ``share`` is
    how much of the block's sum of rates lies before the centre of its changes, ``log_rate`` the logarithm there. Rows
    end at the blocks ``at`` (rows,). Pairs of a row and an earlier block or group of blocks lie one row after another:
    ``row`` and ``source`` (pairs,)."""

    def __init__(self, run: LoggedRun) -> None:
        rows = run.steps
        rates = run.rates[: int(rows[-1]) + 1]
        peak, n = float(rates.max()), len(rates)
        change, log_rate = np.diff(rates, prepend=0.0), np.log(np.maximum(rates / peak, LEAST))
        turned = np.cumsum(np.diff(np.sign(change), prepend=0.0) != 0)
        level = np.floor(log_rate / RATIO).astype(int)
        every = np.arange(n)
        # where the rate stands still its norm alone moves, slowly
        length = np.where(change == 0.0, WIDE * BLOCK, BLOCK)
        key = [np.searchsorted(rows, every), turned, level, length, every // length]
        first = starts_of(np.stack(key, axis=1))
        last = np.append(first[1:], n) - 1
        self.count = np.diff(np.append(first, n)).astype(float)
        self.rate = np.add.reduceat(rates, first) / self.count
        self.last_rate = rates[last]
        self.at = np.searchsorted(last, rows)
        size = np.abs(change) + STILL * peak
        self.size = np.add.reduceat(size, first)
        before = np.cumsum(rates) - rates
        centre = np.add.reduceat(size * before, first) / self.size - before[first]
        whole = self.rate * self.count
        self.share = np.divide(centre, whole, out=np.zeros_like(whole), where=whole > 0)
        self.log_rate = np.add.reduceat(size * log_rate, first) / self.size + np.log(peak)
        # groups of blocks, for rows that are far behind them
        wide = starts_of(np.stack([turned[first], level[first], first // (BLOCK * WIDE)], axis=1))
        self.groups = wide
        end = last[np.append(wide[1:], len(first)) - 1]
        n_wide = np.searchsorted(end, rows - FAR * BLOCK * WIDE, side="right")
        n_fine = np.searchsorted(first, rows, side="right")
        fine_from = np.append(wide, len(first))[n_wide]
        counts = n_wide + n_fine - fine_from
        self.row = np.repeat(np.arange(len(rows)), counts)
        place = np.arange(len(self.row)) - np.repeat(np.cumsum(counts) - counts, counts)
        in_group = np.repeat(n_wide, counts)
        self.source = np.where(place < in_group, place, len(wide) + np.repeat(fine_from, counts) + place - in_group)
        self.begins = np.cumsum(counts) - counts
        self.group_size = np.add.reduceat(self.size, wide)
        # one search looks at the same pairs hundreds of times, and new pages cost several times the arithmetic on them
        self._kept = np.empty((0, len(self.row)))

    def of_pairs(self, summed: Floats, centred: Floats, room: int) -> Floats:
        """Of what each block has (..., blocks), what the source of each pair has (..., pairs): of ``summed`` in all, of
        ``centred`` the mean by change; then so many rows of ``room``. The next call writes over it."""
        n, m = len(summed), len(centred)
        if len(self._kept) < n + m + room:
            self._kept = np.empty((n + m + room, len(self.row)))
        in_all = np.add.reduceat(summed, self.groups, axis=-1)
        mean = np.add.reduceat(centred * self.size, self.groups, axis=-1) / self.group_size
        for values, grouped, place in ((summed, in_all, slice(0, n)), (centred, mean, slice(n, n + m))):
            both = np.concatenate([grouped, values], axis=-1)
            # no index is out of range; another mode would write to an array of its own first
            np.take(both, self.source, axis=-1, out=self._kept[place], mode="clip")
        return self._kept[: n + m + room]

    def to_pairs(self, of_rows: Floats, out: Floats) -> Floats:
        """What the row of each pair has, (rows,) to (pairs,), in ``out``."""
        return np.take(of_rows, self.row, out=out, mode="clip")

    def by_row(self, values: Floats) -> Floats:
        """The sum over the pairs of each row: (..., pairs) to (..., rows)."""
        return np.asarray(np.add.reduceat(values, self.begins, axis=-1))


def starts_of(key: NDArray[np.int_]) -> NDArray[np.int_]:
    """The first row of each stretch of equal rows (rows, keys).

    >>> starts_of(np.array([[0], [0], [1], [0]])).tolist()
    [0, 2, 3]
    """
    return np.flatnonzero(np.concatenate([[True], (np.diff(key, axis=0) != 0).any(axis=1)]))
