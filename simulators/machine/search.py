"""Every legal layout of a network on a cluster, as arrays, and which of them is best."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import msgspec
import numpy as np

from lehr.simulators.machine.demand import Demand
from lehr.simulators.machine.layout import RECOMPUTES, SCHEDULES, Layout, Layouts, divisors
from lehr.simulators.machine.work import Work

MOST_CONTEXT = 64
LEAST_SHARD = 4096
"""Tokens of a sequence that a rank of a context group gets at the least: the fewest that were measured."""
MICRO_BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a search leaves free, and what is held: ``fixed`` are fields of ``Layout`` with the one value that they may
    have."""

    devices: int
    global_batch: int
    domain: int
    fixed: dict[str, int] = {}
    zeros: tuple[int, ...] = (1, 3)
    recomputes: tuple[int, ...] = (0, 1, 3, 4)
    schedules: tuple[int, ...] = (0,)
    overlap: int = 0

    def free(self, key: str, values: list[int]) -> list[int]:
        """``values``, or the one that ``key`` is held at."""
        return [self.fixed[key]] if key in self.fixed else values


def legal_layouts(work: Work, choice: Choice) -> Layouts:
    """Every layout that divides the network, the devices and the batch.

    Tensor groups divide the heads and stay within a domain; pipelines have no more chunks than layers, shared out
    evenly or with the ends counted as layers; parameters are sharded whole (ZeRO-3) only without a pipeline; context
    groups leave each rank ``LEAST_SHARD`` tokens.

    >>> from lehr.simulators.machine.work import work_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = work_of(dense(4096, vocab_size=128256, context_length=8192), 8192)
    >>> found = legal_layouts(llama3_8b, Choice(devices=8, global_batch=128, domain=8))
    >>> len(found) > 500, set(found.devices.tolist())
    (True, {8})
    """
    n = choice.devices
    columns: list[tuple[int, ...]] = []
    tps = choice.free("tp", [t for t in divisors(work.heads, choice.domain) if n % t == 0])
    for tp in tps:
        longest = max(1, min(MOST_CONTEXT, work.seq_len // LEAST_SHARD))
        powers = [2**k for k in range(7) if 2**k <= longest and work.seq_len % 2**k == 0]
        for cp in choice.free("cp", powers):
            if n % (tp * cp):
                continue
            for pp in choice.free("pp", divisors(n // (tp * cp), work.n_layers)):
                if n % (tp * cp * pp):
                    continue
                columns += _inner(work, choice, tp, cp, pp)
    if not columns:
        return Layouts(*(np.zeros(0, dtype=np.int64) for _ in Layouts.__struct_fields__))
    values = np.array(columns, dtype=np.int64).T
    tp_, pp_, dp_, cp_, ep_, etp_, vpp_, mb_, zero_, rec_, pipe_ = values
    ones = np.ones_like(tp_)
    return Layouts(
        tp=tp_, pp=pp_, dp=dp_, cp=cp_, ep=ep_, etp=etp_, vpp=vpp_, micro_batch=mb_,
        global_batch=ones * choice.global_batch, zero=zero_, shard=ones * 0, sequence_parallel=ones, recompute=rec_,
        schedule=pipe_, overlap=np.maximum(ones * choice.overlap, pipe_ == 2),
    )  # fmt: skip


def _inner(work: Work, choice: Choice, tp: int, cp: int, pp: int) -> list[tuple[int, ...]]:
    dp = choice.devices // (tp * cp * pp)
    if choice.fixed.get("dp", dp) != dp or choice.global_batch % dp:
        return []
    each = choice.global_batch // dp
    batches = choice.free("micro_batch", [b for b in MICRO_BATCHES if each % b == 0])
    if each % batches[0]:
        return []
    chunks = [1]
    if pp > 1:
        chunks += [v for v in range(2, work.n_layers // pp + 1) if _even(work.n_layers, pp * v)]
    group = choice.devices // pp
    experts = [e for e in divisors(work.n_experts, group) if group % e == 0] if work.sparse else [1]
    zeros = [z for z in choice.zeros if z < 3 or pp == 1]
    # DualPipe feeds an even number of stages from both ends, each of one chunk
    schedules = [s for s in choice.schedules if s != 2 or (pp > 1 and pp % 2 == 0)] if pp > 1 else [0]
    return [
        (tp, pp, dp, cp, ep, choice.fixed.get("etp", 1), vpp, batch, zero, again, schedule)
        for ep, vpp, batch, zero, again, schedule in product(
            choice.free("ep", experts),
            choice.free("vpp", chunks) if pp > 1 else [1],
            batches,
            choice.free("zero", zeros),
            list(choice.recomputes),
            schedules,
        )
        if schedule != 2 or vpp == 1
    ]


def _even(layers: int, chunks: int) -> bool:
    return any((layers + ends) % chunks == 0 for ends in (0, 1, 2))


class Ranking(NamedTuple):
    """Layouts in the order of their time, those that do not fit left out; indices into all."""

    order: np.ndarray
    frontier: np.ndarray
    fits: np.ndarray


def rank(seconds: np.ndarray, memory: np.ndarray, capacity: float) -> Ranking:
    """Order what fits by its time; the frontier are those that no other beats in both time and memory, over all.

    >>> rank(np.array([3.0, 1.0, 2.0, 4.0]), np.array([1.0, 9.0, 2.0, 2.0]), 5.0).order.tolist()
    [2, 0, 3]
    """
    fits = memory <= capacity
    order = np.argsort(seconds, kind="stable")
    least = np.minimum.accumulate(np.concatenate([[np.inf], memory[order][:-1]]))
    frontier = order[memory[order] < least]
    return Ranking(order[fits[order]], frontier, fits)


def layout_at(layouts: Layouts, index: int, **choices: Any) -> Layout:
    """One of many as a ``Layout``; ``choices`` are the fields that arrays do not carry."""
    value: dict[str, Any] = {name: int(getattr(layouts, name)[index]) for name in Layouts.__struct_fields__}
    value |= {
        "shard": value["shard"] or None,
        "sequence_parallel": bool(value["sequence_parallel"]),
        "recompute": RECOMPUTES[value["recompute"]],
        "schedule": SCHEDULES[value["schedule"]],
        "overlap_experts": bool(value.pop("overlap")),
    }
    return Layout(**{**value, **choices})


def demand_at(demand: Demand, index: int | np.ndarray) -> Demand:
    """The demands of some layouts alone."""
    return Demand(*(np.broadcast_to(column, np.shape(demand.tokens_step))[index] for column in demand))
