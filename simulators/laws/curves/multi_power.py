"""The multi-power law, in the rates themselves or in how far they turn the weights."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.laws.curves.base import (
    CurveLaw,
    Floats,
    NonNegative,
    Positive,
    checked_rates,
    chosen,
    forward_power,
    power_and_slope,
)
from lehr.simulators.laws.curves.blocks import LEAST, Blocks
from lehr.simulators.laws.curves.form import IN_TURNS, Constants, Coordinate, CurveForm, forward, slopes
from lehr.simulators.laws.curves.kernels import drops, power_annealing
from lehr.simulators.laws.curves.rotation import rates_slope, turning
from lehr.simulators.laws.curves.runs import LoggedRun

LOG_N = Coordinate(name="log n", low=-3.0, high=12.0, tried=(2.0, 4.5), centre=4.0, spread=3.0)
"""Steps at the peak rate over which a drop takes effect: fifty, twenty times more or less."""
LOG_BETA = Coordinate(name="log beta", low=-3.0, high=3.0, tried=(0.0,), spread=0.3)
"""The kernel's exponent: of the order of one. The runs rarely tell it apart from n: without an assumption the minimum
follows the law's own misfit to kernels that nothing else supports."""
GAMMA = Coordinate(name="gamma", low=0.0, high=2.0, tried=(0.5,), centre=0.5, spread=0.2)
"""Between 0, where the effect of a drop builds up with the sum of the rates, and 1, where it does so with the steps:
nearly all of the prior lies between the two."""
LOG_H = Coordinate(name="log horizon", low=4.0, high=20.0, tried=(log(8000),), centre=log(8000), spread=1.0)
"""Steps at the peak rate in which the norm comes nearer to its equilibrium by a factor e, 1 / (2 lambda P): a weight
decay of 0.1 and peaks of 2e-4 to 2e-3 give 25,000 to 2,500."""
LOG_START = Coordinate(name="log start", low=-7.0, high=7.0, tried=(log(0.2),), centre=log(0.2), spread=1.0)
"""The norm at the beginning, M over the peak rate: below its equilibrium, as weights grow in training."""
EXPONENT = Coordinate(name="alpha", low=0.02, high=3.0, tried=(0.3, 0.6), centre=0.5, spread=0.2)
"""A half, as of a random walk down a valley; 0.4 to 0.7 in the public runs."""
SCALE = 1000.0
"""Steps at the peak rate at which the first column is one: there A and alpha are told apart best."""
SHARES = ((0.3, 0.5), (0.08, 0.7))
"""Of the lowest loss, what is still to be won after ``SCALE`` steps and the noise at the peak rate: of all public runs
within a factor of two, which keeps fits that see the end of runs alone from wandering off."""
P = Coordinate(name="p", low=0.3, high=2.0, tried=(1.0,), centre=1.0, spread=0.1)
"""The noise is that of the turning itself but for a tenth."""


