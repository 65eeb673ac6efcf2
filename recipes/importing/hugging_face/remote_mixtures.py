"""Mixtures of experts whose class stands beside the checkpoint: Ling and Ring."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import Network, attention, network
from lehr.recipes.importing.hugging_face.reading import Fields

LING = (
    "embedding_dropout output_dropout norm_head norm_softmax use_rmsnorm max_window_layers rotary_dim multi_gate "
    "router_type gate_normalize moe_router_enable_shared_expert moe_router_topk_scaling_factor rope_interleave"
)


@reads("bailing_moe", "BailingMoe", "BailingMoeV2", no_effect=LING)
@reads("bailing_moe_v2", "BailingMoeV2", no_effect=LING)
def bailing_moe(f: Fields) -> Network:
    """Ling and Ring (arXiv:2503.05139; 2.0: arXiv:2510.22115): dense layers first, shared experts as wide as routed
    ones; the second version has an RMSNorm over each head and a correction of the router."""
    bias = f.flag("use_bias")
    if bias:
        f.wrong("use_bias", "true cannot be described yet; only false can")
    mixer = attention(f, qkv_bias=f.flag("use_qkv_bias"), qk_norm="head" if f.flag("use_qk_norm") else None)
    moe = experts(
        f, n_shared_experts=f.extent("num_shared_experts"), router_bias_buffer=f.flag("moe_router_enable_expert_bias")
    )
    width = f.maybe_size("moe_shared_expert_intermediate_size")
    if width is not None and width != moe.d_ff_expert:
        f.wrong(
            "moe_shared_expert_intermediate_size", f"{width} is not moe_intermediate_size; only that can be described"
        )
    return network(f, layered(f, mixer, after_dense(f), moe), mtp=f.extent("num_nextn_predict_layers"))
