"""A mixture of experts beside dense models that keep its attention."""

from __future__ import annotations

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import FLOP_CONVENTIONS, count_parameters, training_flops_per_token


class DenseComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Training FLOPs per token of a mixture of experts beside dense models that keep its attention [FLOP/token]."""

    sequence_length: int
    moe: float
    dense_same_total: float
    dense_same_active: float


def compare_with_dense(architecture: Architecture, seq_len: int) -> DenseComparison | None:
    """A token's training work beside that of dense models of the same total and the same active parameters.

    ``None`` for a dense network. Attention is the same in all three; both tables are too.

    >>> from lehr.simulators.planning.ladder import mixture
    >>> net = mixture(4096, expansion=8, top_k=8, vocab_size=128256, context_length=8192)
    >>> found = compare_with_dense(net, 4096)
    >>> f"{found.dense_same_active / 1e9:.0f} or {found.dense_same_total / 1e9:.0f} GFLOP"
    '48 or 285 GFLOP'
    """
    count = count_parameters(architecture)
    if not count.sparse:
        return None
    convention = FLOP_CONVENTIONS["causal_with_router"]
    moe = training_flops_per_token(architecture, seq_len, convention)
    idle = count.total - count.active["all"]
    return DenseComparison(sequence_length=seq_len, moe=moe, dense_same_total=moe + 6.0 * idle, dense_same_active=moe)
