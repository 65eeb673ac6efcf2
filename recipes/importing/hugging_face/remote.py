"""Decoders and encoders whose class stands beside the checkpoint, not in transformers."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, CLASSES, DECODER_TASKS, defaults, reads
from lehr.recipes.importing.hugging_face.dense import windowed
from lehr.recipes.importing.hugging_face.encoders import encoder, ends, rotated
from lehr.recipes.importing.hugging_face.gpt import GPT2_NAMES, biased, gptj
from lehr.recipes.importing.hugging_face.latent import sparse_layers
from lehr.recipes.importing.hugging_face.mixtures import experts, layered
from lehr.recipes.importing.hugging_face.parts import (
    EncoderStack,
    Network,
    activation,
    attention,
    kv_checked,
    mlp,
    network,
    uniform,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.layers import MLP, Alibi, Attention, LayerNorm, NoPosition, RMSNorm, Rope

MODEL_TASKS = {**DECODER_TASKS, "Model": "lm", "ModelLM": "lm"}
"""Where the class called ...Model has the vocabulary's head."""


@reads("aquila", "Aquila", no_effect="is_sparse")
@reads("xverse", "Xverse", no_effect="max_tokenizer_truncation")
@reads("Yi", "Yi")
def plain_llama(f: Fields) -> Network:
    """LLaMA under another name."""
    return network(f, uniform(f, attention(f), mlp(f, gated=True)))


@reads("minicpm", "MiniCPM")
def minicpm(f: Fields) -> Network:
    """MiniCPM (arXiv:2404.06395): LLaMA with scaled sublayers."""
    bias = f.flag("attention_bias")
    return network(f, uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True)))


@reads("orion", "Orion", no_effect="pretraining_tp")
def orion(f: Fields) -> Network:
    """Orion (arXiv:2401.12246): LLaMA with LayerNorm."""
    bias = f.flag("attention_bias")
    blocks = uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True), LayerNorm())
    return network(f, blocks, norm=LayerNorm())


@reads("internlm", "InternLM", "InternLMFor")
@reads("internlm2", "InternLM2")
def internlm(f: Fields) -> Network:
    """InternLM (arXiv:2403.17297): one switch for the biases of attention."""
    bias = f.flag("bias")
    return network(f, uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True)))


@reads("baichuan", "Baichuan", "BaiChuan", named={}, no_effect="z_loss_weight")
def baichuan(f: Fields) -> Network:
    """Baichuan (arXiv:2309.10305): LLaMA; the larger ones, which state ``model_max_length`` alone, have ALiBi."""
    rotated_one = f.given("max_position_embeddings")
    context = "max_position_embeddings" if rotated_one else "model_max_length"
    for field in ("max_position_embeddings", "model_max_length"):
        f.raw(field)
    mixer = attention(f, position=rope(f) if rotated_one else Alibi())
    return network(f, uniform(f, mixer, mlp(f, gated=True)), context=context)


