"""Multi-head latent attention, after DeepSeek-V2 (arXiv:2405.04434)."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.parts import Network, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.layers import MLA, Indexer

SHARED_NAMES = {"num_local_experts": "n_routed_experts", "num_mtp_layers": "num_nextn_predict_layers"}

HARMLESS = "num_key_value_heads qk_head_dim head_dim aux_loss_alpha"


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


def dense_latent(f: Fields) -> Network:
    """MiniCPM3 and Youtu-LLM: latent attention with a dense MLP in every layer."""
    return network(f, uniform(f, latent(f), mlp(f, gated=True, bias=f.flag("mlp_bias"))))
