"""OrionStar: Orion."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import LayerNorm


@reads("orion", "Orion", no_effect="pretraining_tp")
def orion(f: Fields) -> Network:
    """Orion (arXiv:2401.12246): LLaMA with LayerNorm."""
    bias = f.flag("attention_bias")
    blocks = uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True), LayerNorm())
    return network(f, blocks, norm=LayerNorm())
