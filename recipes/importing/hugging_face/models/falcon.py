"""TII: Falcon, with Mamba, and with both side by side."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.models.mamba import HUB, mamba
from lehr.recipes.importing.hugging_face.parts import (
    Network,
    activation,
    attention,
    kv_checked,
    mlp,
    network,
    uniform,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import heads_of_mamba2
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Placement
from lehr.simulators.layers import MLP, Alibi, LayerNorm, SideBySide


@reads("falcon", "Falcon", "RW", also={"num_hidden_layers": "n_layer", "num_attention_heads": "n_head"})
def falcon(f: Fields) -> Network:
    """Falcon (arXiv:2311.16867): one norm for both sublayers side by side, in its newer decoder one for each."""
    newer, side_by_side = f.flag("new_decoder_architecture"), f.flag("parallel_attn")
    n_heads = f.size("num_attention_heads")
    if newer:
        n_kv_heads = f.maybe_size("num_kv_heads") or n_heads
    else:
        f.raw("num_kv_heads")
        n_kv_heads = 1 if f.flag("multi_query") else n_heads
    f.raw("multi_query")
    position = rope(f)
    mixer = biased(
        f, Alibi() if f.flag("alibi") else position, n_kv_heads=kv_checked(f, n_heads, n_kv_heads), bias=f.flag("bias")
    )
    norms = f.maybe_size("num_ln_in_parallel_attn") or (2 if newer else 1)
    placement: Placement = "pre"
    if newer or side_by_side:
        placement = "parallel_two" if newer and norms == 2 else "parallel"
    d_ff = f.maybe_size("ffn_hidden_size") or 4 * f.size("hidden_size")
    channel = MLP(d_ff=d_ff, activation=activation(f, "activation"), bias=f.flag("bias"))
    return network(f, uniform(f, mixer, channel, LayerNorm(), placement), norm=LayerNorm())


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


reads("falcon_mamba", "FalconMamba", no_effect=HUB)(mamba)
