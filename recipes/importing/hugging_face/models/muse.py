"""Muse Glimmer."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, mlp, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.recipes.importing.hugging_face.rope import no_rope, rope, with_base
from lehr.simulators.architecture import Block
from lehr.simulators.layers import RMSNorm


@reads(
    "muse_glimmer_text",
    "MuseGlimmer",
    "MuseGlimmerText",
    no_effect="qk_scale_factor output_multiplier post_norm_eps",
    inside="muse_glimmer",
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
