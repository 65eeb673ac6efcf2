"""Attention as GPT-2 has it: as many keys as queries, each matrix with a bias."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.parts import activation
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, Attention, Position

GPT2_NAMES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}
"""What GPT-2 and its like call these fields."""


def plain_heads(f: Fields, n_kv_heads: int | None = None) -> tuple[int, int, int]:
    """Query heads, key-value heads and the size of each, where the width is that of all heads together."""
    n_heads, width = f.size("num_attention_heads"), f.size("hidden_size")
    if width % n_heads:
        f.wrong("num_attention_heads", f"{n_heads} heads do not divide the width {width}")
    return n_heads, n_heads if n_kv_heads is None else n_kv_heads, width // n_heads


def biased(f: Fields, position: Position, *, n_kv_heads: int | None = None, bias: bool = True) -> Attention:
    """Attention with biases on all four matrices, or on none."""
    n_heads, n_kv_heads, d_head = plain_heads(f, n_kv_heads)
    return Attention(
        n_heads=n_heads, n_kv_heads=n_kv_heads, d_head=d_head, position=position, qkv_bias=bias, out_bias=bias
    )


def four_times(f: Fields, *, act: str = "activation_function", inner: str = "n_inner", bias: bool = True) -> MLP:
    """A plain MLP, four times as wide as the network where the file has no width for it."""
    d_ff = f.maybe_size(inner) or 4 * f.size("hidden_size")
    return MLP(d_ff=d_ff, activation=activation(f, act), bias=bias)
