"""Hugging Face: SmolLM3."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, mlp, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.recipes.importing.hugging_face.sliding import switched_window
from lehr.simulators.architecture import Block
from lehr.simulators.layers import RMSNorm


@reads("smollm3", "SmolLM3", any_heads=True)
def smollm3(f: Fields) -> Network:
    """SmolLM3: every ``no_rope_layer_interval``-th layer has no position."""
    bias, sliding = f.flag("attention_bias"), switched_window(f)
    n, every = f.layers(), f.size("no_rope_layer_interval")
    rotated = f.maybe_list("no_rope_layers", n) or [int((i + 1) % every != 0) for i in range(n)]
    types = layer_types(
        f, lambda i: "sliding_attention" if sliding is not None and not rotated[i] else "full_attention", TYPES
    )
    each = {"full_attention": None, "sliding_attention": sliding}
    channel = mlp(f, gated=True, bias=f.flag("mlp_bias"))
    blocks = [
        Block(
            mixer=attention(
                f, position=rope(f) if turned else no_rope(f), qkv_bias=bias, out_bias=bias, window=each[kind]
            ),
            mlp=channel,
            norm=RMSNorm(),
        )
        for turned, kind in zip(rotated, types, strict=True)
    ]
    return network(f, blocks)
