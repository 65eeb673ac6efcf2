"""Adept: Persimmon."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, QKNorm, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import LayerNorm


@reads("persimmon", "Persimmon", inside="fuyu")
def persimmon(f: Fields) -> Network:
    """Persimmon: squared ReLU, half of each head rotated, a LayerNorm over each head."""
    norm: QKNorm = "layer_norm" if f.flag("qk_layernorm") else None
    mixer = attention(f, qkv_bias=True, out_bias=True, qk_norm=norm)
    return network(f, uniform(f, mixer, mlp(f, gated=False, bias=True), LayerNorm()), norm=LayerNorm())
