"""The size that a law wants between the rungs of a ladder, and a network of that size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from lehr.simulators.architecture import Architecture
from lehr.simulators.laws import DataConstrained, Frontier
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.planning.choosing import TIE, Demand, Plan, Planner, rung_of
from lehr.simulators.planning.reading import Key, Rung, size_at
from lehr.simulators.quantities import Floats

CLOSE = 2.5e-3
"""A network is of the wanted size where it is off by no more [log]."""
SIDE = 3
"""Rungs to either side through which the loss is drawn: their shapes differ, so that it is rough by a few 0.0001."""
SHAPE = 25.0
"""What another size, or cost of a parameter, weighs against usual proportions [1]: the law chooses a size, no shape."""
ROUNDS = 20
"""Of the search for the law's own size, each of which leaves at most half of the distance."""


def size_of(law: Planner, rung: Rung) -> float:
    """What ``law`` calls the size of a network: its N, or FLOPs per token where it decides those."""
    if isinstance(law, JointMoe):
        return float(rung.count.active["all"])
    if isinstance(law, Frontier) and (law.parameters is None or law.n_convention == "flops_per_token"):
        return rung.training
    return size_at(rung, law.n_convention)


def wanted(
    plan: Plan, rungs: Mapping[Key, Rung], law: Planner, flops: float, *, demand: Demand, leave_out: Key | None = None
) -> float | None:
    """The size of least loss between the rungs of the chosen expansion, or among sizes that differ by less than ``TIE``
    that of the law's own optimum for the work, 6 N D, that the network gets: its constants belong to that count. A
    frontier's size is its decision. ``flops`` are for pre-training [FLOP]; ``leave_out`` is no rung of the ladder.
    ``None`` where the best lies at the end of those that were tried, and where more of the budget is of no use, so that
    sizes are alike and the smallest stands.
    """
    mine = [
        c for c in plan.candidates
        if c.expansion == plan.chosen.expansion and c.key != leave_out
    ]  # fmt: skip
    sizes = np.log([size_of(law, rungs[c.key]) for c in mine])
    losses, tokens = np.array([c.loss for c in mine]), np.array([c.tokens for c in mine])
    if isinstance(law, Frontier):
        return _decided(law, flops, sizes)
    best = int(np.argmin(losses))
    if plan.chosen.useful < 1 or best in (0, len(mine) - 1):
        return None
    near = slice(max(0, best - SIDE), best + SIDE + 1)
    curve = np.poly1d(np.polyfit(sizes[near] - sizes[best], losses[near] - losses[best], min(3, best + 1)))
    low, high = sizes[max(0, best - SIDE + 1)], sizes[min(len(mine) - 1, best + SIDE - 1)]
    hollows = [r for r in curve.deriv().roots.real if low < sizes[best] + r < high and curve.deriv(2)(r) > 0]
    if not hollows:
        return None
    least, bend = float(sizes[best] + hollows[0]), float(curve.deriv(2)(hollows[0])) / 2
    repeats = plan.chosen.epochs > 1 and not isinstance(law, DataConstrained)
    if not (repeats or demand.seen or demand.served or demand.memory is not None):
        own = _own(law, sizes, tokens, float(least), demand.unique, plan.chosen.expansion)
        if own is not None and bend * (own - least) ** 2 < TIE:
            least = own
    return float(np.exp(least))


def _decided(law: Frontier, flops: float, sizes: Floats) -> float | None:
    """The size that a frontier decides on, in the words of ``size_of``."""
    n, d = law.optimum(flops)
    size = flops / d if law.parameters is None else n
    return size if sizes[0] < np.log(size) < sizes[-1] else None


def _own(  # noqa: PLR0917  (each is one fact of the ladder)
    law: Planner, sizes: Floats, tokens: Floats, start: float, unique: float | None, expansion: int
) -> float | None:
    """The size N that is the law's optimum for 6 N D, with the tokens D that the budget buys it [log]; ``None`` where
    it lies beyond the ladder."""
    if isinstance(law, Frontier):
        return None
    size = start
    for _ in range(ROUNDS):
        work = 6 * np.exp(size + np.interp(size, sizes, np.log(tokens)))
        if isinstance(law, JointMoe):
            size = np.log(law.optimum(work, float(expansion))[0])
        elif isinstance(law, DataConstrained):
            size = np.log(law.optimum(work, unique)[0])
        else:
            size = np.log(law.optimum(work)[0])
        if not sizes[0] < size < sizes[-1]:
            return None
    return float(size)


def network_of(
    law: Planner, size: float, shapes: Iterable[tuple[float, Architecture]], sequence_length: int, rungs: Iterable[Rung]
) -> tuple[Architecture, Rung] | None:
    """Of networks with how far each leaves the usual proportions the one that is ``CLOSE`` to ``size``, in the words of
    ``size_of``, costs for its size what ``rungs`` around it do, and is the most usual; of that as much as there is.
    ``None`` where there are none."""
    by_size = sorted((size_of(law, rung), rung.training / rung.count.total) for rung in rungs)
    sizes, costs = np.log(np.array(by_size)).T
    usual = float(np.interp(np.log(size), sizes, costs))
    best: tuple[float, Architecture, Rung] | None = None
    for apart, architecture in shapes:
        rung = rung_of(architecture, sequence_length)
        off = abs(float(np.log(size_of(law, rung) / size)))
        dearer = abs(float(np.log(rung.training / rung.count.total)) - usual)
        rank = apart + SHAPE * (8 * max(0.0, off - CLOSE) + dearer)
        if best is None or rank < best[0]:
            best = rank, architecture, rung
    return None if best is None else best[1:]
