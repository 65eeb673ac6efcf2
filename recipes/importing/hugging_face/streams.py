"""Networks that choose what they attend to: DeepSeek-V4 and Hunyuan 4, with hyper-connections, and MiniMax-M3."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.corrected import routed
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, indexed, latent
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import Network, attention, layer_types, network
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.rope import rope, with_base
from lehr.simulators.architecture import Block
from lehr.simulators.layers import BlockIndexer, CompressedAttention, HyperConnections, Indexer, RMSNorm, Rope

COMPRESSED = {0: "sliding_attention", 4: "compressed_sparse_attention", 128: "heavily_compressed_attention"}
"""What a layer of DeepSeek-V4 is by the length of its blocks."""


def connected(blocks: list[Block], n_streams: int, *, mixed: bool) -> list[Block]:
    """The blocks with streams; the last holds what leads from them to the head."""
    kinds = [HyperConnections(n_streams=n_streams, mixed=mixed, holds_head=last) for last in (False, True)]
    return [
        msgspec.structs.replace(block, branches=(kinds[int(place == len(blocks) - 1)],))
        for place, block in enumerate(blocks)
    ]


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


@reads("hy_v4", "HYV4", also=SHARED_NAMES, no_effect=f"{HARMLESS} layer_types hc_magnitude hc_eps learnable_sink_init")
def hy_v4(f: Fields) -> Network:
    """Hunyuan 4: latent attention with an indexer, sinks and a gate, streams by hyper-connections."""
    sparse = after_dense(f, otherwise=1)
    own = Indexer(n_heads=f.size("index_n_heads"), d_head=f.size("index_head_dim"), top_k=f.size("index_topk"))
    plain = msgspec.structs.replace(latent(f), sinks=True, output_gate="feature")
    mixers = {
        full: msgspec.structs.replace(plain, indexer=own if full else msgspec.structs.replace(own, shared=True))
        for full in (True, False)
    }
    blocks = layered(f, [mixers[full] for full in indexed(f, len(sparse))], sparse, routed(f))
    return network(f, connected(blocks, f.size("hc_mult"), mixed=False))


SPARSE = ("full_attention", "minimax_m3_sparse")
CHOICE = {
    "index_n_heads": "sparse_num_index_heads",
    "index_head_dim": "sparse_index_dim",
    "index_block_size": "sparse_block_size",
    "index_topk_blocks": "sparse_topk_blocks",
    "index_local_blocks": "sparse_local_block",
}
"""MiniMax-M3's fields of the choice of blocks, and what its checkpoint calls them in a section of their own."""

M3 = """
    image_token_id use_gemma_norm use_routing_bias n_shared_experts moe_intermediate_size
    sparse_disable_index_value sparse_init_block sparse_score_type
    """


@reads("minimax_m3_vl_text", "MiniMaxM3VL", "MiniMaxM3VLText", "MiniMaxM3Sparse", also=LOCAL, no_effect=M3)
@reads("minimax_m3", "MiniMaxM3", "MiniMaxM3Sparse", also=LOCAL, no_effect=M3)
def minimax_m3(f: Fields) -> Network:
    """MiniMax-M3: attention to chosen blocks, experts beside a shared one."""
    part, n = f.section("sparse_attention_config"), f.layers()
    sizes = {ours: part.maybe_size(theirs) or f.size(ours) for ours, theirs in CHOICE.items()}
    for field in CHOICE:
        f.raw(field)
    f.raw("first_k_dense_replace")
    listed, freq = part.maybe_list("sparse_attention_freq", n), f.maybe_list("moe_layer_freq", n)
    types = layer_types(f, lambda i: SPARSE[int(bool(listed[i]) if listed else False)], SPARSE)
    position, rotary, d_head = rope(f), f.maybe_size("rotary_dim"), f.size("head_dim")
    if rotary is not None:
        position = Rope(base=position.base, fraction=min(1.0, rotary / d_head), scaling=position.scaling)
    f.fixed("use_qk_norm", True)
    f.fixed("qk_norm_type", "per_head")
    f.fixed("attention_output_gate", False)
    part.fixed("use_sparse_attention", True)
    plain = attention(f, position=position, qk_norm="head")
    indexer = BlockIndexer(
        n_heads=sizes["index_n_heads"],
        d_head=sizes["index_head_dim"],
        block=sizes["index_block_size"],
        top_k=sizes["index_topk_blocks"],
        local=sizes["index_local_blocks"],
    )
    mixers = {SPARSE[0]: plain, SPARSE[1]: msgspec.structs.replace(plain, indexer=indexer)}
    f.maybe_word("hidden_act")
    f.data = {**f.data, "hidden_act": "silu"}
    shared = f.extent("shared_intermediate_size")
    moe = experts(f, width="intermediate_size", count="num_local_experts", shared_d_ff=shared, router_bias_buffer=True)
    sparse = [bool(value) for value in freq] if freq else after_dense(f)
    blocks = layered(f, [mixers[t] for t in types], sparse, moe, width="dense_intermediate_size")
    return network(f, blocks)