@reads(
    "qwen",
    "QWen",
    named={"max_position_embeddings": "seq_length"},
    no_effect="attn_dropout_prob emb_dropout_prob bf16 fp16 fp32 kv_channels max_position_embeddings onnx_safe "
    "rotary_pct softmax_in_fp32 use_cache_kernel use_cache_quantization use_dynamic_ntk use_logn_attn "
    "scale_attn_weights rotary_emb_base tokenizer_type",
)
def qwen(f: Fields) -> Network:
    """Qwen (arXiv:2309.16609): biases on queries, keys and values; ``intermediate_size`` is both halves of the gated
    MLP."""
    f.fixed("no_bias", True)
    if f.given("visual"):
        f.note("the part that sees images (visual) is left out")
    f.raw("visual")
    base = f.maybe_number("rotary_emb_base")
    mixer = attention(f, position=Rope(base=base or 10000.0), qkv_bias=True)
    both = f.size("intermediate_size")
    channel = MLP(d_ff=max(1, both // 2), activation="silu", gated=True)
    return network(f, uniform(f, mixer, channel))


@reads(
    "exaone",
    "Exaone",
    also={"num_hidden_layers": "num_layers", "hidden_act": "activation_function"},
    no_effect="embed_dropout",
)
def exaone(f: Fields) -> Network:
    """EXAONE 3 (arXiv:2408.03541): LLaMA."""
    return network(f, uniform(f, attention(f), mlp(f, gated=True)))


@reads("deepseek", "Deepseek", no_effect="aux_loss_alpha")
def deepseek(f: Fields) -> Network:
    """DeepSeekMoE (arXiv:2401.06066): LLaMA's attention, shared experts as wide as routed ones."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"))
    return network(f, layered(f, mixer, sparse_layers(f), moe))


@reads("Dream", "Dream", tasks=MODEL_TASKS, no_effect="mask_token_id use_mrope")
def dream(f: Fields) -> Network:
    """Dream and DiffuCoder (arXiv:2506.20639): Qwen2.5's layers, which see both sides of a masked token."""
    return msgspec.structs.replace(windowed(f, qkv_bias=True), causal=False)


@reads(
    "llada",
    "LLaDA",
    also={
        "hidden_size": "d_model",
        "num_attention_heads": "n_heads",
        "num_key_value_heads": "n_kv_heads",
        "num_hidden_layers": "n_layers",
        "intermediate_size": "mlp_hidden_size",
        "hidden_act": "activation_type",
        "max_position_embeddings": "max_sequence_length",
        "tie_word_embeddings": "weight_tying",
    },
    tasks=MODEL_TASKS,
    no_effect="alibi_bias_max attention_layer_norm_with_affine block_group_size mlp_ratio precision "
    "rope_full_precision scale_logits attention_bias mask_token_id",
)
def llada(f: Fields) -> Network:
    """LLaDA (arXiv:2502.09992): LLaMA's layers, which see both sides of a masked token."""
    for field, value in (
        ("attention_layer_norm", False),
        ("bias_for_layer_norm", False),
        ("input_emb_norm", False),
        ("layer_norm_type", "rms"),
        ("layer_norm_with_affine", True),
        ("block_type", "llama"),
        ("rope", True),
        ("alibi", False),
        ("multi_query_attention", None),
        ("include_bias", False),
        ("embedding_size", f.size("vocab_size")),
    ):
        f.fixed(field, value)
    mixer = attention(f, qkv_bias=f.flag("include_qkv_bias"))
    return msgspec.structs.replace(network(f, uniform(f, mixer, mlp(f, gated=True))), causal=False)


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


@reads("jais", "JAIS", also=GPT2_NAMES, no_effect="mup_width_scale mup_embeddings_scale mup_output_alpha alibi_scaling")
def jais(f: Fields) -> Network:
    """Jais (arXiv:2308.16149): GPT-2 with ALiBi and a gated MLP."""
    f.fixed("position_embedding_type", "alibi")
    d_ff = f.maybe_size("n_inner") or 4 * f.size("hidden_size")
    channel = MLP(d_ff=d_ff, activation=activation(f, "activation_function"), gated=True, bias=True)
    return network(f, uniform(f, biased(f, Alibi()), channel, LayerNorm()), norm=LayerNorm())


@reads("codesage", "CodeSage", tasks=BARE_TASKS, head="none", no_effect="residual_dropout_prob embedding_dropout_prob")
def codesage(f: Fields) -> Network:
    """CodeSage (arXiv:2402.01935): GPT-2's layers, which see both sides."""
    f.fixed("position_embedding_type", "absolute")
    context = f.size("max_position_embeddings")
    channel = MLP(d_ff=f.size("intermediate_size"), activation=activation(f, "activation_function"), bias=True)
    blocks = uniform(f, biased(f, NoPosition()), channel, LayerNorm())
    embedding = ends(f, positions=context)
    return encoder(f, blocks, embedding, context=context, embedding_norm=None, final_norm=LayerNorm())


@reads("mimo", "MiMo")
def mimo(f: Fields) -> Network:
    """MiMo (arXiv:2505.07608): Qwen2 with modules for multi-token prediction."""
    return msgspec.structs.replace(
        windowed(f, qkv_bias=f.flag("attention_bias")), mtp=f.extent("num_nextn_predict_layers")
    )


@reads(
    "new",
    "New",
    tasks=BARE_TASKS,
    head="mlm",
    no_effect="logn_attention_clip1 logn_attention_scale pack_qkv pad_token_id",
)
def new(f: Fields) -> Network:
    """GTE v1.5 (arXiv:2407.19669) as its authors' class has it."""
    f.fixed("layer_norm_type", "layer_norm")
    f.fixed("position_embedding_type", "rope")
    gated = mlp(f, gated=True)
    channel = MLP(d_ff=gated.d_ff, activation=gated.activation, gated=True, down_bias=True)
    found = rotated(f, bias=True, channel=channel, twice=False)
    return msgspec.structs.replace(found, output=None) if f.head != "mlm" else found


@reads("llada_moe", "LLaDAMoEModel", "LLaDAMoE", tasks=MODEL_TASKS, no_effect="expert_intermediate_size")
def llada_moe(f: Fields) -> Network:
    """LLaDA-MoE (arXiv:2509.24389): OLMoE's layers, which see both sides of a masked token."""
    mixer = attention(f, qkv_bias=f.flag("attention_bias"), qk_norm="head" if f.flag("qk_layernorm") else None)
    f.fixed("shared_expert_intermediate_size", None)
    width = "expert_intermediate_size" if f.given("expert_intermediate_size") else "moe_intermediate_size"
    found = network(f, uniform(f, mixer, experts(f, width=width), RMSNorm()))
    return msgspec.structs.replace(found, causal=False)


@reads("codet5p", "CodeT5pEncoderDecoder", "CodeT5p", tasks=MODEL_TASKS, no_effect="is_encoder_decoder")
@reads("codet5p_module", "CodeT5pEncoderDecoder", "CodeT5p", tasks=MODEL_TASKS, no_effect="is_encoder_decoder")
def codet5p(f: Fields) -> Network:
    """CodeT5+ (arXiv:2305.07922): two CodeGen networks, one as the encoder of the other."""
    first, second = (half(f, name) for name in ("encoder", "decoder"))
    f.note("the cross-attention that joins encoder and decoder is not in the file and is left out")
    table = msgspec.structs.replace(first.embedding, tied=False, head=False, head_bias=False)
    return msgspec.structs.replace(
        second,
        encoder=EncoderStack(blocks=first.blocks, final_norm=first.final_norm, d_model=first.d_model, embedding=table),
    )


def half(f: Fields, name: str) -> Network:
    """One of the two, a CodeGen network with a section of its own."""
    section = f.section(name)
    codegen = CLASSES["codegen"]
    section.defaults, section.also = defaults()["codegen"], dict(codegen.also)
    section.harmless = codegen.no_effect
    for field in ("architectures", "add_cross_attention", "tie_encoder_decoder", "is_encoder_decoder"):
        section.raw(field)
    return gptj(section)
