"""Zhipu: ChatGLM and GLM, dense and with experts."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import MODEL_TASKS, reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, latent
from lehr.recipes.importing.hugging_face.mixtures import after_dense, layered, routed
from lehr.recipes.importing.hugging_face.models.deepseek import sparse_attention
from lehr.recipes.importing.hugging_face.parts import (
    Network,
    QKNorm,
    attention,
    kv_checked,
    mlp,
    network,
    uniform,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Placement
from lehr.simulators.layers import MLP, Attention, Rope


@reads(
    "chatglm",
    "ChatGLM",
    named={
        "num_hidden_layers": "num_layers",
        "intermediate_size": "ffn_hidden_size",
        "max_position_embeddings": "seq_length",
        "head_dim": "kv_channels",
        "vocab_size": "padded_vocab_size",
    },
    tasks=MODEL_TASKS,
    no_effect="apply_query_key_layer_scaling bias_dropout_fusion fp32_residual_connection original_rope pre_seq_len "
    "prefix_projection quantization_bit vocab_size attention_softmax_in_fp32 interleaved_qkv",
)
def chatglm(f: Fields) -> Network:
    """ChatGLM2, 3 and GLM-4 (arXiv:2406.12793): biases on queries, keys and values, half of each head rotated."""
    f.fixed("rmsnorm", True)
    f.fixed("post_layer_norm", True)
    f.fixed("apply_residual_connection_post_layernorm", False)
    bias, n_heads = f.flag("add_bias_linear"), f.size("num_attention_heads")
    groups = f.size("multi_query_group_num") if f.flag("multi_query_attention") else n_heads
    f.raw("multi_query_group_num")
    ratio = f.maybe_number("rope_ratio")
    mixer = Attention(
        n_heads=n_heads,
        n_kv_heads=kv_checked(f, n_heads, groups),
        d_head=f.size("head_dim"),
        qkv_bias=bias or f.flag("add_qkv_bias"),
        out_bias=bias,
        position=Rope(base=10000.0 * (ratio or 1.0), fraction=0.5),
    )
    channel = MLP(d_ff=f.size("intermediate_size"), activation="silu", gated=True, bias=bias)
    return network(f, uniform(f, mixer, channel))


@reads("glm", "Glm")
def glm(f: Fields) -> Network:
    """GLM-4-9B: biases on queries, keys and values, half of each head rotated."""
    return glm_layers(f, "pre")


@reads("glm4", "Glm4")
def glm4(f: Fields) -> Network:
    """GLM-4-0414: as GLM-4-9B, with norms after each sublayer too."""
    return glm_layers(f, "sandwich")


@reads("glm_ocr_text", "GlmOcr", "GlmOcrText", no_effect="image_token_id", inside="glm_ocr")
def glm_ocr(f: Fields) -> Network:
    """GLM-OCR's text model: as GLM-4-0414, never with biases."""
    f.fixed("attention_bias", False)
    return glm_layers(f, "sandwich", bias=False)


@reads("glm4v_text", "Glm4v", "Glm4vText", no_effect="image_token_id", inside="glm46v glm4v glmga")
def glm4v(f: Fields) -> Network:
    """GLM-4.1V's text model: as GLM-4-0414, always with biases."""
    f.fixed("attention_bias", True)
    return glm_layers(f, "sandwich", bias=True)


def glm_layers(f: Fields, placement: Placement, *, bias: bool | None = None) -> Network:
    """All of them."""
    mixer = attention(f, qkv_bias=f.flag("attention_bias") if bias is None else bias)
    return network(f, uniform(f, mixer, mlp(f, gated=True), placement=placement))


@reads(
    "glm4v_moe_text",
    "Glm4vMoe",
    "Glm4vMoeText",
    also={"num_local_experts": "n_routed_experts", "num_mtp_layers": "num_nextn_predict_layers"},
    no_effect="moe_layer_freq",
    inside="glm4v_moe",
    any_heads=True,
)
@reads(
    "glm4_moe",
    "Glm4Moe",
    also={"num_local_experts": "n_routed_experts", "num_mtp_layers": "num_nextn_predict_layers"},
    no_effect="moe_layer_freq",
    any_heads=True,
)
def glm4_moe(f: Fields) -> Network:
    """GLM-4.5 (arXiv:2508.06471): dense layers first, then experts; its files store the tables again beside MTP."""
    qk_norm: QKNorm = "head" if f.flag("use_qk_norm") else None
    mixer = attention(f, qkv_bias=f.flag("attention_bias"), qk_norm=qk_norm)
    blocks = layered(f, mixer, after_dense(f), routed(f))
    return network(f, blocks, mtp=f.extent("num_nextn_predict_layers"), mtp_tables=True)


GLM_HARMLESS = f"{HARMLESS} layer_types index_share_for_mtp_iteration indexer_rope_interleave"


@reads("glm4_moe_lite", "Glm4MoeLite", also=SHARED_NAMES, no_effect=HARMLESS)
def glm4_moe_lite(f: Fields) -> Network:
    """GLM-4.7-Flash: DeepSeek-V3's layers, the first of them dense."""
    blocks = layered(f, latent(f), after_dense(f, otherwise=1), routed(f))
    return network(f, blocks, mtp=f.extent("num_nextn_predict_layers"), mtp_tables=True)


reads("glm_moe_dsa", "GlmMoeDsa", also=SHARED_NAMES, no_effect=GLM_HARMLESS)(sparse_attention)
