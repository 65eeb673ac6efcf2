"""Each curve law as columns that its linear constants multiply, with their derivatives by the shape constants.

L = L0 + sum_j c_j X_j(phi): ``columns(phi)`` returns X (rows, columns) and dX/dphi (shapes, rows, columns) of the
logged rows. The sums over past changes of the rate are taken over blocks of neighbouring steps, none of which reaches
over a logged row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.curves.base import without_warm_up
from lehr.simulators.laws.curves.fitting.runs import LoggedRun
from lehr.simulators.laws.curves.kernels import drops, momentum_annealing
from lehr.simulators.quantities import Floats

BLOCK = 32
"""Steps of one block, at most."""
RATIO = 0.25
"""The logarithm of the rate changes by no more within a block."""
WIDE, FAR = 8, 4
"""So many blocks are taken together for rows that are further behind them than so many times their length; the kernel
changes by less than a quarter over them."""
STEP = 1e-4
"""Of the difference quotient by the logarithm of the momentum's horizon; its error is of the order of its square."""


class Design(Protocol):
    """What a fit needs to know of a form."""

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X (rows, columns) and dX/dphi (shapes, rows, columns)."""
        ...


def forward(total: Floats, alpha: float) -> tuple[Floats, Floats]:
    """S^-alpha and its derivative by alpha.

    >>> [round(float(v), 4) for v in forward(np.array(4.0), 0.5)]
    [0.5, -0.6931]
    """
    power = total**-alpha
    return power, -np.log(total) * power


class PowerOfSumDesign:
    """Columns: S1^-alpha. Shape: alpha."""

    def __init__(self, runs: Sequence[LoggedRun]) -> None:
        self.total = np.concatenate([np.cumsum(run.rates)[run.steps] for run in runs])

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X and dX/dphi."""
        power, slope = forward(self.total, float(phi[0]))
        return power[:, None], slope[None, :, None]


class MomentumDesign:
    """Columns: S1^-alpha and -S2. Shapes: alpha and log h, the horizon of the momentum: decay = e^(-1/h)."""

    def __init__(self, runs: Sequence[LoggedRun]) -> None:
        flat = [without_warm_up(run.rates[: int(run.steps[-1]) + 1]) for run in runs]
        self.total = np.concatenate([np.cumsum(f)[run.steps] for f, run in zip(flat, runs, strict=True)])
        self.steps = [run.steps for run in runs]
        self.changes = [drops(f) for f in flat]
        for change in self.changes:
            change[0] = 0.0

    def area(self, log_horizon: float) -> Floats:
        """S2 of every logged row (rows,) [learning rate]."""
        decay = float(np.exp(-np.exp(-log_horizon)))
        both = zip(self.changes, self.steps, strict=True)
        return np.concatenate([momentum_annealing(change, decay)[steps] for change, steps in both])

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X and dX/dphi."""
        power, slope = forward(self.total, float(phi[0]))
        low, high = self.area(float(phi[1]) - STEP), self.area(float(phi[1]) + STEP)
        nothing = np.zeros_like(power)
        return (
            np.stack([power, -(low + high) / 2], axis=1),
            np.stack([np.stack([slope, nothing], axis=1), np.stack([nothing, -(high - low) / (2 * STEP)], axis=1)]),
        )


class MultiPowerDesign:
    """Columns: S1^-alpha and -P sum w G, with w the drops of the rate as shares of the peak rate P.

    Shapes: alpha, log n, log beta and gamma, with n the steps at the peak rate over which a drop takes effect:
    C = P^(gamma - 1) / n. So the shapes are numbers without a unit that do not depend on the size of the rates.
    """

    def __init__(self, runs: Sequence[LoggedRun], peak: float) -> None:
        self.total = np.concatenate([np.cumsum(run.rates)[run.steps] for run in runs])
        area: list[Floats] = []
        weight: list[Floats] = []
        log_rate: list[Floats] = []
        lengths: list[Floats] = []
        for run in runs:
            pairs = block_pairs(run, peak)
            for mine, all_of_them in zip(pairs, (area, weight, log_rate, lengths), strict=True):
                all_of_them.append(mine)
        self.area, self.weight = np.concatenate(area), np.concatenate(weight)
        self.log_rate = np.concatenate(log_rate)
        counts = np.concatenate(lengths).astype(int)
        self.some = np.flatnonzero(counts)
        self.begins = (np.cumsum(counts) - counts)[self.some]

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X and dX/dphi."""
        alpha, log_n, log_beta, gamma = phi.tolist()
        beta = np.exp(log_beta)
        power, slope = forward(self.total, alpha)
        x = np.exp(self.log_rate * -gamma - log_n) * self.area
        log_1x = np.log1p(x)
        kernel = self.weight * np.exp(log_1x * -beta)
        by_log_beta = kernel * log_1x * beta
        by_log_x = kernel * x / (1 + x) * beta
        sums = [self._sum(v) for v in (self.weight - kernel, by_log_x, by_log_beta, by_log_x * self.log_rate)]
        nothing = np.zeros_like(power)
        columns = np.stack([power, -sums[0]], axis=1)
        slopes = np.stack(
            [
                np.stack([slope, nothing], axis=1),
                np.stack([nothing, sums[1]], axis=1),
                np.stack([nothing, -sums[2]], axis=1),
                np.stack([nothing, sums[3]], axis=1),
            ]
        )
        return columns, slopes

    def _sum(self, values: Floats) -> Floats:
        out = np.zeros(len(self.total))
        if len(self.some):
            out[self.some] = np.add.reduceat(values, self.begins)
        return out


