"""nanochat."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import RMSNorm


@reads("nanochat", "NanoChat", any_heads=True)
def nanochat(f: Fields) -> Network:
    """nanochat: RMSNorm without a gain, over each head too."""
    bias, norm = f.flag("attention_bias"), RMSNorm(gain=False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="l2")
    return network(f, uniform(f, mixer, mlp(f, gated=False), norm), norm=norm, embedding_norm=norm)
