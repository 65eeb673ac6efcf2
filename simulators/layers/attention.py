"""Softmax attention: multi-head, grouped, multi-query, windowed, chunked, gated, and across two sequences."""

from __future__ import annotations

from typing import Literal

from lehr.simulators.layers.base import Kept, Layer, Weight, attended, linear
from lehr.simulators.layers.block_choice import BlockIndexer
from lehr.simulators.layers.position import Disentangled, Position, RelativeBias, Rope, TransformerXL, refuse_unlike
from lehr.simulators.quantities import Size


class Attention(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="attention"):
    """Softmax attention with ``n_heads`` query heads that share ``n_kv_heads`` key-value heads.

    ``n_kv_heads = n_heads`` is multi-head (Vaswani et al., arXiv:1706.03762), 1 is multi-query
    (Shazeer, arXiv:1911.02150), anything between is grouped-query (Ainslie et al., arXiv:2305.13245).
    ``window`` limits the reach to that many tokens (Beltagy et al., arXiv:2004.05150); ``chunk`` cuts the
    sequence into pieces that do not see each other (Llama 4's local layers). ``qk_norm`` is an RMSNorm with
    a gain over each head (``head``), the same with a gain of its own for each head (``each_head``; Cohere, StableLM),
    a LayerNorm over each head (``layer_norm``; Phi), an RMSNorm over all heads together (``full``), or each head at
    unit length without a gain (``l2``). ``sinks`` is a trained score for each head that takes part in the softmax and
    has no value (gpt-oss; Xiao et al., arXiv:2309.17453). ``output_gate`` is a second query-wide projection whose
    sigmoid multiplies what the heads return (Qiu et al., arXiv:2505.06708; Qwen3-Next), or with ``head`` one value a
    head. ``d_value`` is written where values are not as wide as keys (MiMo-V2), ``values: keys`` where they are the
    keys (Gemma 4), ``keys: earlier_layer`` where keys and values are those of an earlier layer, so that this one makes
    and keeps none (Gemma 3n; Brandon et al., arXiv:2405.12981). ``output_norm`` is an RMSNorm over what all heads
    return (BitNet). ``gate_bias`` says otherwise than ``qkv_bias`` for the gate, with ``head`` one value a head. An
    ``indexer`` chooses the blocks of keys that a token attends to (MiniMax-M3). ``differential`` heads come in pairs
    that share twice as wide values and are subtracted by a trained amount (Ye et al., arXiv:2410.05258).
    ``seen_by_all`` adds projections for the few tokens that see all and that all see (Longformer); their work is not
    counted.

    >>> from lehr.simulators.layers.base import total
    >>> gqa = Attention(n_heads=28, n_kv_heads=4, d_head=128, qkv_bias=True, position=Rope(base=1e6))
    >>> gqa.variant, total(gqa.weights(3584)), gqa.state_values(3584, n_tokens=1)
    ('GQA', 29364736, 1024)
    >>> gated = Attention(n_heads=16, n_kv_heads=2, d_head=256, qk_norm="head", output_gate=True,
    ...                   position=Rope(base=1e7, fraction=0.25))
    >>> total(gated.weights(2048))                         # one of Qwen3-Next's twelve
    27263488
    >>> plain = Attention(n_heads=8, n_kv_heads=2, d_head=256, position=Rope(base=1e6))   # 2048 x 256 x (8 + 2 x 2 + 8)
    >>> reader = Attention(n_heads=8, n_kv_heads=2, d_head=256, position=Rope(base=1e6), keys="earlier_layer")
    >>> total(plain.weights(2048)), total(reader.weights(2048)), reader.state_values(2048, n_tokens=9)
    (10485760, 8388608, 0)
    >>> def normed(kind):
    ...     mixer = Attention(n_heads=32, n_kv_heads=8, d_head=64, qk_norm=kind, position=Rope(base=1e4))
    ...     return total(mixer.weights(2048)) - 2 * 2048 * 64 * (32 + 8)
    >>> {kind: normed(kind) for kind in ("l2", "head", "each_head", "layer_norm", "full")}
    {'l2': 0, 'head': 128, 'each_head': 2560, 'layer_norm': 256, 'full': 2560}
    """

    n_heads: Size
    n_kv_heads: Size
    d_head: Size
    position: Position
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: Literal["head", "each_head", "layer_norm", "full", "l2"] | None = None
    window: Size | None = None
    chunk: Size | None = None
    output_gate: bool | Literal["head"] = False
    sinks: bool = False
    d_value: Size | None = None
    values: Literal["own", "keys"] = "own"
    keys: Literal["own", "earlier_layer"] = "own"
    output_norm: bool = False
    gate_bias: bool | Literal["head"] | None = None
    indexer: BlockIndexer | None = None
    differential: bool = False
    seen_by_all: bool = False

    def __post_init__(self) -> None:
        if self.n_heads % self.n_kv_heads:
            allowed = ", ".join(str(k) for k in range(1, self.n_heads + 1) if self.n_heads % k == 0)
            raise ValueError(
                f"n_heads ({self.n_heads}) is not a multiple of n_kv_heads ({self.n_kv_heads}); "
                f"write n_kv_heads: one of {allowed}"
            )
        if self.window is not None and self.chunk is not None:
            raise ValueError("window and chunk are two ways to limit the reach; write one of them")
        refuse_unlike(self.position, self.d_head)

    @property
    def variant(self) -> str:
        """MHA, GQA or MQA, by the number of key-value heads."""
        if self.n_kv_heads == self.n_heads:
            return "MHA"
        return "MQA" if self.n_kv_heads == 1 else "GQA"

    def weights(self, d_model: int) -> list[Weight]:
        d_query, d_kv = self.n_heads * self.d_head, self.n_kv_heads * self.d_head
        normed, norms = "qk" if self.keys == "own" else "q", []
        if self.qk_norm not in (None, "l2"):
            widths = (self.d_head, self.d_head) if self.qk_norm in ("head", "layer_norm") else (d_query, d_kv)
            # queries come first, so that without keys of its own the second width is left over
            norms = [Weight(f"{n}_norm", (width,), "norm", "scale") for n, width in zip(normed, widths, strict=False)]
        if self.qk_norm == "layer_norm":
            norms += [Weight(f"{n}_norm.bias", (self.d_head,), "norm", "bias") for n in normed]
        if self.output_norm:
            norms.append(Weight("o_norm", (self.d_returned,), "norm", "scale"))
        d_gate = self.n_heads if self.output_gate == "head" else self.d_returned
        biased = self.qkv_bias if self.gate_bias is None else self.gate_bias
        gate = linear("gate_proj", d_model, d_gate, "attention", bias=biased is True) if self.output_gate else []
        if self.output_gate and biased == "head":
            gate = [*gate, Weight("gate_proj.bias", (self.n_heads,), "attention", "bias")]
        projected = []
        if self.keys == "own":
            projected = linear("k_proj", d_model, d_kv, "attention", bias=self.qkv_bias)
            if self.values == "own":
                d_values = self.n_kv_heads * (self.d_value or self.d_head)
                projected += linear("v_proj", d_model, d_values, "attention", bias=self.qkv_bias)
        return [
            *linear("q_proj", d_model, d_query, "attention", bias=self.qkv_bias),
            *gate,
            *projected,
            *linear("o_proj", self.d_returned, d_model, "attention", bias=self.out_bias),
            *norms,
            *([Weight("sinks", (self.n_heads,), "attention", "bias")] if self.sinks else []),
            *position_weights(self.position, d_model, self.n_heads, self.d_head),
            *(self.indexer.weights(d_model) if self.indexer else []),
            *(Weight(f"lambda_{n}", (self.d_head,), "attention", "scale") for n in self._amounts()),
            *(
                w
                for n in self._few()
                for w in linear(f"{n}_few", d_model, d_query, "attention", bias=True, role="once")
            ),
        ]

    def _amounts(self) -> tuple[str, ...]:
        return ("q1", "k1", "q2", "k2") if self.differential else ()

    def _few(self) -> tuple[str, ...]:
        return ("q_proj", "k_proj", "v_proj") if self.seen_by_all else ()

    @property
    def d_returned(self) -> int:
        """Features that all heads return together."""
        return self.n_heads * (self.d_value or self.d_head)

    def reach(self, seq_len: int, *, causal: bool) -> float:
        """How many positions a token attends to, averaged over a sequence [tokens]."""
        if self.chunk is not None:
            return attended(min(seq_len, self.chunk), causal=causal)
        limit = self.indexer.reach if self.indexer else self.window
        return attended(seq_len, causal=causal, window=limit)

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        # scores and the weighted sum: 2 FLOP for each of d_head features, each head, each position
        index = self.indexer.mixing_flops(seq_len, causal=causal) if self.indexer else 0.0
        summed = self.d_returned * (2 if self.differential else 1)
        return 2.0 * (self.n_heads * self.d_head + summed) * self.reach(seq_len, causal=causal) + index

    def state_values(self, d_model: int, n_tokens: int) -> int:
        if self.keys == "earlier_layer":
            return 0
        limit = self.window or self.chunk
        kept = n_tokens if limit is None else min(n_tokens, limit)
        index = self.indexer.d_head * n_tokens if self.indexer else 0
        return self.n_kv_heads * (self.d_head + (self.d_value or self.d_head)) * kept + index

    def softmax_rows(self) -> int:
        return self.n_heads

    def rotary_frequencies(self) -> int:
        return round(self.d_head * self.position.fraction / 2) if isinstance(self.position, Rope) else 0

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; queries, keys and values; the input of the output projection; with a gate, also its own
        # output and what the heads returned before it. Korthikanti et al., section 4.1: 11 h + 5 a s.
        d_kv = self.n_kv_heads * (self.d_head + (self.d_value or self.d_head)) if self.keys == "own" else 0
        gated = self.n_heads + self.d_returned if self.output_gate == "head" else 2 * self.d_returned
        values = d_model + self.n_heads * self.d_head + self.d_returned + d_kv
        values += (self.indexer.n_heads + 1) * self.indexer.d_head if self.indexer else 0
        values += (gated if self.output_gate else 0) + (self.d_returned if self.output_norm else 0)
        limit = self.indexer.reach if self.indexer else self.window or self.chunk or seq_len
        scored = min(seq_len, limit)
        return kept.bytes(values, dropped=d_model) + kept.softmax(self.n_heads, scored)


