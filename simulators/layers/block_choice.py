"""The choice of blocks of keys that a token attends to."""

from __future__ import annotations

import msgspec

from lehr.simulators.layers.base import Weight, attended, linear
from lehr.simulators.quantities import Size


class BlockIndexer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MiniMax-M3's indexer: small heads score every key, and the ``top_k`` blocks of ``block`` keys with the best
    scores are attended to beside the last ``local`` ones (blocks: NSA, Yuan et al., arXiv:2502.11089, section 3.3).

    >>> from lehr.simulators.layers.base import total
    >>> indexer = BlockIndexer(n_heads=4, d_head=128, block=128, top_k=16)
    >>> total(indexer.weights(6144)), indexer.reach
    (3932416, 2176)
    """

    n_heads: Size
    d_head: Size
    block: Size
    top_k: Size
    local: Size = 1

    @property
    def reach(self) -> int:
        """How many keys a token attends to at most [tokens]."""
        return (self.top_k + self.local) * self.block

    def weights(self, d_model: int) -> list[Weight]:
        """Queries of each head, one key for all, a norm of each."""
        return [
            *linear("indexer.q_proj", d_model, self.n_heads * self.d_head, "indexer"),
            *linear("indexer.k_proj", d_model, self.d_head, "indexer"),
            Weight("indexer.q_norm", (self.d_head,), "indexer", "scale"),
            Weight("indexer.k_norm", (self.d_head,), "indexer", "scale"),
        ]

    def mixing_flops(self, seq_len: int, *, causal: bool) -> float:
        """Scores of all earlier keys [FLOP]."""
        return 2.0 * self.n_heads * self.d_head * attended(seq_len, causal=causal)