class MultiPower(CurveLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="multi_power"):
    """L(t) = L0 + A S1^-alpha - B sum_(k <= t) (r_(k-1)^p - r_k^p) G(r_k^-gamma S_k(t)).

    G(x) = 1 - (1 + C x)^-beta, S_k(t) = r_k + ... + r_t, S1 = S_1(t), warm-up included in both sums; before the first
    step r is zero. With r_t = eta_t and p = 1 it is the law of Luo et al. (arXiv:2503.12811, section 3), whose text
    lets the sum begin after warm-up; its authors' constants hold for the sum from the first step on, and the
    difference, B times the peak rate, is then part of L0.

    Here r_t = eta_t / sqrt(M_t) is how far a step turns the weights (``rotation``), with M_0 = ``start`` [learning
    rate] and M_t = M_(t-1) e^-x + eta_t (1 - e^-x), x = 2 ``weight_decay`` eta_t, taken in the middle of the step:
    so the constants carry over to other peak rates. Without ``weight_decay``, and with ``start`` 1, r is the rate.

    >>> law = MultiPower(name="x", title="", L0=3.04045406, A=0.52468604, alpha=0.50786857, B=363.78751622,
    ...                  C=2.06560812, beta=0.58279013, gamma=0.64142257)
    >>> t = np.arange(24001); rates = np.minimum(t / 2160, 1) * 3e-4
    >>> round(float(law.loss(rates)[-1]), 4)
    3.3458
    """

    constants_of_law: ClassVar[tuple[str, ...]] = (
        "L0", "A", "alpha", "B", "C", "beta", "gamma", "weight_decay", "start", "p",
    )  # fmt: skip

    L0: float
    A: Positive
    alpha: Positive
    B: NonNegative
    C: Positive
    beta: Positive
    gamma: NonNegative
    weight_decay: NonNegative = 0.0
    start: Positive = 1.0
    p: Positive = 1.0

    def _turns(self, rates: Floats) -> tuple[Floats, Floats]:
        """r and r^p of every step."""
        turn = turning(rates, weight_decay=self.weight_decay, start=self.start).turn
        return turn, turn if self.p == 1.0 else turn**self.p

    def parts(self, rates: ArrayLike, *, changed_at: int | None = None) -> tuple[Floats, Floats]:
        """A S1^-alpha and the term of the noise [loss_unit], to 1e-7 B sum |r_(k-1)^p - r_k^p|, at every step."""
        turn, level = self._turns(checked_rates(rates))
        annealing = power_annealing(turn, C=self.C, beta=self.beta, gamma=self.gamma, level=level)
        return forward_power(np.cumsum(turn), self.A, self.alpha), -self.B * annealing

    def loss_at(
        self, rates: ArrayLike, steps: Sequence[int] | NDArray[np.int_], *, changed_at: int | None = None
    ) -> Floats:
        """The loss at chosen ``steps`` by the sum itself, exact to rounding [loss_unit]; shape of ``steps``."""
        turn, level = self._turns(checked_rates(rates))
        total, change = np.cumsum(turn), drops(level)
        sources = np.flatnonzero(change)
        with np.errstate(divide="ignore"):
            steepness = self.C * turn[sources] ** -self.gamma
        change, before = change[sources], (total - turn)[sources]
        indices = chosen(steps, len(turn))
        annealing = np.empty(indices.shape)
        for i, t in np.ndenumerate(indices):
            n = int(np.searchsorted(sources, t, side="right"))
            area = total[t] - before[:n]
            kernel = (1 + steepness[:n] * np.where(area > 0, area, np.nan)) ** -self.beta
            annealing[i] = np.sum(change[:n] * np.where(area > 0, 1 - kernel, 0.0))
        return self.L0 + forward_power(total[indices], self.A, self.alpha) - self.B * annealing

    def final_loss(self, rates: ArrayLike, steps: Floats | None = None) -> float:
        """The final loss [loss_unit]; of pieces, with r of the middle of each."""
        array = checked_rates(rates)
        turn = turning(array, steps, weight_decay=self.weight_decay, start=self.start).turn
        area = turn if steps is None else turn * steps
        power, _ = power_and_slope(float(area.sum()), self.A, self.alpha)
        change = drops(turn if self.p == 1.0 else turn**self.p)
        acting = (turn > 0) & (change != 0)
        x = self.C * turn[acting] ** -self.gamma * np.cumsum(area[::-1])[::-1][acting]
        annealed = 1 - np.exp(np.log1p(x) * -self.beta)
        return self.L0 + power - self.B * float(change[acting] @ annealed)

    def final_slope(self, rates: ArrayLike, steps: Floats | None = None) -> tuple[float, Floats]:
        """F = sum_k (v_(k-1) - v_k) G(x_k) with v = r^p, x_k = C r_k^-gamma W_k and W_k = n_k r_k + ... + n_T r_T.

        dF/d r_j = p r_j^(p-1) (G(x_(j+1)) - G(x_j)) - gamma (v_(j-1) - v_j) G'(x_j) x_j / r_j
        + n_j sum_(k <= j) (v_(k-1) - v_k) G'(x_k) C r_k^-gamma; ``rates_slope`` makes of it that by the rates.
        """
        array = checked_rates(rates)
        found = turning(array, steps, weight_decay=self.weight_decay, start=self.start)
        turn = found.turn
        held = np.ones_like(turn) if steps is None else steps
        area = turn * held
        change = drops(turn if self.p == 1.0 else turn**self.p)
        power, by_sum = power_and_slope(float(area.sum()), self.A, self.alpha)
        steepness = np.zeros_like(turn)
        positive = turn > 0
        steepness[positive] = self.C * turn[positive] ** -self.gamma
        x = steepness * np.cumsum(area[::-1])[::-1]
        kernel = (1 + x) ** -self.beta
        gain = 1 - kernel
        by_x = self.beta * kernel / (1 + x) * change
        by_level = -gain
        by_level[:-1] += gain[1:]
        out = np.cumsum(by_x * steepness) * held
        # a rate of zero has no slope of its own where p is below one
        out[positive] += by_level[positive] * (self.p * turn[positive] ** (self.p - 1))
        if self.p == 1.0:
            out[~positive] += by_level[~positive]
        out[positive] -= self.gamma * (by_x * x)[positive] / turn[positive]
        loss = self.L0 + power - self.B * float(change @ gain)
        return loss, rates_slope(by_sum * held - self.B * out, array, steps, found, self.weight_decay)


