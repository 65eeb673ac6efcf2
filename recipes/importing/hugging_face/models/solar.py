"""Upstage: Solar Open."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import routed
from lehr.recipes.importing.hugging_face.parts import Network, QKNorm, attention, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("solar_open", "SolarOpen", also={"num_local_experts": "n_routed_experts"}, no_effect="intermediate_size")
def solar_open(f: Fields) -> Network:
    """Solar Open: as GLM-4.5, every layer sparse."""
    bias = f.flag("attention_bias")
    qk_norm: QKNorm = "head" if f.flag("use_qk_norm") else None
    f.fixed("first_k_dense_replace", 0)
    return network(f, uniform(f, attention(f, qkv_bias=bias, qk_norm=qk_norm), routed(f)))
