"""Runs chosen for a target: the variance of the forecast there, and what the form itself may miss."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import msgspec
import numpy as np

from lehr.simulators.counting import NConvention
from lehr.simulators.designing.belief import VIEWS, Belief
from lehr.simulators.laws.base import Misfit
from lehr.simulators.laws.surfaces.misfit import DEGREES, MISFIT
from lehr.simulators.planning.reading import Key, Rung, size_at
from lehr.simulators.quantities import Floats

LARGEST_SHARES = (1 / 2, 1 / 3, 1 / 5)
"""Of the budget, which one run may take: all of them are tried."""
SIZE_WEIGHTS = (0.0, 0.04)
"""How much an e-fold of error of the best size counts beside the log loss at the target: all of them are tried."""
BENDS = (0.0, 1.0)
"""Times the misfit that a run is doubted by for each e-fold between it and the target: both are tried."""
SMALLEST_SHARE = 1 / 2000
"""Of the budget, which a run takes at least: three decades of budgets are what public tables span."""
POWERS = (0.25, 0.5, 1.0)
"""A run is worth what it adds over a power of its cost: cheap runs first (1), or telling ones; all are tried."""
FEWEST_SIZES = 5
"""So that three are left to fit when the largest fifth are held out."""
ROUNDS = 4
"""Passes of exchanges; a later one has not moved a third digit of the spread."""
STEP = 2**0.5
"""Between two token counts of a size."""
RATIOS = (5.0, 320.0)
"""Tokens a parameter of the runs: the public tables that laws were fitted to lie there, and a form bends beyond."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The run that is to be forecast, or several: N by the law's convention [parameters], D [tokens]."""

    n: Floats
    d: Floats

    @property
    def flops(self) -> Floats:
        """6 N D [FLOP]."""
        return 6 * self.n * self.d


