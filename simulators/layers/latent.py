"""Multi-head latent attention, dense and with sparse selection of keys."""

from __future__ import annotations

from typing import Literal

import msgspec

from lehr.simulators.layers.base import Kept, Layer, Weight, attended, linear
from lehr.simulators.layers.position import Position, Rope
from lehr.simulators.quantities import Extent, Size


class Indexer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lightning indexer of DeepSeek Sparse Attention (DeepSeek-V3.2, arXiv:2512.02556, section 2.1).

    It scores every earlier token, ``sum_j w_j ReLU(q_j . k)`` over ``n_heads`` small heads that share one
    key of ``d_head`` features; the ``top_k`` best are attended to. A ``shared`` indexer takes the choice of the nearest
    earlier layer that has one of its own (GLM-5): no weights, no scores, no keys.

    >>> from lehr.simulators.layers.base import total
    >>> total(Indexer(n_heads=64, d_head=128, top_k=2048).weights(7168, 1536))
    13959424
    """

    n_heads: Size
    d_head: Size
    top_k: Size
    shared: bool = False

    def weights(self, d_model: int, q_rank: int) -> list[Weight]:
        """Every tensor; queries are read from the latent query of ``q_rank`` features."""
        if self.shared:
            return []
        return [
            *linear("indexer.q_proj", q_rank, self.n_heads * self.d_head, "indexer"),
            *linear("indexer.k_proj", d_model, self.d_head, "indexer"),
            Weight("indexer.k_norm", (self.d_head,), "indexer", "scale"),
            Weight("indexer.k_norm.bias", (self.d_head,), "indexer", "bias"),
            Weight("indexer.head_weights", (self.n_heads, d_model), "indexer", full_precision=True),
        ]

    def mixing_flops(self, seq_len: int, *, causal: bool) -> float:
        """Scores of all earlier tokens: a dot product, and a weighted sum over heads [FLOP]."""
        return 0.0 if self.shared else 2.0 * self.n_heads * (self.d_head + 1) * attended(seq_len, causal=causal)

    @property
    def d_key(self) -> int:
        """Width of its own key [features]."""
        return 0 if self.shared else self.d_head


class MLA(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mla"):
    """Multi-head latent attention: keys and values from one latent per token
    (DeepSeek-V2, arXiv:2405.04434, section 2.1 and appendix C).

    ``q_rank`` and ``kv_rank`` are the latent widths (``q_lora_rank``, ``kv_lora_rank``), each with an
    RMSNorm; ``q_rank`` absent projects queries directly. Decoding keeps ``kv_rank + d_rope`` values a token.
    ``indexer`` makes it DeepSeek Sparse Attention (DSA): each token attends to the ``top_k`` tokens that the
    indexer chose, whose key is kept beside the latent. ``output_gate`` multiplies what each head returns by the sigmoid
    of one value (``head``; Ling 3) or of as many as it has features; ``latent`` makes those from the latent query,
    before its norm and after, together with the queries (A.X K2). ``d_rope`` may be 0 and the position none.
    ``window`` limits the reach to that many tokens, ``rope_norm`` is an RMSNorm of the rotary part of the key (dots3).

    >>> from lehr.simulators.layers.base import total
    >>> from lehr.simulators.layers.position import Rope
    >>> mla = MLA(n_heads=128, q_rank=1536, kv_rank=512, d_nope=128, d_rope=64, d_value=128,
    ...           position=Rope(base=10000.0))
    >>> total(mla.weights(7168)), mla.state_values(7168, n_tokens=1)
    (187107328, 576)
    >>> dsa = msgspec.structs.replace(mla, indexer=Indexer(n_heads=64, d_head=128, top_k=2048))
    >>> dsa.variant, total(dsa.weights(7168)) - total(mla.weights(7168)), dsa.state_values(7168, n_tokens=1)
    ('MLA+DSA', 13959424, 704)
    >>> long = 131072                                     # what mixing costs, sparse over dense
    >>> round(dsa.mixing_flops(7168, long, causal=True) / mla.mixing_flops(7168, long, causal=True), 3)
    0.233
    """

    n_heads: Size
    kv_rank: Size
    d_nope: Size
    d_rope: Extent
    d_value: Size
    position: Position
    q_rank: Size | None = None
    bias: bool = False
    indexer: Indexer | None = None
    output_gate: Literal["head", "feature", "latent"] | None = None
    sinks: bool = False
    window: Size | None = None
    rope_norm: bool = False

    def __post_init__(self) -> None:
        if self.indexer is not None and self.q_rank is None:
            raise ValueError("an indexer reads the latent query; write q_rank")
        if self.output_gate == "latent" and self.q_rank is None:
            raise ValueError("a gate of the latent query needs one; write q_rank")
        if self.indexer is not None and self.window is not None:
            raise ValueError("window and indexer are two ways to limit the reach; write one of them")

    @property
    def variant(self) -> str:
        """The name that the field uses."""
        return "MLA+DSA" if self.indexer else "MLA"

    def weights(self, d_model: int) -> list[Weight]:
        d_query = self.n_heads * (self.d_nope + self.d_rope)
        if self.q_rank is None:
            queries = linear("q_proj", d_model, d_query, "attention")
        else:
            read, made = self.q_rank, d_query
            if self.output_gate == "latent":
                read, made = 2 * self.q_rank, d_query + self.n_heads * self.d_value
            queries = [
                *linear("q_a_proj", d_model, self.q_rank, "attention", bias=self.bias),
                Weight("q_a_norm", (self.q_rank,), "norm", "scale"),
                *linear("q_b_proj", read, made, "attention"),
            ]
        return [
            *queries,
            *linear("kv_a_proj", d_model, self.kv_rank + self.d_rope, "attention", bias=self.bias),
            Weight("kv_a_norm", (self.kv_rank,), "norm", "scale"),
            *([Weight("k_rope_norm", (self.d_rope,), "norm", "scale")] if self.rope_norm else []),
            *linear("kv_b_proj", self.kv_rank, self.n_heads * (self.d_nope + self.d_value), "attention"),
            *linear("o_proj", self.n_heads * self.d_value, d_model, "attention", bias=self.bias),
            *self._gate(d_model),
            *([Weight("sinks", (self.n_heads,), "attention", "bias")] if self.sinks else []),
            *(self.indexer.weights(d_model, self.q_rank or d_model) if self.indexer else []),
        ]

    def _gate(self, d_model: int) -> list[Weight]:
        if self.output_gate in (None, "latent"):
            return []
        width = self.n_heads * (self.d_value if self.output_gate == "feature" else 1)
        return linear("gate_proj", d_model, width, "attention")

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        per_position = 2.0 * self.n_heads * (self.d_nope + self.d_rope + self.d_value)
        if self.indexer is None:
            return per_position * attended(seq_len, causal=causal, window=self.window)
        # token t attends to min(t, top_k) others: on average the same as within a window of top_k
        chosen = attended(seq_len, causal=causal, window=self.indexer.top_k)
        return per_position * chosen + self.indexer.mixing_flops(seq_len, causal=causal)

    def state_values(self, d_model: int, n_tokens: int) -> int:
        kept = n_tokens if self.window is None else min(n_tokens, self.window)
        return (self.kv_rank + self.d_rope) * kept + (self.indexer.d_key if self.indexer else 0) * n_tokens

    def softmax_rows(self) -> int:
        return self.n_heads

    def rotary_frequencies(self) -> int:
        return self.d_rope // 2 if isinstance(self.position, Rope) else 0

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; both latents before and after their norm; queries, keys and values of each head; what the
        # heads return. An indexer adds its queries, its key and its weights.
        latents = 2 * (self.q_rank or 0) + 2 * self.kv_rank + self.d_rope
        heads = self.n_heads * (2 * (self.d_nope + self.d_rope) + 2 * self.d_value)
        if self.output_gate is not None:
            heads += self.n_heads * (self.d_value + (1 if self.output_gate == "head" else self.d_value))
        scored = min(seq_len, self.window or seq_len)
        if self.indexer is not None:
            if not self.indexer.shared:
                heads += self.indexer.n_heads * (self.indexer.d_head + 1) + self.indexer.d_head
            scored = min(seq_len, self.indexer.top_k)
        return kept.bytes(d_model + latents + heads, dropped=d_model) + kept.softmax(self.n_heads, scored)
