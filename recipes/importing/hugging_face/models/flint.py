"""Flint."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts, layered, stepped, with_sinks
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope


@reads("flint", "Flint", also={"num_local_experts": "num_experts"})
def flint(f: Fields) -> Network:
    """Flint: sinks in every layer, some windowed, experts beside a shared one after two dense layers."""
    bias, each = f.flag("attention_bias"), windows(f)
    types = layer_types(f, lambda i: TYPES[int(i >= 2 and (i - 1) % 4 != 0)], TYPES)
    plain = {
        t: attention(f, position=rope(f, t), qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[t])
        for t in TYPES
    }
    moe = experts(f, shared_d_ff=f.extent("shared_expert_intermediate_size"), router_bias_buffer=True)
    return network(f, layered(f, [with_sinks(plain[t]) for t in types], stepped(f), moe))
