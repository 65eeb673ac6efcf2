"""ByteDance: Seed-OSS."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("seed_oss", "SeedOss")
def seed_oss(f: Fields) -> Network:
    """Seed-OSS: the output projection has a switch of its own."""
    mixer = attention(f, qkv_bias=f.flag("attention_bias"), out_bias=f.flag("attention_out_bias"))
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))
