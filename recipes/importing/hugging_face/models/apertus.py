"""Swiss AI: Apertus."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("apertus", "Apertus", any_heads=True)
def apertus(f: Fields) -> Network:
    """Apertus: xIELU in a plain MLP, an RMSNorm over each head."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head")
    return network(f, uniform(f, mixer, mlp(f, gated=False)))
