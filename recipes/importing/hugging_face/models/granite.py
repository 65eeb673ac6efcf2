"""IBM: Granite, with experts, with Mamba-2 and with windows."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts, with_sinks
from lehr.recipes.importing.hugging_face.models.llama import llama
from lehr.recipes.importing.hugging_face.parts import (
    TWO,
    TYPES,
    Network,
    attention,
    layer_types,
    mlp,
    network,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.recipes.importing.hugging_face.recurrent import prefixed_mamba2
from lehr.recipes.importing.hugging_face.rope import no_rope, rope, with_base
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, Mixer, MoE, RMSNorm


@reads("granitemoe", "GraniteMoe", any_heads=True)
@reads("granitemoeshared", "GraniteMoeShared", any_heads=True)
def granitemoe(f: Fields) -> Network:
    """Granite 3 with experts; a shared one where ``shared_intermediate_size`` is not 0."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    moe = experts(
        f, width="intermediate_size", count="num_local_experts", shared_d_ff=f.extent("shared_intermediate_size")
    )
    return network(f, uniform(f, mixer, moe))


@reads(
    "granitemoehybrid",
    "GraniteMoeHybrid",
    also={"layers_block_type": "layer_types"},
    no_effect="normalization_function init_method",
    any_heads=True,
)
def granite_hybrid(f: Fields) -> Network:
    """Granite 4: Mamba-2 and attention; experts beside a shared one, or that one alone."""
    bias = f.flag("attention_bias")
    types = layer_types(f, lambda _: "linear_attention", TWO)
    kind = f.maybe_word("position_embedding_type")
    position = rope(f) if kind == "rope" else no_rope(f)
    mixers: dict[str, Mixer] = {
        "full_attention": attention(f, position=position, qkv_bias=bias, out_bias=bias),
        "linear_attention": prefixed_mamba2(f),
    }
    shared = f.extent("shared_intermediate_size")
    channel: MLP | MoE
    if f.extent("num_local_experts"):
        channel = experts(f, width="intermediate_size", count="num_local_experts", shared_d_ff=shared)
    else:
        f.raw("intermediate_size"), f.raw("num_experts_per_tok")
        channel = mlp(f, gated=True, width="shared_intermediate_size")
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm()) for t in types])


@reads("granite_swa", "GraniteSWA")
@reads("granitemoe_swa", "GraniteMoeSWA")
def granite_swa(f: Fields) -> Network:
    """Granite with windows: sinks in every layer, the first of every few sees all, a rotary base for each layer."""
    bias, each, n = f.flag("attention_bias"), windows(f), f.layers()
    types = layer_types(f, lambda layer: TYPES[int(layer % 4 != 0)], TYPES)
    bases = f.maybe_list("layer_rope_theta", n) or [None] * n
    channel: MLP | MoE
    if f.model_type == "granitemoe_swa":
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


reads(
    "granite4_vision_text", "Granite4Vision", "Granite4VisionText", no_effect="image_token_id", inside="granite4_vision"
)(llama)

reads(
    "granite_docling_text", "GraniteDocling", "GraniteDoclingText", no_effect="image_token_id", inside="granite_docling"
)(llama)

reads("granite", "Granite", inside="granite_speech", any_heads=True)(llama)
