"""Shanghai AI Laboratory: InternLM."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("internlm", "InternLM", "InternLMFor")
@reads("internlm2", "InternLM2")
def internlm(f: Fields) -> Network:
    """InternLM (arXiv:2403.17297): one switch for the biases of attention."""
    bias = f.flag("bias")
    return network(f, uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True)))


@reads("internlm3", "InternLM3", also={"qkv_bias": "attention_bias", "bias": "mlp_bias"})
def internlm3(f: Fields) -> Network:
    """InternLM3: one switch for queries, keys and values, one for all other matrices."""
    bias = f.flag("bias")
    mixer = attention(f, qkv_bias=f.flag("qkv_bias"), out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=bias)))
