"""Cohere: Command."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    QKNorm,
    attention,
    layer_types,
    mlp,
    network,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, LayerNorm, Mixer, NoPosition, Norm, Position, RMSNorm


@reads("cohere", "Cohere", any_heads=True)
def cohere(f: Fields) -> Network:
    """Command R: both sublayers side by side behind one LayerNorm without bias."""
    qk_norm: QKNorm = "each_head" if f.flag("use_qk_norm") else None
    bias, norm = f.flag("attention_bias"), LayerNorm(bias=False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm=qk_norm)
    return network(f, uniform(f, mixer, mlp(f, gated=True), norm, "parallel"), norm=norm)


@reads(
    "cohere2",
    "Cohere2",
    no_effect="order_of_interleaved_layers rotary_pct use_embedding_sharing "
    "use_gated_activation use_parallel_block use_parallel_embedding position_embedding_type",
    inside="aya_vision cohere2_vision",
)
def cohere2(f: Fields) -> Network:
    """Command R7B: as Command R; three layers of four are windowed, the fourth has no position."""
    bias, norm = f.flag("attention_bias"), LayerNorm(bias=False)
    every = f.maybe_size("sliding_window_pattern") or 4
    types = layer_types(f, lambda i: TYPES[int((i + 1) % every != 0)], TYPES)
    each, rotated = windows(f), rope(f)
    positions: dict[str, Position] = {
        "sliding_attention": rotated,
        "full_attention": NoPosition() if each["sliding_attention"] else rotated,
    }
    mixers = {t: attention(f, position=positions[t], qkv_bias=bias, out_bias=bias, window=each[t]) for t in set(types)}
    channel = mlp(f, gated=True)
    blocks = [Block(mixer=mixers[t], mlp=channel, norm=norm, norm_placement="parallel") for t in types]
    return network(f, blocks, norm=norm)


@reads(
    "cohere_compass_text",
    "CohereCompass",
    "CohereCompassText",
    no_effect="image_token_id pooling",
    inside="cohere_compass",
)
def cohere_compass(f: Fields) -> Network:
    """North's text model: as Command R, every layer sees all unless it is listed as windowed, with a position unless
    its rotary parameters are null."""
    bias, norm, each = f.flag("attention_bias"), LayerNorm(bias=False), windows(f)
    types = layer_types(f, lambda i: "full_attention", TYPES)
    stated = f.maybe_mapping("rope_parameters") or {}
    positions: dict[str, Position] = {
        kind: no_rope(f) if kind in stated and stated[kind] is None else rope(f, kind) for kind in TYPES
    }
    mixers = {t: attention(f, position=positions[t], qkv_bias=bias, out_bias=bias, window=each[t]) for t in set(types)}
    channel = mlp(f, gated=True)
    blocks = [Block(mixer=mixers[t], mlp=channel, norm=norm, norm_placement="parallel") for t in types]
    return network(f, blocks, norm=norm)


@reads(
    "cohere2_moe",
    "Cohere2Moe",
    no_effect="shared_expert_combination_strategy expert_selection_fn",
)
def cohere2_moe(f: Fields) -> Network:
    """Command A with experts: both sublayers behind one norm, windowed layers rotated."""
    bias, first = f.flag("attention_bias"), f.extent("first_k_dense_replace")
    prefix, rest = f.size("prefix_dense_sliding_window_pattern"), f.size("sliding_window_pattern")

    def rule(layer: int) -> str:
        every, place = (prefix, layer) if layer < first else (rest, layer - first)
        return TYPES[int((place + 1) % every != 0)]

    types, each, sparse = layer_types(f, rule, TYPES), windows(f), after_dense(f)
    norm: Norm = LayerNorm(bias=False) if f.raw("rms_norm_eps") is None else RMSNorm()
    mixers: list[Mixer] = []
    for kind, moe_layer in zip(types, sparse, strict=True):
        rotated = kind == "sliding_attention" or (not moe_layer and prefix == 1)
        position = rope(f) if rotated else no_rope(f)
        mixers.append(attention(f, position=position, qkv_bias=bias, out_bias=bias, window=each[kind]))
    moe = experts(f, width="intermediate_size", n_shared_experts=f.extent("num_shared_experts"))
    dense = MLP(
        d_ff=f.maybe_size("prefix_dense_intermediate_size") or moe.d_ff_expert, activation=moe.activation, gated=True
    )
    blocks = [
        Block(mixer=mixer, mlp=moe if moe_layer else dense, norm=norm, norm_placement="parallel")
        for mixer, moe_layer in zip(mixers, sparse, strict=True)
    ]
    return network(f, blocks, norm=norm)
