"""MiniMax: lightning attention, then softmax, then attention to chosen blocks."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import TWO, Network, attention, heads, layer_types, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import BlockIndexer, LightningAttention, Mixer, RMSNorm, Rope

MINIMAX = "postnorm shared_moe_mode sliding_window"


@reads("minimax", "MiniMax", also=LOCAL, no_effect=MINIMAX, any_heads=True)
@reads("minimax_m1", "MiniMaxM1", also=LOCAL, no_effect=MINIMAX)
@reads("minimax_text_01", "MiniMaxText01", also=LOCAL, no_effect=MINIMAX)
def minimax(f: Fields) -> Network:
    """MiniMax-01 (arXiv:2501.08313): lightning attention, softmax attention where ``attn_type_list`` has 1, the sum of
    branches under a norm, half of each head rotated."""
    f.fixed("shared_intermediate_size", 0)
    n = f.layers()
    numbers = f.maybe_list("attn_type_list", n)
    if numbers is None:
        types = layer_types(f, lambda i: TWO[int(i % 2 == 0)], TWO)
    else:
        if not all(number in (0, 1) for number in numbers):
            f.wrong("attn_type_list", "write 0, lightning attention, or 1, softmax attention, for each layer")
        types = [TWO[number] for number in numbers]
    n_heads, _ = heads(f)
    d_head = f.maybe_size("head_dim") or f.size("hidden_size") // n_heads
    position, rotary = rope(f), f.maybe_size("rotary_dim")
    if rotary is not None:
        position = Rope(base=position.base, fraction=min(1.0, rotary / d_head), scaling=position.scaling)
    mixers: dict[str, Mixer] = {
        "full_attention": attention(f, position=position),
        "linear_attention": LightningAttention(n_heads=n_heads, d_head=d_head),
    }
    moe = experts(f, width="intermediate_size")
    return network(f, [Block(mixer=mixers[t], mlp=moe, norm=RMSNorm(), norm_placement="post") for t in types])


@reads("minimax_m2", "MiniMaxM2", also=LOCAL, no_effect="mtp_transformer_layers")
def minimax_m2(f: Fields) -> Network:
    """MiniMax-M2: an RMSNorm over all queries and all keys, a correction of the router for each expert."""
    f.fixed("use_qk_norm", True)
    f.fixed("qk_norm_type", "per_layer")
    f.fixed("use_routing_bias", True)
    f.fixed("shared_intermediate_size", 0)
    kinds = f.maybe_list("attn_type_list", f.layers()) or []
    if any(kind != 1 for kind in kinds):
        f.wrong("attn_type_list", "only 1, softmax attention, can be described for this class")
    n_heads = f.size("num_attention_heads")
    rotary, d_head = f.maybe_size("rotary_dim"), f.maybe_size("head_dim") or f.size("hidden_size") // n_heads
    position = rope(f)
    if rotary is not None:
        position = type(position)(base=position.base, fraction=min(1.0, rotary / d_head), scaling=position.scaling)
    mixer = attention(f, position=position, qk_norm="full")
    moe = experts(f, width="intermediate_size", router_bias_buffer=True)
    modules = f.extent("num_mtp_modules") if f.flag("use_mtp") else 0
    return network(f, uniform(f, mixer, moe), mtp=modules)


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


@reads(
    "minimax_m3_vl_text",
    "MiniMaxM3VL",
    "MiniMaxM3VLText",
    "MiniMaxM3Sparse",
    also=LOCAL,
    no_effect=M3,
    inside="minimax_m3_vl",
)
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
