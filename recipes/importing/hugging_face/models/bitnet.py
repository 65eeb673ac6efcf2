"""Microsoft: BitNet."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("bitnet", "BitNet", "Bitnet")
def bitnet(f: Fields) -> Network:
    """BitNet b1.58 (arXiv:2504.12285): LLaMA with a norm before each sublayer's last matrix."""
    bias = f.flag("attention_bias")
    mixer = msgspec.structs.replace(attention(f, qkv_bias=bias, out_bias=bias), output_norm=True)
    return network(f, uniform(f, mixer, msgspec.structs.replace(mlp(f, gated=True), inner_norm=True)))
