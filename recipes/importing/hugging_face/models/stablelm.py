"""Stability AI: StableLM."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, QKNorm, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Placement
from lehr.simulators.layers import LayerNorm


@reads("stablelm", "StableLm")
def stablelm(f: Fields) -> Network:
    """StableLM: LayerNorm and a gated MLP, a quarter of each head rotated."""
    norm: QKNorm = "each_head" if f.flag("qk_layernorm") else None
    placement: Placement = "parallel" if f.flag("use_parallel_residual") else "pre"
    mixer = attention(f, qkv_bias=f.flag("use_qkv_bias"), qk_norm=norm)
    return network(f, uniform(f, mixer, mlp(f, gated=True), LayerNorm(), placement), norm=LayerNorm())