class CrossAttention(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cross_attention"):
    """Attention from a decoder's tokens to an encoder's output (Vaswani et al., arXiv:1706.03762, section 3.2.3).

    Queries come from the decoder, keys and values from the encoder, ``d_memory`` wide (as wide as the
    decoder where it is absent), so that their two projections work on the encoder's tokens.

    >>> from lehr.simulators.layers.base import total
    >>> cross = CrossAttention(n_heads=12, n_kv_heads=12, d_head=64)
    >>> total(cross.weights(768)), cross.memory_values(768, n_memory=512)
    (2359296, 786432)
    """

    n_heads: Size
    n_kv_heads: Size
    d_head: Size
    d_memory: Size | None = None
    q_bias: bool = False
    kv_bias: bool = False
    out_bias: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        d_query = self.n_heads * self.d_head
        return [
            *linear("q_proj", d_model, d_query, "cross attention", bias=self.q_bias),
            *self.memory_weights(d_model),
            *linear("o_proj", d_query, d_model, "cross attention", bias=self.out_bias),
        ]

    def memory_weights(self, d_model: int) -> list[Weight]:
        """Those that work on the encoder's tokens: the projections to keys and values."""
        d_in, d_kv = self.d_memory or d_model, self.n_kv_heads * self.d_head
        return [
            w for name in ("k_proj", "v_proj") for w in linear(name, d_in, d_kv, "cross attention", bias=self.kv_bias)
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        """As of every layer; here ``seq_len`` is the encoder's length, all of which is seen."""
        return 4.0 * self.n_heads * self.d_head * seq_len

    def memory_values(self, d_model: int, n_memory: int) -> int:
        """Keys and values of ``n_memory`` encoder tokens, held while a sequence is decoded [values]."""
        return 2 * self.n_kv_heads * self.d_head * n_memory

    def softmax_rows(self) -> int:
        return self.n_heads

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # as self-attention, keys and values counted where they are made, once for each encoder token
        d_query, d_kv = self.n_heads * self.d_head, self.n_kv_heads * self.d_head
        values = d_model + 2 * d_query + 2 * d_kv + (self.d_memory or d_model)
        return kept.bytes(values, dropped=d_model) + kept.softmax(self.n_heads, seq_len)


def position_weights(position: Position, d_model: int, n_heads: int, d_head: int) -> list[Weight]:
    """The tensors of a relative position embedding; the other kinds have none.

    >>> t5_small = RelativeBias(n_buckets=32, max_distance=128, holds_table=True)
    >>> [w.shape for w in position_weights(t5_small, 512, 8, 64)]
    [(32, 8)]
    """
    if isinstance(position, RelativeBias):
        shape = (position.n_buckets, n_heads)
        return [Weight("relative_bias", shape, "positions", "lookup")] if position.holds_table else []
    if isinstance(position, Disentangled):
        table = [Weight("relative_table", (position.n_rows, d_model), "positions", "lookup")]
        norm = [Weight("relative_norm", (2 * d_model,), "positions", "scale")] if position.norm else []
        names = ("position_q_proj", "position_k_proj") if position.own_projections else ()
        return [
            *([*table, *norm] if position.holds_table else []),
            *(w for n in names for w in linear(n, d_model, n_heads * d_head, "positions", bias=True, role="once")),
        ]
    if isinstance(position, TransformerXL):
        names = ("content_bias", "position_bias") if position.biases else ()
        return [
            Weight("r_proj", (n_heads * d_head, d_model), "positions", "once"),
            *(Weight(name, (n_heads * d_head,), "positions", "bias") for name in names),
        ]
    return []