class MultiPowerDesign:
    """Columns: (S1 / SCALE)^-alpha and -sum w G, with w the drops of r^p. All r are shares of sqrt(P), P the peak rate.

    Shapes: alpha, log n, log beta, gamma, log h, log s and p: C = P^((gamma - 1) / 2) / n, h = 1 / (2 lambda P) and
    s = ``start`` / P. So the shapes are numbers without a unit that do not depend on the size of the rates.
    """

    def __init__(self, runs: Sequence[LoggedRun], peak: float) -> None:
        self.peak, self.blocks = peak, [Blocks(run) for run in runs]

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X and dX/dphi."""
        parts = [run_columns(blocks, self.peak, phi) for blocks in self.blocks]
        return np.concatenate([x for x, _ in parts]), np.concatenate([slope for _, slope in parts], axis=1)


def run_columns(blocks: Blocks, peak: float, phi: Floats) -> tuple[Floats, Floats]:
    """X (rows, 2) and dX/dphi (7, rows, 2) of one run."""
    alpha, log_n, log_beta, gamma, log_h, log_s, p = phi.tolist()
    rate = blocks.rate / peak
    exponent = blocks.count * rate * exp(-log_h)
    # M and its derivatives by log h and log s, which is found for each block from the sums over those before
    clock = np.minimum(np.cumsum(exponent), 500.0)
    exponent = np.diff(clock, prepend=0.0)
    grown, grown_before, start = np.exp(clock), np.exp(clock - exponent), exp(log_s)
    after = (start + np.cumsum(rate * (grown - grown_before))) / grown
    before = np.concatenate([[start], after[:-1]])
    half = np.exp(exponent * -0.5)
    middle = before * half + rate * (1 - half)
    after_by = np.stack([np.cumsum((before - rate) * exponent * grown_before), np.full_like(rate, start)]) / grown
    before_by = np.concatenate([[[0.0], [start]], after_by[:, :-1]], axis=1)
    middle_by = before_by * half
    middle_by[0] += (before - rate) * 0.5 * exponent * half
    log_turn_by = -0.5 * middle_by / middle
    turn = rate / np.sqrt(middle)
    area = turn * blocks.count
    total = np.cumsum(area)
    area_by = area * log_turn_by
    total_by = np.cumsum(area_by, axis=1)
    here, here_by = total[blocks.at], total_by[:, blocks.at]
    power, by_alpha = forward(here / SCALE, alpha)
    columns, by = np.zeros((len(here), 2)), np.zeros((7, len(here), 2))
    columns[:, 0], by[0, :, 0], by[4:6, :, 0] = power, by_alpha, -alpha * power / here * here_by
    # the changes of r^p over each block, and where in it they stand
    log_last = np.log(np.maximum(blocks.last_rate / peak, LEAST)) - 0.5 * np.log(after)
    level = np.exp(p * log_last)
    levels = np.stack([level, *(level * p * -0.5 * after_by / after), level * log_last])
    log_centre = blocks.log_rate - log(peak) - 0.5 * np.log(middle)
    centres = np.concatenate(
        [[total - (1 - blocks.share) * area, log_centre], total_by - (1 - blocks.share) * area_by, log_turn_by]
    )
    pairs = blocks.of_pairs(-np.diff(levels, axis=1, prepend=0.0), centres, room=8)
    columns[:, 1], by[1:, :, 1] = annealed_of_pairs(blocks, pairs, (here, *here_by), (log_n, exp(log_beta), gamma))
    return columns, by


def annealed_of_pairs(
    blocks: Blocks, pairs: Floats, here: tuple[Floats, ...], kernel_of: tuple[float, float, float]
) -> tuple[Floats, Floats]:
    """-sum w G of every row and its derivatives (6, rows), by log n, log beta, gamma, log h, log s and p.

    ``pairs`` (18, pairs) hold w and its derivatives by log h, log s and p, where the drops stand and log r there, both
    by log h and log s, and room that is written over; ``here`` S1 of the rows and its derivatives by log h and log s;
    ``kernel_of`` log n, beta and gamma.
    """
    log_n, beta, gamma = kernel_of
    drop, drop_by_h, drop_by_s, drop_by_p, centre, log_r, centre_by_h, centre_by_s, log_by_h, log_by_s = pairs[:10]
    between, x, beyond, log_1x, kernel, left, by_log_x, slope = pairs[10:]
    by = np.empty((6, len(here[0])))
    np.subtract(blocks.to_pairs(here[0], between), centre, out=between)
    np.maximum(between, 1e-9, out=between)
    # x = between r^-gamma / n, and the kernel (1 + x)^-beta
    np.multiply(log_r, -gamma, out=x)
    np.exp(np.subtract(x, log_n, out=x), out=x)
    np.multiply(x, between, out=x)
    np.add(x, 1, out=beyond)
    np.log1p(x, out=log_1x)
    np.exp(np.multiply(log_1x, -beta, out=kernel), out=kernel)
    np.multiply(drop, kernel, out=left)
    # the derivative by log x, w beta x kernel / (1 + x)
    np.multiply(left, beta, out=by_log_x)
    np.divide(np.multiply(by_log_x, x, out=by_log_x), beyond, out=by_log_x)
    gain = np.subtract(1, kernel, out=kernel)
    by[0] = blocks.by_row(by_log_x)
    by[1] = blocks.by_row(np.multiply(np.multiply(left, log_1x, out=slope), -beta, out=slope))
    by[2] = blocks.by_row(np.multiply(by_log_x, log_r, out=slope))
    moved = ((here[1], centre_by_h, log_by_h, drop_by_h), (here[2], centre_by_s, log_by_s, drop_by_s))
    for i, (of_here, of_centre, of_log, of_drop) in enumerate(moved):
        # the derivative by log x times that of log x, (of_here - of_centre) / between - gamma of_log, and w's own
        np.subtract(blocks.to_pairs(of_here, slope), of_centre, out=slope)
        np.divide(slope, between, out=slope)
        np.subtract(slope, np.multiply(of_log, gamma, out=of_log), out=slope)
        np.multiply(by_log_x, slope, out=slope)
        by[3 + i] = -blocks.by_row(np.add(slope, np.multiply(of_drop, gain, out=of_drop), out=slope))
    by[5] = -blocks.by_row(np.multiply(drop_by_p, gain, out=slope))
    return -blocks.by_row(np.multiply(drop, gain, out=slope)), by


def constants_of(theta: Floats, peak: float) -> Constants:
    """The law's constants of the fit's coordinates."""
    level, log_a, log_b, alpha, log_n, log_beta, gamma, log_h, log_s, p = theta.tolist()
    half = log(peak) / 2
    unit = half + log(SCALE)
    return {
        "L0": (level, slopes(10, _0=1.0)),
        "log A": (exp(log_a + alpha * unit), slopes(10, _1=1.0, _3=unit)),
        "alpha": (alpha, slopes(10, _3=1.0)),
        "log B": (exp(log_b - p * half), slopes(10, _2=1.0, _9=-half)),
        "log C": (exp(-log_n + (gamma - 1) * half), slopes(10, _4=-1.0, _6=half)),
        "log beta": (exp(log_beta), slopes(10, _5=1.0)),
        "gamma": (gamma, slopes(10, _6=1.0)),
        "log weight_decay": (exp(-log_h) / (2 * peak), slopes(10, _7=-1.0)),
        "log start": (exp(log_s) * peak, slopes(10, _8=1.0)),
        "p": (p, slopes(10, _9=1.0)),
    }


def coordinates_of(law: MultiPower, peak: float) -> Floats:
    """The fit's coordinates of the law's constants; without weight decay the norm stands still for ever."""
    half = log(peak) / 2
    level, forward, noise = law.L0, log(law.A) - law.alpha * (half + log(SCALE)), log(max(law.B, 1e-300)) + law.p * half
    log_n = (law.gamma - 1) * half - log(law.C)
    log_h = -log(max(2 * law.weight_decay * peak, 1e-30))
    shapes = [law.alpha, log_n, log(law.beta), law.gamma, log_h, log(law.start / peak), law.p]
    return np.array([level, forward, noise, *shapes])


FORM = CurveForm(
    kind="multi_power",
    linear=("A", "B"),
    shapes=(EXPONENT, LOG_N, LOG_BETA, GAMMA, LOG_H, LOG_START, P),
    design=MultiPowerDesign,
    to_constants=constants_of,
    to_coordinates=coordinates_of,
    # it counts warm-up as it was, so that its early rows may speak too; half-way between rows and doublings
    weight_power=0.5,
    shares=SHARES,
    straying=IN_TURNS,
)
