"""Arcee: AFM."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("arcee", "Arcee")
def arcee(f: Fields) -> Network:
    """Arcee: LLaMA with a plain MLP of squared ReLU."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=False, bias=f.flag("mlp_bias"))))
