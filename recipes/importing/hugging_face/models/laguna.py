"""Poolside: Laguna."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, heads, layer_types, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.recipes.importing.hugging_face.sliding import by_layer


@reads("laguna", "Laguna", no_effect="moe_apply_router_weight_on_input")
def laguna(f: Fields) -> Network:
    """Laguna: attention gated by head, as many heads as each layer says, a shared expert of a width of its own."""
    n, each, bias = f.layers(), windows(f), f.flag("attention_bias")
    types = layer_types(f, lambda i: "full_attention", TYPES)
    gate: Any = "head" if f.raw("gating") in (True, "per-head", None) else True
    listed = f.raw("num_attention_heads_per_layer") is not None
    n_heads = by_layer(f, "num_attention_heads_per_layer" if listed else "num_attention_heads", n)
    f.raw("num_attention_heads")
    _, n_kv_heads = heads(f)
    mixers = []
    for kind, count in zip(types, n_heads, strict=True):
        plain = attention(
            f,
            position=rope(f, kind),
            qk_norm="head",
            window=each[kind],
            output_gate=gate,
            gate_bias=False,
            qkv_bias=bias,
            out_bias=bias,
        )
        if count % n_kv_heads:
            f.wrong("num_attention_heads_per_layer", f"{n_kv_heads} key-value heads do not divide {count}")
        mixers.append(msgspec.structs.replace(plain, n_heads=count))
    moe = experts(f, shared_d_ff=f.extent("shared_expert_intermediate_size"), router_bias_buffer=True)
    return network(f, layered(f, mixers, after_dense(f, otherwise=1), moe))
