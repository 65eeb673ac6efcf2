"""Attention to a window and to compressed blocks of what lies before it."""

from __future__ import annotations

from typing import ClassVar

from lehr.simulators.layers.base import Kept, Layer, Weight, attended, linear
from lehr.simulators.layers.latent import Indexer
from lehr.simulators.layers.position import Position, Rope
from lehr.simulators.quantities import Size


class CompressedAttention(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="compressed_attention"):
    """DeepSeek-V4's attention: one vector of ``d_head`` features is key and value of all heads; beside a ``window`` of
    them stand blocks of ``rate`` tokens, each compressed into one (the blocks: NSA, Yuan et al., arXiv:2502.11089).

    Queries come through ``q_rank`` features; what the heads return leaves in ``o_groups`` groups through ``o_rank``
    features each. Without a ``rate`` there is the window alone. With an ``indexer`` blocks overlap, so that they are
    made of twice the features, and each token attends to the ``top_k`` that the indexer chose; its keys are
    compressed in the same way.

    >>> from lehr.simulators.layers.base import total
    >>> def layer(**kinds):
    ...     return CompressedAttention(n_heads=64, d_head=512, q_rank=1024, o_groups=8, o_rank=1024, window=128,
    ...                                position=Rope(base=1e4, fraction=0.125), **kinds)
    >>> heavy = layer(rate=128)
    >>> sparse = layer(rate=4, indexer=Indexer(n_heads=64, d_head=128, top_k=512))
    >>> [total(x.weights(4096)) for x in (layer(), heavy, sparse)]
    [106956352, 111216704, 126098624]
    >>> [x.state_values(4096, n_tokens=131072) for x in (layer(), heavy, sparse)]
    [65536, 589824, 21037056]
    """

    called: ClassVar[str] = "compressed attention"
    n_heads: Size
    d_head: Size
    q_rank: Size
    o_groups: Size
    o_rank: Size
    window: Size
    position: Position
    rate: Size | None = None
    indexer: Indexer | None = None

    def __post_init__(self) -> None:
        if self.n_heads * self.d_head % self.o_groups:
            raise ValueError(
                f"o_groups ({self.o_groups}) does not divide {self.n_heads} heads of {self.d_head} features"
            )
        if self.indexer is not None and self.rate is None:
            raise ValueError("an indexer chooses among blocks; write rate")

    def weights(self, d_model: int) -> list[Weight]:
        width, name = self.n_heads * self.d_head, "attention"
        out = self.o_groups * self.o_rank
        return [
            *linear("q_a_proj", d_model, self.q_rank, name),
            Weight("q_a_norm", (self.q_rank,), "norm", "scale"),
            *linear("q_b_proj", self.q_rank, width, name),
            *linear("kv_proj", d_model, self.d_head, name),
            Weight("kv_norm", (self.d_head,), "norm", "scale"),
            Weight("o_a_proj", (out, width // self.o_groups), name),
            *linear("o_b_proj", out, d_model, name),
            Weight("sinks", (self.n_heads,), name, "bias"),
            *(self._blocks("blocks", d_model, self.d_head) if self.rate else []),
            *(self._index(d_model, self.indexer) if self.indexer else []),
        ]

    def _blocks(self, name: str, d_model: int, d_key: int) -> list[Weight]:
        width, rate = (2 if self.indexer else 1) * d_key, self.rate or 1
        return [
            *linear(f"{name}.kv_proj", d_model, width, "attention"),
            *linear(f"{name}.gate_proj", d_model, width, "attention"),
            Weight(f"{name}.position", (rate, width), "attention", "bias"),
            Weight(f"{name}.norm", (d_key,), "norm", "scale"),
        ]

    def _index(self, d_model: int, indexer: Indexer) -> list[Weight]:
        return [
            *self._blocks("indexer", d_model, indexer.d_head),
            *linear("indexer.q_proj", self.q_rank, indexer.n_heads * indexer.d_head, "indexer"),
            *linear("indexer.head_weights", d_model, indexer.n_heads, "indexer"),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        reach = attended(seq_len, causal=causal, window=self.window)
        work = 0.0
        if self.rate:
            far = None if self.indexer is None else self.indexer.top_k * self.rate
            reach += attended(seq_len, causal=causal, window=far) / self.rate
            # each block is a weighted sum of its tokens
            work += 4.0 * self.d_head * (2 if self.indexer else 1)
        if self.indexer is not None and self.rate:
            work += self.indexer.mixing_flops(seq_len, causal=causal) / self.rate
        return 4.0 * self.n_heads * self.d_head * reach + work

    def state_values(self, d_model: int, n_tokens: int) -> int:
        near = min(n_tokens, self.window) * self.d_head
        if self.rate is None:
            return near
        d_index = self.indexer.d_head if self.indexer else 0
        return near + n_tokens // self.rate * (self.d_head + d_index)

    def softmax_rows(self) -> int:
        return self.n_heads

    def rotary_frequencies(self) -> int:
        return round(self.d_head * self.position.fraction / 2) if isinstance(self.position, Rope) else 0

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; the latent query before and after its norm; queries and what the heads return; the vector before
        # and after its norm; the groups' features; for blocks the values and gates that they are made of
        double = 2 if self.indexer else 1
        blocks = 2 * double * (self.d_head + (self.indexer.d_head if self.indexer else 0)) if self.rate else 0
        index = self.indexer.n_heads * (self.indexer.d_head + 1) if self.indexer else 0
        values = d_model + 2 * self.q_rank + 2 * self.n_heads * self.d_head + 2 * self.d_head
        far = seq_len // (self.rate or seq_len)
        scored = min(seq_len, self.window) + (min(far, self.indexer.top_k) if self.indexer else far)
        total = values + self.o_groups * self.o_rank + blocks + index
        return kept.bytes(total, dropped=d_model) + kept.softmax(self.n_heads, scored)
