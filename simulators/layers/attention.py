"""Softmax attention: multi-head, grouped, multi-query, windowed, and latent (MLA)."""

from __future__ import annotations

from typing import Literal

from simulators.layers.base import Layer, Size, Weight, attended, linear
from simulators.layers.position import Position


class Attention(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="attention"):
    """Softmax attention with ``n_heads`` query heads that share ``n_kv_heads`` key-value heads.

    ``n_kv_heads = n_heads`` is multi-head (Vaswani et al., arXiv:1706.03762), 1 is multi-query
    (Shazeer, arXiv:1911.02150), anything between is grouped-query (Ainslie et al., arXiv:2305.13245).
    ``window`` limits the reach to that many tokens. ``qk_norm`` is an RMSNorm with a gain over each
    head (``head``) or over all heads together (``full``).

    >>> from simulators.layers.base import total
    >>> from simulators.layers.position import Rope
    >>> gqa = Attention(n_heads=28, n_kv_heads=4, d_head=128, qkv_bias=True, position=Rope(base=1e6))
    >>> gqa.variant, total(gqa.weights(3584)), gqa.state_values(3584, n_tokens=1)
    ('GQA', 29364736, 1024)
    """

    n_heads: Size
    n_kv_heads: Size
    d_head: Size
    position: Position
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: Literal["head", "full"] | None = None
    window: Size | None = None

    def __post_init__(self) -> None:
        if self.n_heads % self.n_kv_heads:
            allowed = ", ".join(str(k) for k in range(1, self.n_heads + 1) if self.n_heads % k == 0)
            raise ValueError(
                f"n_heads ({self.n_heads}) is not a multiple of n_kv_heads ({self.n_kv_heads}); "
                f"write n_kv_heads: one of {allowed}"
            )

    @property
    def variant(self) -> str:
        """MHA, GQA or MQA, by the number of key-value heads."""
        if self.n_kv_heads == self.n_heads:
            return "MHA"
        return "MQA" if self.n_kv_heads == 1 else "GQA"

    def weights(self, d_model: int) -> list[Weight]:
        d_query, d_kv = self.n_heads * self.d_head, self.n_kv_heads * self.d_head
        norms = []
        if self.qk_norm:
            widths = (self.d_head, self.d_head) if self.qk_norm == "head" else (d_query, d_kv)
            norms = [Weight(f"{n}_norm", (width,), "norm", "scale") for n, width in zip("qk", widths, strict=True)]
        return [
            *linear("q_proj", d_model, d_query, "attention", bias=self.qkv_bias),
            *linear("k_proj", d_model, d_kv, "attention", bias=self.qkv_bias),
            *linear("v_proj", d_model, d_kv, "attention", bias=self.qkv_bias),
            *linear("o_proj", d_query, d_model, "attention", bias=self.out_bias),
            *norms,
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        # scores and the weighted sum: 2 FLOP for each of d_head features, each head, each position
        return 4.0 * self.n_heads * self.d_head * attended(seq_len, causal=causal, window=self.window)

    def state_values(self, d_model: int, n_tokens: int) -> int:
        kept = n_tokens if self.window is None else min(n_tokens, self.window)
        return 2 * self.n_kv_heads * self.d_head * kept

    def softmax_rows(self) -> int:
        return self.n_heads


class MLA(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mla"):
    """Multi-head latent attention: keys and values from one latent per token
    (DeepSeek-V2, arXiv:2405.04434, section 2.1 and appendix C).

    ``q_rank`` and ``kv_rank`` are the latent widths (``q_lora_rank``, ``kv_lora_rank``), each with an
    RMSNorm; ``q_rank`` absent projects queries directly. Decoding keeps ``kv_rank + d_rope`` values a token.

    >>> from simulators.layers.base import total
    >>> from simulators.layers.position import Rope
    >>> mla = MLA(n_heads=128, q_rank=1536, kv_rank=512, d_nope=128, d_rope=64, d_value=128,
    ...           position=Rope(base=10000.0))
    >>> total(mla.weights(7168)), mla.state_values(7168, n_tokens=1)
    (187107328, 576)
    """

    n_heads: Size
    kv_rank: Size
    d_nope: Size
    d_rope: Size
    d_value: Size
    position: Position
    q_rank: Size | None = None
    bias: bool = False

    @property
    def variant(self) -> str:
        """The name that the field uses."""
        return "MLA"

    def weights(self, d_model: int) -> list[Weight]:
        d_query = self.n_heads * (self.d_nope + self.d_rope)
        if self.q_rank is None:
            queries = linear("q_proj", d_model, d_query, "attention")
        else:
            queries = [
                *linear("q_a_proj", d_model, self.q_rank, "attention", bias=self.bias),
                Weight("q_a_norm", (self.q_rank,), "norm", "scale"),
                *linear("q_b_proj", self.q_rank, d_query, "attention"),
            ]
        return [
            *queries,
            *linear("kv_a_proj", d_model, self.kv_rank + self.d_rope, "attention", bias=self.bias),
            Weight("kv_a_norm", (self.kv_rank,), "norm", "scale"),
            *linear("kv_b_proj", self.kv_rank, self.n_heads * (self.d_nope + self.d_value), "attention"),
            *linear("o_proj", self.n_heads * self.d_value, d_model, "attention", bias=self.bias),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        per_position = 2.0 * self.n_heads * (self.d_nope + self.d_rope + self.d_value)
        return per_position * attended(seq_len, causal=causal)

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return (self.kv_rank + self.d_rope) * n_tokens

    def softmax_rows(self) -> int:
        return self.n_heads
