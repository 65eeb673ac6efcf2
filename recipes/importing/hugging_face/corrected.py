"""Mixtures of experts with shared experts and a corrected router, after DeepSeek-V3's (arXiv:2412.19437)."""

from __future__ import annotations

from typing import Any

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.dense import exaone_pattern
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    QKNorm,
    attention,
    layer_types,
    network,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.simulators.layers import MoE


def routed(f: Fields, **more: Any) -> MoE:
    """DeepSeek-V3's mixture: shared experts as wide as routed ones, a correction of the router for each expert."""
    return experts(
        f,
        count="n_routed_experts",
        n_shared_experts=f.extent("n_shared_experts"),
        router_bias_buffer=True,
        **more,
    )


@reads("minimax_m2", "MiniMaxM2", also=LOCAL, no_effect="mtp_transformer_layers")
def minimax_m2(f: Fields) -> Network:
    """MiniMax-M2: an RMSNorm over all queries and all keys, a correction of the router for each expert."""
    f.fixed("use_qk_norm", True)
    f.fixed("qk_norm_type", "per_layer")
    f.fixed("use_routing_bias", True)
    f.fixed("shared_intermediate_size", 0)
    kinds = f.maybe_list("attn_type_list", f.layers()) or []
    if any(kind != 1 for kind in kinds):
        f.wrong("attn_type_list", "only 1, softmax attention, can be described for this class")
    n_heads = f.size("num_attention_heads")
    rotary, d_head = f.maybe_size("rotary_dim"), f.maybe_size("head_dim") or f.size("hidden_size") // n_heads
    position = rope(f)
    if rotary is not None:
        position = type(position)(base=position.base, fraction=min(1.0, rotary / d_head), scaling=position.scaling)
    mixer = attention(f, position=position, qk_norm="full")
    moe = experts(f, width="intermediate_size", router_bias_buffer=True)
    modules = f.extent("num_mtp_modules") if f.flag("use_mtp") else 0
    return network(f, uniform(f, mixer, moe), mtp=modules)


@reads(
    "ernie4_5_moe",
    "Ernie4_5_MoeFor",
    "Ernie4_5_Moe",
    "Ernie4_5_MoE",
    also={"num_experts": "moe_num_experts", "num_experts_per_tok": "moe_k"},
    no_effect="moe_use_aux_free moe_capacity moe_gate",
)
def ernie_moe(f: Fields) -> Network:
    """ERNIE 4.5 with experts: sparse from ``moe_layer_start_index`` to ``moe_layer_end_index``, one in so many."""
    # their experts have none, whatever this says of the other matrices
    f.fixed("use_bias", False)
    n = f.layers()
    start, every = f.extent("moe_layer_start_index"), f.size("moe_layer_interval")
    end = f.raw("moe_layer_end_index")
    last = n - 1 if end in (None, -1) else f.extent("moe_layer_end_index")
    sparse = [(layer + 1) % every == 0 and start <= layer <= last for layer in range(n)]
    moe = experts(f, n_shared_experts=f.extent("moe_num_shared_experts"), router_bias_buffer=True)
    return network(f, layered(f, attention(f), sparse, moe))


@reads("dots1", "Dots1", also={"num_local_experts": "n_routed_experts"}, no_effect="moe_layer_freq")
def dots1(f: Fields) -> Network:
    """dots.llm1 (arXiv:2506.05767): an RMSNorm over each head, dense layers first."""
    bias = f.flag("attention_bias")
    sliding, first = f.extent("sliding_window") or None, f.extent("max_window_layers")
    types = layer_types(
        f, lambda i: "sliding_attention" if sliding is not None and i >= first else "full_attention", TYPES
    )
    each = {"full_attention": None, "sliding_attention": sliding}
    mixers = {t: attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[t]) for t in set(types)}
    moe = routed(f)
    return network(f, layered(f, [mixers[t] for t in types], after_dense(f), moe))


@reads(
    "glm4v_moe_text",
    "Glm4vMoe",
    "Glm4vMoeText",
    also={"num_local_experts": "n_routed_experts", "num_mtp_layers": "num_nextn_predict_layers"},
    no_effect="moe_layer_freq",
)
@reads(
    "glm4_moe",
    "Glm4Moe",
    also={"num_local_experts": "n_routed_experts", "num_mtp_layers": "num_nextn_predict_layers"},
    no_effect="moe_layer_freq",
)
def glm4_moe(f: Fields) -> Network:
    """GLM-4.5 (arXiv:2508.06471): dense layers first, then experts; its files store the tables again beside MTP."""
    qk_norm: QKNorm = "head" if f.flag("use_qk_norm") else None
    mixer = attention(f, qkv_bias=f.flag("attention_bias"), qk_norm=qk_norm)
    blocks = layered(f, mixer, after_dense(f), routed(f))
    return network(f, blocks, mtp=f.extent("num_nextn_predict_layers"), mtp_tables=True)


@reads("solar_open", "SolarOpen", also={"num_local_experts": "n_routed_experts"}, no_effect="intermediate_size")
def solar_open(f: Fields) -> Network:
    """Solar Open: as GLM-4.5, every layer sparse."""
    bias = f.flag("attention_bias")
    qk_norm: QKNorm = "head" if f.flag("use_qk_norm") else None
    f.fixed("first_k_dense_replace", 0)
    return network(f, uniform(f, attention(f, qkv_bias=bias, qk_norm=qk_norm), routed(f)))


@reads("exaone_moe", "ExaoneMoe", also={"num_local_experts": "num_experts"})
def exaone_moe(f: Fields) -> Network:
    """K-EXAONE: an RMSNorm over each head, windowed layers rotated, the others without a position."""
    sliding, pattern = f.extent("sliding_window") or None, f.raw("sliding_window_pattern")
    types, each = layer_types(f, lambda i: exaone_pattern(f, pattern, sliding, i), TYPES), windows(f)
    positions = {"sliding_attention": rope(f), "full_attention": rope(f) if sliding is None else no_rope(f)}
    mixers = {t: attention(f, position=positions[t], qk_norm="head", window=each[t]) for t in set(types)}
    moe = experts(f, n_shared_experts=f.extent("num_shared_experts"), router_bias_buffer=True)
    return network(f, layered(f, [mixers[t] for t in types], after_dense(f), moe))


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


@reads("hy_v3", "HYV3", also={"num_local_experts": "num_experts"})
def hy_v3(f: Fields) -> Network:
    """Hunyuan 3: dense layers first, one switch for biases."""
    bias = f.flag("attention_bias")
    f.fixed("mlp_bias", False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head")
    moe = experts(f, n_shared_experts=f.extent("num_shared_experts"), router_bias_buffer=True)
    return network(f, layered(f, mixer, after_dense(f, otherwise=1), moe))


@reads("mellum", "Mellum", also={"num_experts": "num_local_experts", "num_mtp_layers": "num_nextn_predict_layers"})
def mellum(f: Fields) -> Network:
    """Mellum 2: Qwen3's experts with windowed layers, each sort with a rotary base of its own."""
    bias, each = f.flag("attention_bias"), windows(f)
    f.raw("mtp_layer_types"), f.raw("mtp_mlp_layer_types")
    types = layer_types(f, lambda i: "full_attention", TYPES)
    mixers = {
        t: attention(f, position=rope(f, t), qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[t])
        for t in set(types)
    }
    return network(f, layered(f, [mixers[t] for t in types], after_dense(f), experts(f)))
