"""Rhymes: Aria."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts
from lehr.recipes.importing.hugging_face.parts import Network, attention, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads(
    "aria_text",
    "AriaText",
    "Aria",
    also={"num_experts": "moe_num_experts", "num_experts_per_tok": "moe_topk"},
    inside="aria",
)
def aria(f: Fields) -> Network:
    """Aria (arXiv:2410.05993): every layer a mixture beside shared experts."""
    bias = f.flag("attention_bias")
    f.fixed("mlp_bias", False)
    moe = experts(f, width="intermediate_size", n_shared_experts=f.extent("moe_num_shared_experts"))
    return network(f, uniform(f, attention(f, qkv_bias=bias, out_bias=bias), moe))
