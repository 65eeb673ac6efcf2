"""NAVER: HyperCLOVA X."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Placement


@reads("hyperclovax", "HyperCLOVAX", inside="hyperclovax_vision_v2")
def hyperclovax(f: Fields) -> Network:
    """HyperCLOVA X: LLaMA, with norms after each sublayer too where ``use_post_norm`` is on."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    placement: Placement = "sandwich" if f.flag("use_post_norm") else "pre"
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias")), placement=placement))
