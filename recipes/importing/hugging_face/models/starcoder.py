"""BigCode: StarCoder2."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import LayerNorm


@reads("starcoder2", "Starcoder2", no_effect="mlp_type norm_type", any_heads=True)
def starcoder2(f: Fields) -> Network:
    """StarCoder2 (arXiv:2402.19173): one switch for every bias, a plain MLP, every layer windowed."""
    bias = f.flag("use_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, window=f.extent("sliding_window") or None)
    return network(f, uniform(f, mixer, mlp(f, gated=False, bias=bias), LayerNorm()), norm=LayerNorm())
