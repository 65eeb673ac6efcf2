"""OpenBMB: MiniCPM."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, dense_latent
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("minicpm", "MiniCPM")
def minicpm(f: Fields) -> Network:
    """MiniCPM (arXiv:2404.06395): LLaMA with scaled sublayers."""
    bias = f.flag("attention_bias")
    return network(f, uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True)))


reads("minicpm3", "MiniCPM3", no_effect=HARMLESS)(dense_latent)
