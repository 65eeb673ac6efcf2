"""Xiaomi: MiMo."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered, sparse_layers
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, mlp, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope, with_base
from lehr.recipes.importing.hugging_face.sliding import windowed
from lehr.simulators.architecture import Block
from lehr.simulators.layers import RMSNorm


@reads("mimo", "MiMo")
def mimo(f: Fields) -> Network:
    """MiMo (arXiv:2505.07608): Qwen2 with modules for multi-token prediction."""
    return msgspec.structs.replace(
        windowed(f, qkv_bias=f.flag("attention_bias")), mtp=f.extent("num_nextn_predict_layers")
    )


@reads(
    "mimo_v2_flash",
    "MiMoV2Flash",
    also={"num_local_experts": "n_routed_experts"},
    no_effect="hybrid_block_size attention_value_scale attention_chunk_size",
)
def mimo_v2(f: Fields) -> Network:
    """MiMo-V2-Flash: windowed layers with sinks and twice the key-value heads, values narrower than keys."""
    n = f.layers()
    marks = f.maybe_list("hybrid_layer_pattern", n)
    types = layer_types(f, lambda i: TYPES[int(bool(marks[i]) if marks else i > 0 and (i + 1) % 6 != 0)], TYPES)
    freq = f.raw("moe_layer_freq")
    sparse = sparse_layers(f) if isinstance(freq, list) else after_dense(f, otherwise=1)
    size, bias = f.maybe_size("sliding_window_size"), f.flag("attention_bias")
    window = (f.extent("sliding_window") or None) if size is None else size + 1
    f.raw("sliding_window")
    mixers = {}
    for kind in TYPES:
        local = kind == "sliding_attention"
        position = rope(f, kind)
        if local and not f.given("rope_parameters"):
            position = with_base(position, f.maybe_number("swa_rope_theta"))
        plain = attention(f, position=position, qkv_bias=bias, window=window if local else None)
        own = {"d_value": f.size("v_head_dim"), "sinks": local}
        if local:
            own |= {
                "n_heads": f.maybe_size("swa_num_attention_heads") or plain.n_heads,
                "n_kv_heads": f.maybe_size("swa_num_key_value_heads") or 2 * plain.n_kv_heads,
                "d_head": f.maybe_size("swa_head_dim") or plain.d_head,
            }
            own["d_value"] = f.maybe_size("swa_v_head_dim") or own["d_value"]
        mixers[kind] = msgspec.structs.replace(plain, **own)
    f.fixed("add_full_attention_sink_bias", False)
    f.fixed("add_swa_attention_sink_bias", True)
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"), router_bias_buffer=True)
    # each module has a windowed layer with a dense MLP (SGLang, mimo_v2_flash_nextn.py); the published files have
    # three of them and do not say so
    modules = f.extent("num_nextn_predict_layers")
    beside = Block(mixer=mixers["sliding_attention"], mlp=mlp(f, gated=True), norm=RMSNorm())
    found = network(f, layered(f, [mixers[t] for t in types], sparse, moe), mtp=modules)
    return msgspec.structs.replace(found, mtp_block=beside if modules else None)
