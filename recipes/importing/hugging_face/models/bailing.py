"""Ant Group: Ling and Ring."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, latent
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.models.kimi import KIMI, kimi_experts, never_tied
from lehr.recipes.importing.hugging_face.parts import TWO, Network, attention, layer_types, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Block
from lehr.simulators.layers import KimiDelta, Mixer, RMSNorm

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


@reads(
    "bailing_hybrid",
    "BailingHybrid",
    also=KIMI,
    no_effect=f"{HARMLESS} kda_safe_gate kda_lower_bound",
)
def bailing_hybrid(f: Fields) -> Network:
    """Ling 3: Kimi delta attention with one matrix each for decay and gate, latent attention gated by head."""
    never_tied(f)
    every, n_heads = f.size("layer_group_size"), f.size("num_attention_heads")
    types = layer_types(f, lambda i: TWO[int((i + 1) % every == 0)], TWO)
    d_head, kernel = f.maybe_size("linear_head_dim"), f.maybe_size("linear_conv_kernel_dim")
    f.raw("linear_num_heads")
    delta = KimiDelta(
        n_heads=n_heads, d_head=d_head or f.size("head_dim"), conv_kernel=kernel or f.size("short_conv_kernel_size")
    )
    for field in ("head_dim", "short_conv_kernel_size"):
        f.raw(field)
    mixers: dict[str, Mixer] = {
        "linear_attention": delta,
        "full_attention": msgspec.structs.replace(latent(f), output_gate="head"),
    }
    moe, modules = kimi_experts(f), f.extent("num_nextn_predict_layers")
    found = network(f, layered(f, [mixers[t] for t in types], after_dense(f), moe), mtp=modules)
    # a module has latent attention and experts (stored total of inclusionAI/Ling-3.0-flash on the hub)
    beside = Block(mixer=mixers["full_attention"], mlp=moe, norm=RMSNorm())
    return msgspec.structs.replace(found, mtp_block=beside if modules else None)
