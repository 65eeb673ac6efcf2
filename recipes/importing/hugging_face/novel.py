"""Networks with mixers of their own: Falcon-H1, RecurrentGemma, LFM2, DeBERTa; and variants with windows."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import ENCODER_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import encoder, ends, narrow, on_top
from lehr.recipes.importing.hugging_face.gpt import biased
from lehr.recipes.importing.hugging_face.hybrid import TWO
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, after_dense, experts, with_sinks
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    activation,
    attention,
    layer_types,
    mlp,
    network,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.recipes.importing.hugging_face.recurrent import heads_of_mamba2
from lehr.recipes.importing.hugging_face.rope import rope, with_base
from lehr.simulators.architecture import Block
from lehr.simulators.layers import (
    MLP,
    RGLRU,
    Disentangled,
    GatedConvolution,
    LayerNorm,
    Mixer,
    MoE,
    NoPosition,
    RMSNorm,
    SideBySide,
)


@reads("falcon_h1", "FalconH1", no_effect="mamba_norm_before_gate mamba_use_mlp attn_layer_indices mamba_expand")
def falcon_h1(f: Fields) -> Network:
    """Falcon-H1 (arXiv:2507.22448): attention and Mamba-2 side by side in every layer."""
    bias = f.flag("attention_bias")
    projected = f.flag("projectors_bias")
    f.fixed("attn_layer_indices", None)
    mamba = heads_of_mamba2(
        f,
        n_heads="mamba_n_heads",
        d_head="mamba_d_head",
        d_state="mamba_d_state",
        n_groups="mamba_n_groups",
        conv_kernel="mamba_d_conv",
        conv_bias="mamba_conv_bias",
        bias="mamba_proj_bias",
        expand=None if f.given("mamba_d_head") else "mamba_expand",
    )
    stated = f.maybe_size("mamba_d_ssm")
    if stated is not None and stated != mamba.d_inner:
        f.wrong("mamba_d_ssm", f"{stated} is not mamba_n_heads times mamba_d_head, {mamba.d_inner}")
    mixer = SideBySide(
        attention=attention(f, qkv_bias=bias, out_bias=bias),
        mamba=msgspec.structs.replace(mamba, norm=f.flag("mamba_rms_norm"), out_bias=projected),
    )
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))


@reads(
    "recurrent_gemma",
    "RecurrentGemma",
    no_effect="w_init_variance_scale final_w_init_variance_scale layer_types",
)
def recurrent_gemma(f: Fields) -> Network:
    """RecurrentGemma (arXiv:2404.07839): two recurrent blocks to one of windowed attention."""
    n, bias = f.layers(), f.flag("attention_bias")
    pattern = f.maybe_list("block_types") or ["recurrent", "recurrent", "attention"]
    for kind in pattern:
        if kind not in ("recurrent", "attention"):
            f.wrong("block_types", f"{shown(kind)} is not known; write recurrent or attention")
    plain = attention(f, qkv_bias=bias, out_bias=True, window=f.size("attention_window_size"))
    width = f.maybe_size("lru_width") or f.size("hidden_size")
    mixers: dict[str, Mixer] = {
        "attention": plain,
        "recurrent": RGLRU(width=width, n_blocks=plain.n_heads, conv_kernel=f.size("conv1d_width")),
    }
    both = f.size("intermediate_size")
    act = activation(f, "hidden_activation")
    channel = MLP(d_ff=max(1, both // 2), activation=act, gated=True, bias=True)
    norm = RMSNorm(zero_centred=True)
    blocks = [Block(mixer=mixers[pattern[i % len(pattern)]], mlp=channel, norm=norm) for i in range(n)]
    return network(f, blocks, norm=norm, context=None)


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


@reads("lfm2", "Lfm2", also={"intermediate_size": "block_ff_dim"}, no_effect=LFM2)
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


@reads(
    "deberta-v2",
    "DebertaV2",
    tasks={**ENCODER_TASKS, "Model": "none"},
    head="mlm",
    no_effect="pooler_size norm_rel_ebd_eps max_relative_positions",
)
def deberta_v2(f: Fields) -> Network:
    """DeBERTa-v3 (arXiv:2111.09543): BERT whose scores know relative positions by a table of vectors."""
    f.fixed("conv_kernel_size", 0)
    factored = narrow(f, bias=False)
    if f.raw("legacy") is False:
        # the newer head multiplies by the table, whatever tie_word_embeddings says
        f.data = {**f.data, "tie_word_embeddings": True}
    f.fixed("pooler_hidden_size", f.size("hidden_size"))
    kinds = f.raw("pos_att_type") or []
    kinds = kinds.split("|") if isinstance(kinds, str) else kinds
    relative, shares = f.flag("relative_attention"), f.flag("share_att_key")
    buckets = f.maybe_size("position_buckets", least=-1)
    rows = reach(f) if buckets is None or buckets < 1 else buckets
    if relative and sorted(map(str, kinds)) != ["c2p", "p2c"]:
        f.wrong("pos_att_type", f"{shown(kinds)} cannot be described yet; only c2p and p2c can")
    normed = f.maybe_word("norm_rel_ebd") or "none"
    mixers = [
        biased(
            f,
            Disentangled(
                n_rows=2 * rows, holds_table=layer == 0, norm="layer_norm" in normed, own_projections=not shares
            ),
        )
        if relative
        else biased(f, NoPosition())
        for layer in range(f.layers())
    ]
    channel = mlp(f, gated=False, bias=True)
    blocks = [Block(mixer=mixer, mlp=channel, norm=LayerNorm(), norm_placement="post") for mixer in mixers]
    context = f.size("max_position_embeddings")
    learned = context if f.raw("position_biased_input") is not False else 0
    return encoder(
        f,
        blocks,
        ends(f, positions=learned, token_types=f.extent("type_vocab_size"), factored=factored),
        context=context,
        embedding_norm=LayerNorm(),
        output=on_top(f),
    )


def reach(f: Fields) -> int:
    """``max_relative_positions``, or as many as there are positions."""
    stated = f.maybe_size("max_relative_positions", least=-1)
    return f.size("max_position_embeddings") if stated is None or stated < 1 else stated


@reads("granite_swa", "GraniteSWA")
@reads("granitemoe_swa", "GraniteMoeSWA")
def granite_swa(f: Fields) -> Network:
    """Granite with windows: sinks in every layer, the first of every few sees all, a rotary base for each layer."""
    bias, each, n = f.flag("attention_bias"), windows(f), f.layers()
    types = layer_types(f, lambda layer: TYPES[int(layer % 4 != 0)], TYPES)
    bases = f.maybe_list("layer_rope_theta", n) or [None] * n
    channel: MLP | MoE
    if f.name("num_local_experts") in {*f.data, *f.defaults}:
        shared = f.extent("shared_intermediate_size")
        channel = experts(f, width="intermediate_size", count="num_local_experts", shared_d_ff=shared)
    else:
        channel = mlp(f, gated=True, bias=f.flag("mlp_bias"))
    position = rope(f)
    blocks = []
    for kind, base in zip(types, bases, strict=True):
        if base is not None and (isinstance(base, bool) or not isinstance(base, (int, float)) or not 0 < base < 1e300):
            f.wrong("layer_rope_theta", f"{shown(base)} is no base; write a number above 0")
        own = with_base(position, None if base is None else float(base))
        mixer = with_sinks(attention(f, position=own, qkv_bias=bias, out_bias=bias, window=each[kind]))
        blocks.append(Block(mixer=mixer, mlp=channel, norm=RMSNorm()))
    return network(f, blocks)
