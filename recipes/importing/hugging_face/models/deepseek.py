"""DeepSeek: shared and routed experts, latent attention, an indexer, compressed blocks."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, indexed, latent
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered, routed, sparse_layers
from lehr.recipes.importing.hugging_face.parts import Network, attention, layer_types, network
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.rope import rope, with_base
from lehr.recipes.importing.hugging_face.streams import connected
from lehr.simulators.architecture import Block
from lehr.simulators.layers import CompressedAttention, Indexer, RMSNorm, Rope


@reads("deepseek", "Deepseek", no_effect="aux_loss_alpha")
def deepseek(f: Fields) -> Network:
    """DeepSeekMoE (arXiv:2401.06066): LLaMA's attention, shared experts as wide as routed ones."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"))
    return network(f, layered(f, mixer, sparse_layers(f), moe))


@reads("deepseek_v2", "DeepseekV2", also={"num_experts": "n_routed_experts"}, no_effect=HARMLESS)
def deepseek_v2(f: Fields) -> Network:
    """DeepSeek-V2 (arXiv:2405.04434)."""
    f.fixed("mlp_bias", False)
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"))
    return network(f, layered(f, latent(f), sparse_layers(f), moe))


@reads("deepseek_v3", "DeepseekV3", also=SHARED_NAMES, no_effect=HARMLESS, inside="kimi_k25")
def deepseek_v3(f: Fields) -> Network:
    """DeepSeek-V3 (arXiv:2412.19437); its files store the tables again beside the module for multi-token prediction."""
    blocks = layered(f, latent(f), sparse_layers(f), routed(f))
    return network(f, blocks, mtp=f.extent("num_nextn_predict_layers"), mtp_tables=True)


@reads("deepseek_v32", "DeepseekV32", also=SHARED_NAMES, no_effect=f"{HARMLESS} layer_types")
def sparse_attention(f: Fields) -> Network:
    """DeepSeek-V3.2 (arXiv:2512.02556) and GLM-5: DeepSeek-V3 with an indexer, which some layers of GLM-5 share."""
    f.fixed("mlp_bias", False)
    sparse = sparse_layers(f)
    own = Indexer(n_heads=f.size("index_n_heads"), d_head=f.size("index_head_dim"), top_k=f.size("index_topk"))
    f.size("q_lora_rank")
    mixers = {True: latent(f, indexer=own), False: latent(f, indexer=msgspec.structs.replace(own, shared=True))}
    f.fixed("num_experts", f.size("n_routed_experts"))
    moe = routed(f)
    # the class of DeepSeek-V3.2 has an indexer in every layer
    own_index = [True] * len(sparse) if f.model_type == "deepseek_v32" else indexed(f, len(sparse))
    blocks = layered(f, [mixers[full] for full in own_index], sparse, moe)
    # GLM-5's files do not store the tables again (total of zai-org/GLM-5 on the hub: 753,864,139,008)
    again = f.model_type != "glm_moe_dsa"
    found = network(f, blocks, mtp=f.extent("num_nextn_predict_layers"), mtp_tables=again)
    # the module's indexer is its own, whichever layers share theirs
    return msgspec.structs.replace(found, mtp_block=Block(mixer=mixers[True], mlp=moe, norm=RMSNorm()))


COMPRESSED = {0: "sliding_attention", 4: "compressed_sparse_attention", 128: "heavily_compressed_attention"}
"""What a layer of DeepSeek-V4 is by the length of its blocks."""


@reads(
    "deepseek_v4",
    "DeepseekV4",
    also={"num_local_experts": "n_routed_experts"},
    no_effect=f"{HARMLESS} expert_dtype hc_sinkhorn_iters hc_eps topk_method num_hash_layers intermediate_size "
    "compress_rope_theta",
)
def deepseek_v4(f: Fields) -> Network:
    """DeepSeek-V4: a window and compressed blocks in each layer, experts in all, streams by hyper-connections."""
    f.fixed("mlp_bias", False)
    f.fixed("attention_bias", False)
    n, ratios = f.layers(), f.maybe_list("compress_ratios")
    if ratios is not None and (len(ratios) < n or not all(whole(r) in COMPRESSED for r in ratios)):
        f.wrong("compress_ratios", f"found {shown(ratios)}; write 0, 4 or 128 for each of {n} layers")
    rates = {"compressed_sparse_attention": 4, "heavily_compressed_attention": 128}
    for kind, rate in (f.maybe_mapping("compress_rates") or {}).items():
        if kind not in rates or (whole(rate) or 0) < 1:
            f.wrong("compress_rates", f"found {shown({kind: rate})}; write {' and '.join(rates)}")
        rates[kind] = whole(rate) or 1
    for kind, field in zip(rates, ("compress_rate_csa", "compress_rate_hca"), strict=True):
        rates[kind] = f.maybe_size(field) or rates[kind]
    known = tuple(COMPRESSED.values())
    types = layer_types(f, lambda i: COMPRESSED[whole(ratios[i]) or 0] if ratios else known[by_turns(i)], known)
    indexer = Indexer(n_heads=f.size("index_n_heads"), d_head=f.size("index_head_dim"), top_k=f.size("index_topk"))
    kinds = {
        kind: CompressedAttention(
            n_heads=f.size("num_attention_heads"),
            d_head=f.size("head_dim"),
            q_rank=f.size("q_lora_rank"),
            o_groups=f.size("o_groups"),
            o_rank=f.size("o_lora_rank"),
            window=f.size("sliding_window"),
            position=turned(f, kind),
            rate=rates.get(kind),
            indexer=indexer if kind == "compressed_sparse_attention" else None,
        )
        for kind in known
    }
    # the class has one shared expert, however many the file says
    moe = routed(f, shared_d_ff=f.size("moe_intermediate_size"))
    f.maybe_list("mlp_layer_types", n)
    local = Block(mixer=kinds["sliding_attention"], mlp=moe, norm=RMSNorm())
    blocks = [msgspec.structs.replace(local, mixer=kinds[kind]) for kind in types]
    streams, modules = f.size("hc_mult"), f.extent("num_nextn_predict_layers")
    found = network(f, connected(blocks, streams, mixed=True), mtp=modules)
    # a module sees a window and leads from its own streams to the head
    return msgspec.structs.replace(found, mtp_block=connected([local], streams, mixed=True)[0] if modules else None)


def by_turns(layer: int) -> int:
    """Two layers of long blocks first, then long and short ones in turn."""
    return 1 if layer >= 2 and layer % 2 else 2


def turned(f: Fields, kind: str) -> Rope:
    """The rotary position of such a layer: a larger base where there are blocks."""
    local = kind == "sliding_attention"
    position = rope(f, "main" if local else "compress")
    size, whole_head = f.maybe_size("qk_rope_head_dim"), f.size("head_dim")
    if size is not None and size <= whole_head:
        position = Rope(base=position.base, fraction=size / whole_head, scaling=position.scaling)
    if f.given("rope_parameters"):
        return position
    return with_base(position, None if local else f.maybe_number("compress_rope_theta"))


@reads("deepseek_ocr2_text", "DeepseekOcr2", "DeepseekOcr2Text", no_effect="image_token_id", inside="deepseek_ocr2")
def ocr(f: Fields) -> Network:
    """DeepSeek-OCR's text model (arXiv:2510.18234): DeepSeek-V2's experts on ordinary attention."""
    bias = f.flag("attention_bias")
    f.fixed("mlp_bias", False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"))
    return network(f, layered(f, mixer, after_dense(f, otherwise=1), moe))
