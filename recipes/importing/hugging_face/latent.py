"""Latent attention: DeepSeek-V2, V3 and what came of them."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.corrected import routed
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import Network, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLA, Indexer, RMSNorm

SHARED_NAMES = {"num_local_experts": "n_routed_experts", "num_mtp_layers": "num_nextn_predict_layers"}
HARMLESS = "num_key_value_heads qk_head_dim head_dim aux_loss_alpha"
GLM_HARMLESS = f"{HARMLESS} layer_types index_share_for_mtp_iteration indexer_rope_interleave"


def latent(f: Fields, *, indexer: Indexer | None = None) -> MLA:
    """Latent attention by DeepSeek's fields; a rank for queries that is null projects them directly."""
    return MLA(
        n_heads=f.size("num_attention_heads"),
        q_rank=f.maybe_size("q_lora_rank"),
        kv_rank=f.size("kv_lora_rank"),
        d_nope=f.size("qk_nope_head_dim"),
        d_rope=f.size("qk_rope_head_dim"),
        d_value=f.size("v_head_dim"),
        bias=f.flag("attention_bias"),
        position=rope(f),
        indexer=indexer,
    )


def sparse_layers(f: Fields) -> list[bool]:
    """Which layers are sparse: all after the first ``first_k_dense_replace``, or of those one in ``moe_layer_freq``."""
    sparse = after_dense(f)
    every = f.raw("moe_layer_freq")
    if isinstance(every, list):
        if len(every) != len(sparse):
            f.wrong("moe_layer_freq", f"has {len(every)} values for {len(sparse)} layers; write one for each layer")
        return [bool(value) for value in every]
    step = 1 if every is None else whole(every)
    if step is None or step < 1:
        f.wrong("moe_layer_freq", f"found {shown(every)}; write a whole number of 1 or more")
    return [routed and layer % step == 0 for layer, routed in enumerate(sparse)]


@reads("deepseek_v2", "DeepseekV2", also={"num_experts": "n_routed_experts"}, no_effect=HARMLESS)
def deepseek_v2(f: Fields) -> Network:
    """DeepSeek-V2 (arXiv:2405.04434)."""
    f.fixed("mlp_bias", False)
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"))
    return network(f, layered(f, latent(f), sparse_layers(f), moe))


@reads("deepseek_v3", "DeepseekV3", also=SHARED_NAMES, no_effect=HARMLESS)
@reads("kimi_k2", "DeepseekV3", "KimiK2", also=SHARED_NAMES, no_effect=HARMLESS)
def deepseek_v3(f: Fields) -> Network:
    """DeepSeek-V3 (arXiv:2412.19437); its files store the tables again beside the module for multi-token prediction."""
    blocks = layered(f, latent(f), sparse_layers(f), routed(f))
    return network(f, blocks, mtp=f.extent("num_nextn_predict_layers"), mtp_tables=True)


@reads("deepseek_v32", "DeepseekV32", also=SHARED_NAMES, no_effect=f"{HARMLESS} layer_types")
@reads("glm_moe_dsa", "GlmMoeDsa", also=SHARED_NAMES, no_effect=GLM_HARMLESS)
def sparse_attention(f: Fields) -> Network:
    """DeepSeek-V3.2 (arXiv:2512.02556) and GLM-5: DeepSeek-V3 with an indexer, which some layers share."""
    f.fixed("mlp_bias", False)
    sparse = sparse_layers(f)
    own = Indexer(n_heads=f.size("index_n_heads"), d_head=f.size("index_head_dim"), top_k=f.size("index_topk"))
    f.size("q_lora_rank")
    mixers = {True: latent(f, indexer=own), False: latent(f, indexer=msgspec.structs.replace(own, shared=True))}
    f.fixed("num_experts", f.size("n_routed_experts"))
    moe = routed(f)
    blocks = layered(f, [mixers[full] for full in indexed(f, len(sparse))], sparse, moe)
    # GLM-5's files do not store the tables again (total of zai-org/GLM-5 on the hub: 753,864,139,008)
    again = f.model_type != "glm_moe_dsa"
    found = network(f, blocks, mtp=f.extent("num_nextn_predict_layers"), mtp_tables=again)
    # the module's indexer is its own, whichever layers share theirs
    return msgspec.structs.replace(found, mtp_block=Block(mixer=mixers[True], mlp=moe, norm=RMSNorm()))


def indexed(f: Fields, n: int) -> list[bool]:
    """Which layers have an indexer of their own: ``indexer_types``, or one in ``index_topk_freq``."""
    listed = f.maybe_list("indexer_types", n)
    every, offset = f.maybe_size("index_topk_freq") or 1, f.maybe_size("index_skip_topk_offset", least=0)
    f.fixed("index_topk_pattern", None)
    if listed is None:
        offset = 2 if offset is None else offset
        return [max(layer - offset + 1, 0) % every == 0 for layer in range(n)]
    for value in listed:
        if value not in ("full", "shared"):
            f.wrong("indexer_types", f"{shown(value)} is not known; write full or shared")
    return [value == "full" for value in listed]


@reads("glm4_moe_lite", "Glm4MoeLite", also=SHARED_NAMES, no_effect=HARMLESS)
def glm4_moe_lite(f: Fields) -> Network:
    """GLM-4.7-Flash: DeepSeek-V3's layers, the first of them dense."""
    blocks = layered(f, latent(f), after_dense(f, otherwise=1), routed(f))
    return network(f, blocks, mtp=f.extent("num_nextn_predict_layers"), mtp_tables=True)


@reads("mistral4", "Mistral4", also=SHARED_NAMES, no_effect=HARMLESS)
def mistral4(f: Fields) -> Network:
    """Mistral 4: DeepSeek-V2's layers."""
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"))
    return network(f, layered(f, latent(f), sparse_layers(f), moe))


@reads("minicpm3", "MiniCPM3", no_effect=HARMLESS)
@reads("youtu", "Youtu", no_effect=HARMLESS)
def dense_latent(f: Fields) -> Network:
    """MiniCPM3 and Youtu-LLM: latent attention with a dense MLP in every layer."""
    return network(f, uniform(f, latent(f), mlp(f, gated=True, bias=f.flag("mlp_bias"))))