class Pool(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Runs that could be made, one an entry: network, N, D and what each costs [FLOP]."""

    keys: list[Key]
    n: Floats
    d: Floats
    cost: Floats

    def __len__(self) -> int:
        return len(self.n)


class Design(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The entries of a pool that are to be made, by rising cost, and the standard deviation of the forecast at the
    target that is left: of the constants, and of the form [log loss]."""

    pool: Pool
    rows: list[int]
    spread: float
    misfit: float

    @property
    def cost(self) -> float:
        """Of all its runs [FLOP]."""
        return float(self.pool.cost[self.rows].sum())


def pool_of(
    rungs: Mapping[Key, Rung], convention: NConvention, *, budget: float, ratios: tuple[float, float] = RATIOS
) -> Pool:
    """Every network with token counts of ``ratios`` a parameter, ``STEP`` apart, that takes no more than the largest
    of ``LARGEST_SHARES`` of ``budget`` [FLOP]; N by ``convention``. Raises ``ValueError`` where too few are so cheap.

    >>> from lehr.simulators.planning.choosing import rung_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> widths = (256, 384, 512, 640, 768)
    >>> rungs = {(w, 1): rung_of(dense(w, vocab_size=32000, context_length=2048), 2048) for w in widths}
    >>> pool = pool_of(rungs, "total", budget=1e20)
    >>> len(pool), float(pool.cost.max()) <= 5e19
    (54, True)
    """
    keys, n, d, cost = [], [], [], []
    counts = int(np.floor(np.log(ratios[1] / ratios[0]) / np.log(STEP) + 1e-9)) + 1
    for key, rung in rungs.items():
        size = size_at(rung, convention)
        for ratio in ratios[0] * STEP ** np.arange(counts):
            tokens = float(ratio) * size
            if SMALLEST_SHARE <= rung.training * tokens / budget <= LARGEST_SHARES[0]:
                keys.append(key)
                n.append(size)
                d.append(tokens)
                cost.append(rung.training * tokens)
    if len(set(n)) < FEWEST_SIZES:
        raise ValueError(
            f"{budget:.3g} FLOP pay for runs of {len(set(n))} sizes of the ladder with {ratios[0]:g} tokens a "
            f"parameter; a forecast needs {FEWEST_SIZES}: give more, or write a smaller vocab_size"
        )
    return Pool(keys=keys, n=np.array(n), d=np.array(d), cost=np.array(cost))


class _Scorer:
    """The variance at the target for sets of entries, averaged over constants that the belief allows."""

    def __init__(  # noqa: PLR0917  (each is one fact of the question)
        self, belief: Belief, pool: Pool, target: Target, misfit: float, weight: float = 0.0, bend: float = 1.0
    ) -> None:
        theta = belief.draw(VIEWS)
        self.flops = 6 * pool.n * pool.d
        self.target, self.size, self.bend = target.flops, misfit, bend * misfit
        self.slopes = (belief.at(theta, pool.n, pool.d)[1] / self.doubt(belief.noise, self.flops)).transpose(0, 2, 1)
        self.wanted = belief.at(theta, target.n, target.d)[1]
        if weight:
            slopes = _slopes_of_best(belief, theta, float(target.flops[0]))
            self.wanted = np.concatenate([self.wanted, weight * slopes[:, :, None]], axis=2)
        start = np.linalg.inv(belief.covariance)[None]
        self.largest = 0.0
        if belief.made is not None:
            made = belief.at(theta, belief.made.parameters, belief.made.tokens)[1]
            made = made / self.doubt(belief.noise, belief.made.flops)
            start = start + made @ made.transpose(0, 2, 1)
            self.largest = float(belief.made.flops.max())
        self.start = np.broadcast_to(start, (len(theta), *belief.covariance.shape))

    def doubt(self, noise: float, flops: Floats) -> Floats:
        """How far a run may lie from the law that holds at the target [log loss]: its noise, and what the form may bend
        by on the way, ``bend`` for each e-fold."""
        return np.asarray(np.hypot(noise, self.bend * np.maximum(0.0, np.log(self.target.mean() / flops))))

    def form_variance(self, rows: list[int]) -> float:
        """What the form may miss at the target."""
        largest = max(self.largest, float(self.flops[rows].max(initial=0.0)))
        return float(np.mean(Misfit(size=self.size, flops=largest, degrees=DEGREES).at(self.target) ** 2))

    def inverse(self, rows: list[int]) -> Floats:
        """The covariance of the constants after these runs, a view each."""
        j = self.slopes[:, rows]
        return np.asarray(np.linalg.inv(self.start + j.transpose(0, 2, 1) @ j))

    def variance(self, rows: list[int]) -> float:
        """What is left of the constants at the target."""
        return float((self.wanted * (self.inverse(rows) @ self.wanted)).sum(axis=1).mean())

    def gains(self, rows: list[int]) -> tuple[float, Floats]:
        """The variance now, and by how much each entry would lower it."""
        inverse = self.inverse(rows)
        along = inverse @ self.wanted
        across = self.slopes @ along
        own = ((self.slopes @ inverse) * self.slopes).sum(axis=2)
        return float((along * self.wanted).sum(axis=1).mean()), (across**2 / (1 + own)[:, :, None]).mean(axis=(0, 2))

    def total(self, rows: list[int]) -> float:
        """Both parts."""
        return self.variance(rows) + self.form_variance(rows)


def propose(
    belief: Belief, pool: Pool, target: Target, *, budget: float, most: int = 24, misfit: float = MISFIT
) -> list[Design]:
    """Designs of at most ``most`` entries of ``pool`` that cost ``budget`` [FLOP] together, for a sharp forecast at
    ``target``: one for each cap on the largest run, each weight of the best size and each doubt of far runs.

    The variance of the forecast is that of the constants, J' (P + sum J_i J_i' / s_i**2)**-1 J with the derivatives J
    of the log loss and the prior P, averaged over constants that the belief allows, and the form's: ``misfit``, and as
    much again for each e-fold from the largest run to the target. A run's s is its noise, and perhaps ``misfit`` for
    each e-fold from it to the target: what bends on the way makes far runs tell less. Runs are added by what they gain
    over a power of their cost (as in arXiv:2604.22753), and then exchanged one by one (Fedorov 1972).

    Raises ``ValueError`` where the budget does not pay for runs of ``FEWEST_SIZES`` sizes.
    """
    found = []
    for weight, bend in product(SIZE_WEIGHTS, BENDS):
        scorer = _Scorer(belief, pool, target, misfit, weight, bend)
        for share in LARGEST_SHARES:
            allowed = pool.cost <= budget * share
            if len(np.unique(pool.n[allowed])) < FEWEST_SIZES:
                continue
            first = _first(pool, allowed)
            tries = [rows for p in POWERS if (rows := _add(scorer, pool, first, budget, most, p, allowed))]
            if tries:
                rows = _exchange(scorer, pool, min(tries, key=scorer.total), budget, allowed)
                found.append(_design(scorer, pool, _add(scorer, pool, rows, budget, most, POWERS[0], allowed)))
    if not found:
        raise ValueError(f"{budget:.3g} FLOP do not pay for runs of {FEWEST_SIZES} sizes; give more")
    return found


def _slopes_of_best(belief: Belief, theta: Floats, flops: float) -> Floats:
    """The derivatives of the log of the best size at ``flops`` by each constant (views, p)."""
    step = 1e-5
    budget: Any = np.full(len(theta), flops)
    slopes = np.empty_like(theta)
    for j in range(theta.shape[1]):
        moved = np.zeros(theta.shape[1])
        moved[j] = step
        up, down = (np.log(belief.law(theta + sign * moved).optimum(budget)[0]) for sign in (1, -1))
        slopes[:, j] = (up - down) / (2 * step)
    return slopes


def isoflop_grid(
    belief: Belief, rungs: Mapping[Key, Rung], target: Target, *, budget: float, misfit: float = MISFIT,
    budgets: int = 5, sizes: int = 7, factor: float = 3.0, span: float = 3.0,
) -> Design:  # fmt: skip
    """What one would do without a design: ``budgets`` profiles a ``factor`` apart, each of ``sizes`` networks within a
    factor ``span`` of the optimum that is believed, for the same money."""
    law = belief.law(belief.theta)
    parts = factor ** -np.arange(budgets)
    known = np.array([size_at(rung, law.n_convention) for rung in rungs.values()])
    keys, n, d, cost = [], [], [], []
    for flops in budget / sizes / parts.sum() * parts:
        wanted = law.optimum(float(flops))[0] * span ** np.linspace(-1, 1, sizes)
        for size in wanted:
            # a size that the ladder lacks is as good as its neighbour, but for being there twice
            i = int(np.argmin(np.abs(np.log(known / size))))
            key = list(rungs)[i]
            keys.append(key)
            n.append(known[i])
            cost.append(float(flops))
            d.append(float(flops) / rungs[key].training)
    pool = Pool(keys=keys, n=np.array(n), d=np.array(d), cost=np.array(cost))
    return _design(_Scorer(belief, pool, target, misfit), pool, list(range(len(pool))))


def _design(scorer: _Scorer, pool: Pool, rows: list[int]) -> Design:
    ordered = sorted(rows, key=lambda row: (pool.cost[row], pool.n[row]))
    return Design(
        pool=pool, rows=ordered, spread=scorer.variance(rows) ** 0.5, misfit=scorer.form_variance(rows) ** 0.5
    )


def _first(pool: Pool, allowed: np.ndarray) -> list[int]:
    """The cheapest entry of each of ``FEWEST_SIZES`` sizes that lie evenly between the extremes."""
    sizes = np.unique(pool.n[allowed])
    wanted = np.geomspace(sizes[0], sizes[-1], FEWEST_SIZES)
    left = sizes.tolist()
    rows = []
    for size in wanted:
        nearest = min(left, key=lambda one: abs(np.log(one / size)))
        left.remove(nearest)
        mine = np.flatnonzero(allowed & (pool.n == nearest))
        rows.append(int(mine[np.argmin(pool.cost[mine])]))
    return rows


def _add(  # noqa: PLR0917  (each is one fact of the search)
    scorer: _Scorer, pool: Pool, rows: list[int], budget: float, most: int, power: float, allowed: np.ndarray
) -> list[int]:
    """``rows`` and what gains most over a power of its cost, until the money or the runs are spent; none where the
    first ones cost too much already."""
    rows = list(rows)
    left = budget - float(pool.cost[rows].sum())
    if left < 0:
        return []
    while len(rows) < most:
        worth = scorer.gains(rows)[1] / pool.cost**power
        worth[~allowed | (pool.cost > left)] = -np.inf
        worth[rows] = -np.inf
        best = int(np.argmax(worth))
        if not np.isfinite(worth[best]):
            break
        rows.append(best)
        left -= float(pool.cost[best])
    return rows


def _exchange(scorer: _Scorer, pool: Pool, rows: list[int], budget: float, allowed: np.ndarray) -> list[int]:
    """Each run in turn is replaced by whatever lowers the variance most for the money that it leaves."""
    rows = list(rows)
    least = scorer.total(rows)
    for _ in range(ROUNDS):
        before = least
        for i in range(len(rows)):
            others = rows[:i] + rows[i + 1 :]
            left = budget - float(pool.cost[others].sum())
            variance, gains = scorer.gains(others)
            able = allowed & (pool.cost <= left)
            able[others] = False
            if len(np.unique(pool.n[others])) < FEWEST_SIZES:
                able &= ~np.isin(pool.n, pool.n[others])
            largest = max(scorer.largest, float(scorer.flops[others].max()))
            beyond = scorer.target / np.maximum(scorer.flops, largest)[:, None]
            form = Misfit(size=scorer.size, flops=1.0, degrees=DEGREES).at(beyond)
            totals = np.where(able, variance - gains + (form**2).mean(axis=1), np.inf)
            best = int(np.argmin(totals))
            if totals[best] < least * (1 - 1e-9):
                rows, least = [*others[:i], best, *others[i:]], float(totals[best])
        if least > before * (1 - 1e-3):
            break
    return rows
