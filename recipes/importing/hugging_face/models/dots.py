"""rednote: dots.llm1 and dots3."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import latent
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered, routed, sparse_layers
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, mlp, network
from lehr.recipes.importing.hugging_face.reading import Fields, whole
from lehr.simulators.architecture import Block
from lehr.simulators.layers import Indexer, RMSNorm


@reads("dots1", "Dots1", also={"num_local_experts": "n_routed_experts"}, no_effect="moe_layer_freq")
def dots1(f: Fields) -> Network:
    """dots.llm1 (arXiv:2506.05767): an RMSNorm over each head, dense layers first."""
    bias = f.flag("attention_bias")
    sliding, first = f.extent("sliding_window") or None, f.extent("max_window_layers")
    types = layer_types(
        f, lambda i: "sliding_attention" if sliding is not None and i >= first else "full_attention", TYPES
    )
    each = {"full_attention": None, "sliding_attention": sliding}
    mixers = {t: attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[t]) for t in set(types)}
    moe = routed(f)
    return network(f, layered(f, [mixers[t] for t in types], after_dense(f), moe))


INDEXED = ("indexed_attention", "full_attention", "sliding_attention")
LOCAL_FIELDS = {
    "n_heads": "num_attention_heads",
    "q_rank": "q_lora_rank",
    "kv_rank": "kv_lora_rank",
    "d_nope": "qk_nope_head_dim",
    "d_rope": "qk_rope_head_dim",
    "d_value": "v_head_dim",
}
"""Ours to the class's names of what a windowed layer of dots3 may have otherwise."""


@reads(
    "dots3_note_text",
    "Dots3Note",
    "Dots3NoteText",
    also={
        "num_local_experts": "n_routed_experts",
        "shared_experts_intermediate_size": "moe_shared_expert_intermediate_size",
    },
    no_effect="num_key_value_heads head_dim swa_num_key_value_heads swa_head_dim moe_layer_freq image_token_id "
    "swa_rope_theta",
    inside="dots3_note",
)
def dots3(f: Fields) -> Network:
    """dots3: latent attention gated head by head; an indexer in one layer of four, windows of another width in the
    others; a norm of the rotary part of each key."""
    use = f.raw("use_dsa")
    full = "full_attention" if use is False else "indexed_attention"
    windowed = f.raw("use_sliding_window") is not False
    types = layer_types(f, lambda i: full if not windowed or i < 2 or i % 4 == 1 else "sliding_attention", INDEXED)
    if use is not None or not f.given("per_layer_config"):
        # older files call them full_attention, whatever they are
        types = [kind if kind == "sliding_attention" else full for kind in types]
    window = f.maybe_size("sliding_window") or f.maybe_size("sliding_window_size") or 512
    own = Indexer(n_heads=f.size("index_n_heads"), d_head=f.size("index_head_dim"), top_k=f.size("index_topk"))
    plain = msgspec.structs.replace(latent(f), output_gate="head", rope_norm=True)
    local = msgspec.structs.replace(plain, window=window, **other_sizes(f, types))
    mixers = {
        "full_attention": plain,
        "indexed_attention": msgspec.structs.replace(plain, indexer=own),
        "sliding_attention": local,
    }
    f.fixed("mlp_bias", False)
    width = f.size("shared_experts_intermediate_size") * f.size("n_shared_experts")
    moe = experts(f, count="n_routed_experts", shared_d_ff=width, router_bias_buffer=True)
    first = f.maybe_size("first_k_dense_replace", least=0)
    sparse = sparse_layers(f) if first is not None else after_dense(f, otherwise=1)
    modules = f.extent("num_nextn_predict_layers")
    found = network(f, layered(f, [mixers[kind] for kind in types], sparse, moe), mtp=modules)
    # a module has a windowed layer with a dense MLP (stored total of dots-studio/dots3-note-prev on the hub)
    beside = Block(mixer=local, mlp=mlp(f, gated=True), norm=RMSNorm()) if modules else None
    return msgspec.structs.replace(found, mtp_block=beside)


def other_sizes(f: Fields, types: list[str]) -> dict[str, int]:
    """The sizes of the windowed layers: of ``per_layer_config``, one for all of them, or of fields with ``swa_``."""
    listed = f.maybe_mapping("per_layer_config") or {}
    entries = [entry for layer, entry in listed.items() if types[int(layer)] == "sliding_attention"]
    for entry in entries:
        if not isinstance(entry, dict) or entry != entries[0]:
            f.wrong("per_layer_config", "says several things of windowed layers, which cannot be described yet")
    found = {}
    for ours, theirs in LOCAL_FIELDS.items():
        size = whole(entries[0].get(theirs)) if entries else f.maybe_size(f"swa_{theirs}")
        if size is not None and size < 1:
            f.wrong("per_layer_config", f"{theirs} is {size}; write a whole number of 1 or more")
        if size is not None:
            found[ours] = size
    return found