def block_pairs(run: LoggedRun, peak: float) -> tuple[Floats, Floats, Floats, Floats]:
    """For every row and every block of changes before it: the sum of the rates between, in steps at the peak rate;
    the change as a share of the peak; the logarithm of the rate as a share of the peak; and the blocks of each row.

    >>> from lehr.simulators.laws.curves.fitting.runs import make_run
    >>> run = make_run("a", [2, 4], [3.0, 2.9], [1e-3, 1e-3, 1e-3, 5e-4, 5e-4])
    >>> area, weight, log_rate, blocks = block_pairs(run, 1e-3)
    >>> area.tolist(), weight.tolist(), log_rate.round(3).tolist(), blocks.tolist()
    ([3.0, 4.0, 1.0], [-1.0, -1.0, 0.5], [0.0, 0.0, -0.693], [1.0, 2.0])
    """
    rates = run.rates / peak
    total, change = np.cumsum(rates), drops(rates)
    sources = np.flatnonzero(change[: int(run.steps[-1]) + 1])
    if not len(sources):
        empty = np.zeros(0)
        return empty, empty, empty, np.zeros(len(run))
    # a block ends at a logged row, after BLOCK steps, where the rate turns, and where it has changed by RATIO
    row = np.searchsorted(run.steps, sources)
    sign = np.cumsum(np.diff(np.sign(change[sources]), prepend=0.0) != 0)
    level = np.floor(np.log(np.maximum(rates[sources], 1e-12)) / RATIO).astype(int)
    first = starts_of(np.stack([row, sign, level, sources // BLOCK], axis=1))
    size = np.abs(change[sources])
    moments = np.stack(
        [
            change[sources],
            size,
            size * (total - rates)[sources],
            size * np.log(np.maximum(rates[sources], 1e-12)),
        ]
    )
    fine = np.add.reduceat(moments, first, axis=1)
    ends = np.append(first[1:], len(sources)) - 1
    # blocks of blocks, for rows that are far behind them
    wide_first = starts_of(np.stack([sign[first], level[first], sources[first] // (BLOCK * WIDE)], axis=1))
    wide = np.add.reduceat(fine, wide_first, axis=1)
    wide_end = sources[ends[np.append(wide_first[1:], len(first)) - 1]]
    next_fine = np.append(wide_first, len(first))
    n_wide = np.searchsorted(wide_end, run.steps - FAR * BLOCK * WIDE, side="right")
    n_fine = np.searchsorted(row[first], np.arange(len(run)), side="right")
    blocks = np.concatenate([wide, fine], axis=1)
    counts = n_wide + n_fine - next_fine[n_wide]
    index = np.concatenate(
        [
            np.concatenate([np.arange(w), wide.shape[1] + np.arange(next_fine[w], f)])
            for w, f in zip(n_wide.tolist(), n_fine.tolist(), strict=True)
        ]
    ).astype(int)
    weight, size, centre, log_rate = blocks
    area = np.repeat(total[run.steps], counts) - (centre / size)[index]
    return np.maximum(area, 0.0), weight[index], (log_rate / size)[index], counts.astype(float)


def starts_of(key: NDArray[np.int_]) -> NDArray[np.int_]:
    """The first row of each stretch of equal rows (rows, keys).

    >>> starts_of(np.array([[0], [0], [1], [0]])).tolist()
    [0, 2, 3]
    """
    return np.flatnonzero(np.concatenate([[True], (np.diff(key, axis=0) != 0).any(axis=1)]))


class CptShiftDesign:
    """Columns: S1^-alpha, -S2 before and after the change of data, and 1 - (1 + E S1_cpt)^-beta.

    Shapes: alpha, log h as of ``MomentumDesign``, log E and log beta.
    """

    def __init__(self, runs: Sequence[LoggedRun]) -> None:
        self.parts = []
        for run in runs:
            flat = without_warm_up(run.rates[: int(run.steps[-1]) + 1])
            change = drops(flat)
            change[0] = 0.0
            second = np.arange(len(flat)) >= (len(flat) if run.changed_at is None else run.changed_at)
            self.parts.append((run.steps, np.where(second, 0, change), np.where(second, change, 0)))
        flats = [without_warm_up(run.rates[: int(run.steps[-1]) + 1]) for run in runs]
        self.total = np.concatenate([np.cumsum(f)[run.steps] for f, run in zip(flats, runs, strict=True)])
        self.since = np.concatenate(
            [
                np.cumsum(
                    np.where(np.arange(len(f)) >= (len(f) if run.changed_at is None else run.changed_at), f, 0.0)
                )[run.steps]
                for f, run in zip(flats, runs, strict=True)
            ]
        )

    def areas(self, log_horizon: float) -> tuple[Floats, Floats]:
        """S2 before and after the change of every logged row."""
        decay = float(np.exp(-np.exp(-log_horizon)))
        first = np.concatenate([momentum_annealing(one, decay)[steps] for steps, one, _ in self.parts])
        return first, np.concatenate([momentum_annealing(two, decay)[steps] for steps, _, two in self.parts])

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X and dX/dphi."""
        alpha, log_horizon, log_e, log_beta = phi.tolist()
        beta = float(np.exp(log_beta))
        power, slope = forward(self.total, alpha)
        low, high = self.areas(log_horizon - STEP), self.areas(log_horizon + STEP)
        x = np.exp(log_e) * self.since
        kernel = (1 + x) ** -beta
        columns = np.stack([power, -(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, 1 - kernel], axis=1)
        slopes = np.zeros((4, *columns.shape))
        slopes[0, :, 0] = slope
        slopes[1, :, 1] = -(high[0] - low[0]) / (2 * STEP)
        slopes[1, :, 2] = -(high[1] - low[1]) / (2 * STEP)
        slopes[2, :, 3] = beta * kernel * x / (1 + x)
        slopes[3, :, 3] = beta * kernel * np.log1p(x)
        return columns, slopes
