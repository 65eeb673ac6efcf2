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
        if c.expansion == plan.chosen.expansion and (c.d_model, c.expansion) != leave_out
    ]  # fmt: skip
    sizes = np.log([size_of(law, rungs[c.d_model, c.expansion]) for c in mine])
    losses, tokens = np.array([c.loss for c in mine]), np.array([c.tokens for c in mine])
    if isinstance(law, Frontier):
        return _decided(law, flops, sizes)
    best = int(np.argmin(losses))
    if plan.chosen.useful < 1 or best in (0, len(mine) - 1):
        return None
    near = slice(best - 1, best + 2)
    bend, slope, _ = np.polyfit(sizes[near] - sizes[best], losses[near] - losses[best], 2)
    least = sizes[best] - slope / (2 * bend) if bend > 0 else np.nan
    if not sizes[best - 1] < least < sizes[best + 1]:
        return None
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
    law: Planner, size: float, shapes: Iterable[tuple[float, Architecture]], sequence_length: int
) -> tuple[Architecture, Rung] | None:
    """Of networks with how far each leaves the usual proportions the most usual that is ``CLOSE`` to ``size``, in the
    words of ``size_of``; else the closest. ``None`` where there are none."""
    best: tuple[tuple[float, float], Architecture, Rung] | None = None
    for apart, architecture in shapes:
        rung = rung_of(architecture, sequence_length)
        off = abs(float(np.log(size_of(law, rung) / size)))
        rank = (0.0, apart) if off <= CLOSE else (off, apart)
        if best is None or rank < best[0]:
            best = rank, architecture, rung
    return None if best is None else best[1:]
