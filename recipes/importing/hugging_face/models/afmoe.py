"""Arcee: Trinity."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import no_rope, rope


@reads(
    "afmoe",
    "Afmoe",
    no_effect="score_func route_norm load_balance_coeff use_grouped_mm num_expert_groups num_limited_groups",
)
def afmoe(f: Fields) -> Network:
    """Trinity (AFMoE): gated attention, norms before and after each sublayer; layers that see all have no position."""
    each, bias = windows(f), f.flag("attention_bias")
    every = f.size("global_attn_every_n_layers")
    types = layer_types(f, lambda i: TYPES[int((i + 1) % every != 0)], TYPES)
    positions = {"sliding_attention": rope(f), "full_attention": no_rope(f)}
    mixers = {
        t: attention(
            f,
            position=positions[t],
            qkv_bias=bias,
            out_bias=bias,
            qk_norm="head",
            window=each[t],
            output_gate=True,
            gate_bias=False,
        )
        for t in set(types)
    }
    moe = experts(f, n_shared_experts=f.extent("num_shared_experts"), router_bias_buffer=True)
    sparse = after_dense(f, "num_dense_layers")
    return network(f, layered(f, [mixers[t] for t in types], sparse, moe, placement="sandwich"))
