"""Files as the hub has them, of classes that stand beside their checkpoint, and the totals that others printed.

LLaDA at 448 features: a training log's ``model.num_parameters()``; LFM2-350M: its model card (Parameters); ChatGLM2-6B
and Qwen-7B: the table of parameters in the README of MrYxJ/calculate-flops.pytorch; InternLM2-7B: what chatllm.cpp
prints of it (foldl/chatllm.cpp, docs/tool_calling.md, "7737708544 (7.7B) parameters"); DeepSeekMoE 16B and
nomic-embed-text (v1.5, the shape of v1): ``safetensors.parameters`` of the hub's API, as quoted by users of both.
Fields that change nothing are cut short.
"""

from __future__ import annotations

from typing import Any

import pytest

from recipes.catalogue import Catalogue
from recipes.importing.hugging_face.config import import_config
from simulators.counting import count_parameters

ATTENTION_LAYERS = [2, 5, 8, 10, 12, 14]

FILES: dict[str, tuple[dict[str, Any], int]] = {
    "LLaDA at 448 features": (
        {
            "model_type": "llada", "architectures": ["LLaDAModelLM"], "activation_type": "silu", "alibi": False,
            "attention_layer_norm": False, "bias_for_layer_norm": False, "block_type": "llama", "d_model": 448,
            "embedding_size": 126464, "include_bias": False, "include_qkv_bias": False, "input_emb_norm": False,
            "layer_norm_type": "rms", "layer_norm_with_affine": True, "max_sequence_length": 1024,
            "mlp_hidden_size": 768, "mlp_ratio": 2, "multi_query_attention": None, "n_heads": 7, "n_kv_heads": 7,
            "n_layers": 6, "rope": True, "rope_theta": 10000.0, "vocab_size": 126464, "weight_tying": False,
        },
        124_327_616,
    ),
    "LFM2-350M": (
        {
            "model_type": "lfm2", "architectures": ["Lfm2ForCausalLM"], "block_auto_adjust_ff_dim": True,
            "block_dim": 1024, "block_ff_dim": 6656, "block_ffn_dim_multiplier": 1.0, "block_multiple_of": 256,
            "conv_L_cache": 3, "conv_bias": False, "full_attn_idxs": ATTENTION_LAYERS, "hidden_size": 1024,
            "max_position_embeddings": 128000, "num_attention_heads": 16, "num_hidden_layers": 16,
            "num_key_value_heads": 8, "rope_theta": 1000000.0, "vocab_size": 65536,
        },
        354_483_968,
    ),
    "ChatGLM2-6B": (
        {
            "model_type": "chatglm", "architectures": ["ChatGLMModel"], "add_bias_linear": False, "add_qkv_bias": True,
            "apply_residual_connection_post_layernorm": False, "ffn_hidden_size": 13696, "hidden_size": 4096,
            "kv_channels": 128, "multi_query_attention": True, "multi_query_group_num": 2, "num_attention_heads": 32,
            "num_layers": 28, "padded_vocab_size": 65024, "post_layer_norm": True, "rmsnorm": True,
            "seq_length": 32768, "tie_word_embeddings": False, "vocab_size": 65024,
        },
        6_243_584_000,
    ),
    "Qwen-7B": (
        {
            "model_type": "qwen", "architectures": ["QWenLMHeadModel"], "hidden_size": 4096,
            "intermediate_size": 22016, "kv_channels": 128, "no_bias": True, "num_attention_heads": 32,
            "num_hidden_layers": 32, "rotary_emb_base": 10000, "rotary_pct": 1.0, "seq_length": 8192,
            "tie_word_embeddings": False, "use_logn_attn": True, "vocab_size": 151936,
        },
        7_721_324_544,
    ),
    "DeepSeekMoE 16B": (
        {
            "model_type": "deepseek", "architectures": ["DeepseekForCausalLM"], "first_k_dense_replace": 1,
            "hidden_size": 2048, "intermediate_size": 10944, "max_position_embeddings": 4096,
            "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_routed_experts": 64, "n_shared_experts": 2,
            "num_attention_heads": 16, "num_experts_per_tok": 6, "num_hidden_layers": 28, "vocab_size": 102400,
        },
        16_375_728_128,
    ),
    "InternLM2-7B": (
        {
            "model_type": "internlm2", "architectures": ["InternLM2ForCausalLM"], "bias": False, "hidden_size": 4096,
            "intermediate_size": 14336, "max_position_embeddings": 32768, "num_attention_heads": 32,
            "num_hidden_layers": 32, "num_key_value_heads": 8, "rope_scaling": {"type": "dynamic", "factor": 2.0},
            "rope_theta": 1000000, "vocab_size": 92544,
        },
        7_737_708_544,
    ),
    "nomic-embed-text-v1": (
        {
            "model_type": "nomic_bert", "architectures": ["NomicBertModel"], "activation_function": "swiglu",
            "causal": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False, "n_embd": 768, "n_head": 12,
            "n_inner": 3072, "n_layer": 12, "n_positions": 8192, "parallel_block": False, "prenorm": False,
            "qkv_proj_bias": False, "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "type_vocab_size": 2,
            "use_rms_norm": False, "vocab_size": 30528,
        },
        136_731_648,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_total(name: str) -> None:
    fields, printed = FILES[name]
    assert count_parameters(import_config(fields).architecture).total == printed


def test_deepseek_v3_is_the_catalogued_checkpoint_with_all_that_it_stores() -> None:
    """The file of the checkpoint: experts, latent attention, the MTP module and its tables, scales of 8-bit blocks."""
    fields = {
        "model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"], "first_k_dense_replace": 3,
        "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512, "max_position_embeddings": 163840,
        "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": 256,
        "n_shared_experts": 1, "num_attention_heads": 128, "num_experts_per_tok": 8, "num_hidden_layers": 61,
        "num_key_value_heads": 128, "num_nextn_predict_layers": 1, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "rope_theta": 10000, "v_head_dim": 128, "vocab_size": 129280, "topk_group": 4,
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
        "rope_scaling": {
            "beta_fast": 32, "beta_slow": 1, "factor": 40, "original_max_position_embeddings": 4096, "type": "yarn",
        },
    }  # fmt: skip
    found, model = import_config(fields).architecture, Catalogue().model("deepseek_v3").shape()
    assert count_parameters(found) == count_parameters(model)
    assert (found.blocks, found.layers, found.mtp, found.checkpoint) == (
        model.blocks, model.layers, model.mtp, model.checkpoint,
    )  # fmt: skip
