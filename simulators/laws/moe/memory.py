"""Dense or a mixture, where memory is short: the number of experts of least loss at a budget and a memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from lehr.simulators.laws.moe.family import shape_of, total_of
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.numerics.search import solve_monotonic
from lehr.simulators.quantities import Floats


class ByExperts(Protocol):
    """A law of the loss by active parameters, tokens and experts."""

    def loss(self, n: float, d: float, experts: float) -> Floats:
        """The loss [loss_unit]."""

    def optimum(self, flops: float, experts: float) -> tuple[float, float]:
        """Active parameters and tokens of least loss at a budget [parameters], [tokens]."""


class MemoryChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One number of experts under a budget and a memory [parameters], [tokens], [loss_unit of the law], [bytes]."""

    experts: float
    active: float
    total: float
    tokens: float
    loss: float
    memory: float
    limited: bool


def held_bytes(active: float, experts: float, *, cache_tokens: float, bytes_per_value: float = 2.0) -> float:
    """What weights and key-value cache of a model of the paper's family take: 2 bytes for each of N_total and of
    2 T n_blocks d_model (section 4.3) [bytes].

    >>> f"{held_bytes(1.3e9, 1, cache_tokens=16e3) / 1e9:.1f} GB"
    '5.7 GB'
    """
    width = shape_of(active)
    return bytes_per_value * (total_of(active, experts) + 2 * cache_tokens * width / 64 * width)


def best_under_memory(
    law: ByExperts,
    flops: float,
    memory: float,
    *,
    experts: Sequence[float] = (1, 2, 4, 8, 16, 32),
    cache_tokens: float = 16_384,
    bytes_per_value: float = 2.0,
) -> list[MemoryChoice]:
    """Every number of experts with the best model that fits into ``memory``, the best first.

    Where the compute-optimal model does not fit, the largest that does is taken, on more tokens. Raises ``ValueError``
    where ``flops`` or ``memory`` is not positive.

    >>> from lehr.simulators.laws.moe import JointMoe
    >>> law = JointMoe(name="x", title="", n_convention="active", loss_unit="nats/token", a=35.91, alpha=-0.1889,
    ...     delta=-0.2285, gamma=0.0098, b=35.98, beta=-0.1775, omega=0.5529, zeta=-0.0259, c=1.3637,
    ...     E_start=2.0732, E_max=290.4521)
    >>> [choice.experts for choice in best_under_memory(law, 1e22, 80e9)][:2]      # the paper's Table 2: 16
    [16, 8]
    """
    positive(flops, "flops", "FLOP")
    positive(memory, "memory", "bytes")
    choices = []
    for e in experts:

        def held(active: float, e: float = e) -> float:
            return held_bytes(active, e, cache_tokens=cache_tokens, bytes_per_value=bytes_per_value)

        active, tokens = law.optimum(flops, e)
        limited = held(active) > memory
        if limited:
            largest = solve_monotonic(held, 1e6, active, memory)
            if largest is None:
                continue
            active, tokens = largest, flops / 6 / largest
        loss = float(law.loss(active, tokens, e))
        choices.append(
            MemoryChoice(
                experts=e,
                active=active,
                total=total_of(active, e),
                tokens=tokens,
                loss=loss,
                memory=held(active),
                limited=limited,
            )
        )
    return sorted(choices, key=lambda choice: choice.loss)
