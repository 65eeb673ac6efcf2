"""Liquid AI: LFM2 and LFM3."""

from __future__ import annotations

from typing import Literal

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, after_dense, experts
from lehr.recipes.importing.hugging_face.parts import (
    TWO,
    TYPES,
    Network,
    attention,
    layer_types,
    network,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block, Placement
from lehr.simulators.layers import MLP, GatedConvolution, Mixer, RMSNorm


def lfm2_mixers(f: Fields) -> list[Mixer]:
    """Short convolutions, and attention where ``layer_types`` or ``full_attn_idxs`` says so."""
    indices = f.maybe_indices("full_attn_idxs")
    attends = set(range(f.layers()) if indices is None else indices)
    types = layer_types(f, lambda i: TWO[int(i in attends)], ("conv", *TWO, "short_conv"))
    mixers: dict[str, Mixer] = {
        "full_attention": attention(f, qk_norm="head"),
        "conv": GatedConvolution(conv_kernel=f.size("conv_L_cache"), bias=f.flag("conv_bias")),
    }
    return [mixers["full_attention" if kind == "full_attention" else "conv"] for kind in types]


LFM2 = (
    "block_mlp_init_scale block_out_init_scale use_pos_enc num_heads theta conv_dim conv_dim_out "
    "conv_use_xavier_init block_dim block_use_swiglu block_use_xavier_init block_norm_eps"
)


@reads("lfm2", "Lfm2", also={"intermediate_size": "block_ff_dim"}, no_effect=LFM2, inside="lfm2_vl", any_heads=True)
def lfm2(f: Fields) -> Network:
    """LFM2: gated short convolutions and some attention."""
    d_ff = f.size("intermediate_size")
    ratio, step = f.maybe_number("block_ffn_dim_multiplier"), f.size("block_multiple_of")
    if f.flag("block_auto_adjust_ff_dim"):
        d_ff = int(2 * d_ff / 3)
        d_ff = d_ff if ratio is None else int(ratio * d_ff)
        d_ff = max(step, step * -(-d_ff // step))
    channel = MLP(d_ff=d_ff, activation="silu", gated=True)
    return network(f, [Block(mixer=mixer, mlp=channel, norm=RMSNorm()) for mixer in lfm2_mixers(f)])


@reads("lfm2_moe", "Lfm2Moe", also=LOCAL, no_effect=LFM2)
def lfm2_moe(f: Fields) -> Network:
    """LFM2 with experts behind some dense layers."""
    sparse = after_dense(f, "num_dense_layers")
    dense = MLP(d_ff=f.size("intermediate_size"), activation="silu", gated=True)
    f.raw("hidden_act")
    f.data = {**f.data, "hidden_act": "silu"}
    moe = experts(f, router_bias_buffer=f.flag("use_expert_bias"))
    return network(
        f,
        [
            Block(mixer=mixer, mlp=moe if routed else dense, norm=RMSNorm())
            for mixer, routed in zip(lfm2_mixers(f), sparse, strict=True)
        ],
    )


@reads("lfm3", "Lfm3", no_effect="block_norm_eps", inside="lfm3_vl")
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
