"""Tencent: Hunyuan."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts, same_in_every_layer
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("hunyuan_vl_text", "HunYuanVL", "HunYuanVLText", inside="hunyuan_vl")
@reads("hunyuan_v1_dense", "HunYuanDenseV1")
def hunyuan(f: Fields) -> Network:
    """Hunyuan: an RMSNorm over each head of queries and keys."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head")
    return network(f, uniform(f, mixer, mlp(f, gated=True)))


@reads("hunyuan_v1_moe", "HunYuanMoEV1", also={"num_experts_per_tok": "moe_topk", "num_local_experts": "num_experts"})
def hunyuan_moe(f: Fields) -> Network:
    """Hunyuan-A13B: one shared expert as wide as the others, an RMSNorm over each head."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head")
    for field in ("moe_topk", "num_experts"):
        same_in_every_layer(f, field)
    moe = experts(f, width="intermediate_size", n_shared_experts=1)
    return network(f, uniform(f, mixer, moe))
