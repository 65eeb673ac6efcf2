"""Runs of a table chosen in turns, as if their losses were not known: what a design is worth on real runs."""

from __future__ import annotations

import numpy as np

from lehr.simulators.designing.belief import belief_after
from lehr.simulators.designing.choosing import LARGEST_SHARES, POWERS, Pool, Target, _add, _Scorer
from lehr.simulators.laws.surfaces.misfit import MISFIT
from lehr.simulators.laws.surfaces.runs import Runs

TURNS = 4
FIRST_SIZES = 5
FIRST = 9
"""Runs of the first turn, the cheapest of so many sizes and then the cheapest of all: three more than constants."""


def in_turns(runs: Runs, target: Target, *, budget: float, most: int = 24, turns: int = TURNS) -> list[int]:
    """Rows of ``runs`` that cost ``budget`` [FLOP] at 6 N D together, chosen for the forecast at ``target``.

    The first are the cheapest. Then what has been seen is fitted, runs are proposed for all the money that is left, and
    the cheaper half of them is made, until the last turn makes all. Raises ``ValueError`` where the money does not pay
    for the first ones.
    """
    pool = Pool(keys=[(0, 1)] * len(runs), n=runs.parameters, d=runs.tokens, cost=runs.flops)
    rows = _cheapest(pool)
    if pool.cost[rows].sum() > budget:
        raise ValueError(f"{budget:.3g} FLOP do not pay for the {FIRST} cheapest runs")
    for turn in range(turns):
        left = budget - float(pool.cost[rows].sum())
        scorer = _Scorer(belief_after(runs.take(np.array(rows))), pool, target, MISFIT)
        new = np.ones(len(pool), dtype=bool)
        new[rows] = False
        tries: list[list[int]] = [
            rows_of
            for share in (1.0, *LARGEST_SHARES)
            for power in POWERS
            if (rows_of := _add(scorer, pool, [], left, most, power, new & (pool.cost <= left * share)))
        ]
        if not tries:
            break
        best = min(tries, key=scorer.total)
        found = sorted(best, key=lambda row: float(pool.cost[row]))
        rows += found if turn == turns - 1 else found[: max(1, len(found) // 2)]
    return rows


def _cheapest(pool: Pool) -> list[int]:
    """The cheapest run of each of some sizes from the smallest to the largest, and the cheapest of all."""
    sizes = np.unique(pool.n)
    chosen = sizes[np.unique(np.round(np.linspace(0, len(sizes) - 1, FIRST_SIZES)).astype(int))]
    rows = []
    for size in chosen:
        mine = np.flatnonzero(pool.n == size)
        rows.append(int(mine[np.argmin(pool.cost[mine])]))
    others = [int(i) for i in np.argsort(pool.cost, kind="stable") if int(i) not in rows]
    return rows + others[: FIRST - len(rows)]
