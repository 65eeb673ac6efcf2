"""Databricks: DBRX."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.layers import Attention, LayerNorm, MoE


@reads(
    "dbrx",
    "Dbrx",
    also={
        "num_attention_heads": "n_heads",
        "hidden_size": "d_model",
        "num_hidden_layers": "n_layers",
        "max_position_embeddings": "max_seq_len",
    },
    no_effect="num_key_value_heads",
)
def dbrx(f: Fields) -> Network:
    """DBRX: LayerNorm without bias; attention and experts have sections of their own."""
    attn, ffn = f.section("attn_config"), f.section("ffn_config")
    for field in ("attn_pdrop", "clip_qkv"):
        attn.raw(field)
    for field in (
        "moe_jitter_eps",
        "moe_loss_weight",
        "moe_normalize_expert_weights",
        "uniform_expert_assignment",
        "hidden_size",
    ):
        ffn.raw(field)
    n_heads, width = f.size("num_attention_heads"), f.size("hidden_size")
    n_kv_heads = attn.size("kv_n_heads")
    if n_heads % n_kv_heads or width % n_heads:
        f.wrong("num_attention_heads", f"{n_heads} heads, {n_kv_heads} of keys and values and a width of {width}")
    base = attn.maybe_number("rope_theta")
    position = rope(f)
    if base is not None and base > 0:
        position = type(position)(base=base, fraction=position.fraction, scaling=position.scaling)
    act = (ffn.maybe_mapping("ffn_act_fn") or {}).get("name", "silu")
    if act != "silu":
        ffn.wrong("ffn_act_fn", f"{shown(act)} is not known; write silu")
    mixer = Attention(n_heads=n_heads, n_kv_heads=n_kv_heads, d_head=width // n_heads, position=position)
    n_experts, top_k = ffn.size("moe_num_experts"), ffn.size("moe_top_k")
    if top_k > n_experts:
        ffn.wrong("moe_top_k", f"{top_k} of {n_experts} experts; write {n_experts} or less")
    moe = MoE(n_experts=n_experts, top_k=top_k, d_ff_expert=ffn.size("ffn_hidden_size"), activation="silu", gated=True)
    norm = LayerNorm(bias=False)
    return network(f, uniform(f, mixer, moe, norm), norm=norm)
