"""Classes of transformers' latest versions whose layers are made of known parts."""

from __future__ import annotations

from typing import Literal

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.dense import arcee, llama
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered, stepped, with_sinks
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    Placement,
    attention,
    layer_types,
    mlp,
    network,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.recipes.importing.hugging_face.rope import no_rope, rope, with_base
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, GatedConvolution, Mixer, RMSNorm

reads("granite4_vision_text", "Granite4Vision", "Granite4VisionText", no_effect="image_token_id")(llama)
reads("granite_docling_text", "GraniteDocling", "GraniteDoclingText", no_effect="image_token_id")(llama)
reads("cosmos3_edge_text", "Cosmos3Edge", "Cosmos3EdgeText", no_effect="image_token_id")(arcee)


@reads(
    "aria_text",
    "AriaText",
    "Aria",
    also={"num_experts": "moe_num_experts", "num_experts_per_tok": "moe_topk"},
)
def aria(f: Fields) -> Network:
    """Aria (arXiv:2410.05993): every layer a mixture beside shared experts."""
    bias = f.flag("attention_bias")
    f.fixed("mlp_bias", False)
    moe = experts(f, width="intermediate_size", n_shared_experts=f.extent("moe_num_shared_experts"))
    return network(f, uniform(f, attention(f, qkv_bias=bias, out_bias=bias), moe))


@reads("lfm3", "Lfm3", no_effect="block_norm_eps")
def lfm3(f: Fields) -> Network:
    """LFM3: gated short convolutions, windowed attention and some that sees all, each gated by head."""
    bias, each = f.flag("attention_bias"), windows(f)
    types = layer_types(f, lambda i: ("conv", "full_attention")[int(i % 4 == 2)], ("conv", *TYPES))
    gate: Literal["head", False] = "head" if f.flag("use_attention_gate") else False
    placement: Placement = "sandwich" if f.flag("use_sandwich_norm") else "pre"
    mixers: dict[str, Mixer] = {"conv": GatedConvolution(conv_kernel=f.size("conv_L_cache"), bias=f.flag("conv_bias"))}
    for kind in TYPES:
        mixers[kind] = attention(
            f,
            position=rope(f, kind),
            qkv_bias=bias,
            out_bias=bias,
            qk_norm="head",
            window=each[kind],
            output_gate=gate,
            gate_bias=False,
        )
    channel = MLP(d_ff=f.size("intermediate_size"), activation="silu", gated=True)
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm(), norm_placement=placement) for t in types])


@reads("kolibri1", "Kolibri1", also={"num_experts": "num_local_experts"})
def kolibri(f: Fields) -> Network:
    """Kolibri: windowed layers, norms before and after each sublayer, experts beside a shared one."""
    each = windows(f)
    types = layer_types(f, lambda i: TYPES[int((i + 1) % 5 != 0)], TYPES)
    mixers = {t: attention(f, position=rope(f, t), qk_norm="head", window=each[t]) for t in TYPES}
    moe = experts(f, shared_d_ff=f.extent("shared_expert_intermediate_size"), router_bias_buffer=True)
    return network(f, [Block(mixer=mixers[t], mlp=moe, norm=RMSNorm(), norm_placement="sandwich") for t in types])


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


@reads(
    "muse_glimmer_text", "MuseGlimmer", "MuseGlimmerText", no_effect="qk_scale_factor output_multiplier post_norm_eps"
)
def muse_glimmer(f: Fields) -> Network:
    """Muse Glimmer: gated attention, windowed where it is rotated, norms before and after each sublayer."""
    bias, each, n = f.flag("attention_bias"), windows(f), f.layers()
    types = layer_types(f, lambda i: TYPES[int((i + 1) % 4 != 0)], TYPES)
    bases = f.maybe_list("layer_rope_theta", n)
    channel = mlp(f, gated=True, act="hidden_activation")
    blocks = []
    for layer, kind in enumerate(types):
        base = bases[layer] if bases else int(kind == "sliding_attention")
        if isinstance(base, bool) or not isinstance(base, (int, float)) or not 0 <= base < 1e300:
            f.wrong("layer_rope_theta", f"{shown(base)} is no base; write a number above 0, or 0 for no rotation")
        position = with_base(rope(f), float(base) if bases else None) if base else no_rope(f)
        mixer = attention(
            f,
            position=position,
            qkv_bias=bias,
            out_bias=bias,
            window=each[kind],
            output_gate=True,
            gate_bias=False,
            qk_norm="l2",
        )
        blocks.append(Block(mixer=mixer, mlp=channel, norm=RMSNorm(), norm_placement="sandwich"))
    return network(f, blocks)


@reads("unlimited_ocr_text", "UnlimitedOcr", "UnlimitedOcrText", no_effect="image_token_id layer_types sliding_window")
@reads("deepseek_ocr2_text", "DeepseekOcr2", "DeepseekOcr2Text", no_effect="image_token_id")
def ocr(f: Fields) -> Network:
    """DeepSeek-OCR's text model (arXiv:2510.18234): DeepSeek-V2's experts on ordinary attention."""
    bias = f.flag("attention_bias")
    f.fixed("mlp_bias", False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"))
    return network(f, layered(f, mixer, after_dense(f, otherwise=1), moe))


@reads("bitnet", "BitNet", "Bitnet")
def bitnet(f: Fields) -> Network:
    """BitNet b1.58 (arXiv:2504.12285): LLaMA with a norm before each sublayer's last matrix."""
    bias = f.flag("attention_bias")
    mixer = msgspec.structs.replace(attention(f, qkv_bias=bias, out_bias=bias), output_norm=True)
    return network(f, uniform(f, mixer, msgspec.structs.replace(mlp(f, gated=True), inner_norm=True)))
