"""Files as the hub has them, of classes that stand beside their checkpoint, and the totals that others printed.

LLaDA at 448 features: a training log's ``model.num_parameters()``; LFM2-350M: its model card (Parameters); ChatGLM2-6B
and Qwen-7B: the table of parameters in the README of MrYxJ/calculate-flops.pytorch; InternLM2-7B: what chatllm.cpp
prints of it (foldl/chatllm.cpp, docs/tool_calling.md, "7737708544 (7.7B) parameters"); DeepSeekMoE 16B and
nomic-embed-text (v1.5, the shape of v1): ``safetensors.parameters`` of the hub's API, as quoted by users of both.
Of the files below ``SHIPPED`` the configuration stands in NVIDIA's aiconfigurator-core 0.12.0 (``model_configs``), the
total in the table of models of llmfit 1.1.17 (``parameters_raw``, the sum of the hub's API); both are on PyPI.
Fields that change nothing are cut short.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.importing.hugging_face.config import import_config
from lehr.simulators.counting import count_parameters

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


GLM_5 = {
    "model_type": "glm_moe_dsa", "architectures": ["GlmMoeDsaForCausalLM"], "first_k_dense_replace": 3, "head_dim": 64,
    "hidden_size": 6144, "index_head_dim": 128, "index_n_heads": 32, "index_topk": 2048,
    "indexer_rope_interleave": True, "intermediate_size": 12288, "kv_lora_rank": 512,
    "max_position_embeddings": 202752, "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 1,
    "n_routed_experts": 256, "n_shared_experts": 1, "num_attention_heads": 64, "num_experts_per_tok": 8,
    "num_hidden_layers": 78, "num_key_value_heads": 64, "num_nextn_predict_layers": 1, "q_lora_rank": 2048,
    "qk_head_dim": 256, "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256, "vocab_size": 154880,
    "rope_parameters": {"rope_theta": 1000000, "rope_type": "default"}, "scoring_func": "sigmoid",
}  # fmt: skip
NEMOTRON = {
    "model_type": "nemotron_h", "architectures": ["NemotronHForCausalLM"], "chunk_size": 128, "conv_kernel": 4,
    "expand": 2, "head_dim": 128, "mamba_head_dim": 64, "mamba_hidden_act": "silu", "max_position_embeddings": 262144,
    "mlp_hidden_act": "relu2", "moe_shared_expert_overlap": False, "n_groups": 8, "n_shared_experts": 1,
    "num_key_value_heads": 2, "partial_rotary_factor": 1.0, "rope_theta": 10000, "ssm_state_size": 128,
    "use_bias": False, "use_conv_bias": True, "vocab_size": 131072,
}  # fmt: skip
V4 = {
    "model_type": "deepseek_v4", "architectures": ["DeepseekV4ForCausalLM"], "expert_dtype": "fp4", "hc_eps": 1e-06,
    "hc_mult": 4, "hc_sinkhorn_iters": 20, "head_dim": 512, "index_head_dim": 128, "index_n_heads": 64,
    "max_position_embeddings": 1048576, "n_shared_experts": 1, "num_experts_per_tok": 6, "num_hash_layers": 3,
    "num_key_value_heads": 1, "num_nextn_predict_layers": 1, "o_lora_rank": 1024, "qk_rope_head_dim": 64,
    "rope_theta": 10000, "sliding_window": 128, "vocab_size": 129280, "compress_rope_theta": 160000,
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
}  # fmt: skip
SEARCHED = """
    2.625x1 5.25x5 -2.625x2 5.25x3 -3.28125x1 5.25x30 -1.3125x1 -2.625x2 -1.3125x1 -5.25x1 -1.3125x1 -2.625x1
    -1.3125x3 5.25x1 -1.3125x1 -1.0x2 -1.3125x1 -1.0x3 -1.3125x2 -0.5x2 -1.0x2 -0.5x2 -1.0x1 -0.5x2 5.25x9
""".split()  # noqa: SIM905
"""The layers of Llama-3.3-Nemotron-Super-49B: the factor of the MLP's width, "-" without attention, how many."""


def searched(runs: list[str]) -> list[dict[str, Any]]:
    found = []
    for run in runs:
        factor, n = run.split("x")
        without = factor.startswith("-")
        heads = {"n_heads_in_group": None if without else 8, "no_op": without, "replace_with_linear": False}
        width = {"ffn_mult": abs(float(factor)), "no_op": False, "replace_with_linear": False}
        found += [{"attention": heads, "ffn": width}] * int(n)
    return found


WITH_MODULE = ("mtp", "mtp_buffers", "buffers")
SHIPPED: dict[str, tuple[dict[str, Any], int, tuple[str, ...], int]] = {
    "Qwen/Qwen3-Coder-480B-A35B-Instruct": (
        {
            "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "decoder_sparse_step": 1,
            "head_dim": 128, "hidden_size": 6144, "intermediate_size": 8192, "max_position_embeddings": 262144,
            "max_window_layers": 62, "mlp_only_layers": [], "moe_intermediate_size": 2560, "num_attention_heads": 96,
            "num_experts": 160, "num_experts_per_tok": 8, "num_hidden_layers": 62, "num_key_value_heads": 8,
            "qkv_bias": False, "rope_theta": 10000000, "shared_expert_intermediate_size": 0, "sliding_window": None,
            "tie_word_embeddings": False, "use_qk_norm": True, "use_sliding_window": False, "vocab_size": 151936,
        },
        480_154_875_392, (), 0,
    ),
    "zai-org/GLM-5": (GLM_5, 753_864_139_008, WITH_MODULE, 0),
    "zai-org/GLM-5.2": (
        {
            **GLM_5, "head_dim": 192, "index_share_for_mtp_iteration": True, "index_skip_topk_offset": 3,
            "index_topk_freq": 4, "index_topk_pattern": None, "max_position_embeddings": 1048576,
            "indexer_types": (["full"] * 3 + ["shared"] * 3 + (["full"] + ["shared"] * 3) * 18)[:78],
            "mlp_layer_types": ["dense"] * 3 + ["sparse"] * 75, "moe_router_dtype": "float32",
        },
        753_329_940_480, WITH_MODULE, 0,
    ),
    "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16": (
        {
            **NEMOTRON, "hidden_size": 4096, "intermediate_size": 2688, "mamba_num_heads": 128,
            "hybrid_override_pattern":
                "MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEM*EMEMEMEME",
            "moe_intermediate_size": 2688, "moe_latent_size": 1024, "moe_shared_expert_intermediate_size": 5376,
            "mtp_hybrid_override_pattern": "*E", "n_routed_experts": 512, "num_attention_heads": 32,
            "num_experts_per_tok": 22, "num_hidden_layers": 88, "num_nextn_predict_layers": 1,
        },
        123_611_012_096, ("mtp",), 0,
    ),
    "nvidia/Llama-3_3-Nemotron-Super-49B-v1": (
        {
            "model_type": "nemotron-nas", "architectures": ["DeciLMForCausalLM"], "attention_bias": False,
            "block_configs": searched(SEARCHED), "hidden_act": "silu", "hidden_size": 8192, "intermediate_size": None,
            "max_position_embeddings": 131072, "mlp_bias": False, "num_attention_heads": 64, "num_hidden_layers": 80,
            "num_key_value_heads": None, "tie_word_embeddings": False, "vocab_size": 128256,
        },
        49_867_145_216, (), 0,
    ),
    "nvidia/Nemotron-H-56B-Base-8K": (
        {
            "model_type": "nemotron_h", "architectures": ["NemotronHForCausalLM"], "attention_head_dim": 128,
            "conv_kernel": 4, "expand": 2, "hidden_size": 8192, "intermediate_size": 32768, "mamba_head_dim": 64,
            "hybrid_override_pattern": "M-M-M-M*-" + "M-M-M-M-M*-" * 9 + "M-M-M-M-M-",
            "mamba_num_heads": 256, "max_position_embeddings": 8192, "mlp_hidden_act": "relu2", "n_groups": 8,
            "num_attention_heads": 64, "num_hidden_layers": 118, "num_key_value_heads": 8, "ssm_state_size": 256,
            "time_step_rank": 512, "use_conv_bias": True, "vocab_size": 131072,
        },
        56_324_350_464, (), 0,
    ),
    # stored beside it: which experts a token has in the 3 hash layers, and a correction of 256 or 384 in the others
    "deepseek-ai/DeepSeek-V4-Flash": (
        {
            **V4, "hidden_size": 4096, "index_topk": 512, "moe_intermediate_size": 2048, "n_routed_experts": 256,
            "num_attention_heads": 64, "num_hidden_layers": 43, "o_groups": 8, "q_lora_rank": 1024,
            "compress_ratios": [0, 0, *[4, 128] * 20, 4, 0],
        },
        290_944_616_402, ("mtp",), 3 * 129280 * 6 + 41 * 256,
    ),
    "deepseek-ai/DeepSeek-V4-Pro": (
        {
            **V4, "hidden_size": 7168, "index_topk": 1024, "moe_intermediate_size": 3072, "n_routed_experts": 384,
            "num_attention_heads": 128, "num_hidden_layers": 61, "o_groups": 16, "q_lora_rank": 1536,
            "compress_ratios": [128, 128, *[4, 128] * 29, 4, 0],
        },
        1_598_839_674_782, ("mtp",), 3 * 129280 * 6 + 59 * 384,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_total_with_what_is_stored_beside_it(name: str) -> None:
    fields, printed, beside, more = SHIPPED[name]
    counts = count_parameters(import_config(fields).architecture)
    stored = {**counts.extras, "buffers": counts.buffers}
    assert counts.total + sum(stored[part] for part in beside) + more == printed


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


def test_step_3_5_flash_with_three_modules_for_multi_token_prediction() -> None:
    """The text as mlx-community/Step-3.7-Flash-4bit counts it, and the whole of stepfun-ai/Step-3.5-Flash, each of
    whose modules stores a head besides."""
    fields = {
        "model_type": "step3p5", "architectures": ["Step3p5ForCausalLM"], "hidden_size": 4096,
        "intermediate_size": 11264, "num_hidden_layers": 45, "num_attention_heads": 64, "num_attention_groups": 8,
        "head_dim": 128, "vocab_size": 128896, "moe_num_experts": 288, "moe_top_k": 8, "moe_intermediate_size": 1280,
        "share_expert_dim": 1280, "max_position_embeddings": 65536, "sliding_window": 512,
        "layer_types": (["full_attention"] + ["sliding_attention"] * 3) * 12, "num_nextn_predict_layers": 3,
        "moe_layers_enum": ",".join(map(str, range(3, 45))), "attention_other_setting": {"num_attention_heads": 96},
    }  # fmt: skip
    counts = count_parameters(import_config(fields).architecture)
    assert counts.total == 196_956_118_272
    assert counts.total + counts.buffers + counts.extras["mtp"] + 3 * 128896 * 4096 == 199_384_301_376


def test_mimo_v2_flash_with_three_modules_for_multi_token_prediction() -> None:
    """Its projections out of attention are stored in 16 bits, without scales; the scales of queries, keys and values
    of the 9 layers that see all have two rows of blocks more than those need (derived from the total)."""
    pattern = [int(i > 0 and (i + 1) % 6 != 0) for i in range(48)]
    fields = {
        "model_type": "mimo_v2_flash", "architectures": ["MiMoV2FlashForCausalLM"], "vocab_size": 152576,
        "hidden_size": 4096, "num_hidden_layers": 48, "num_attention_heads": 64, "num_key_value_heads": 4,
        "head_dim": 192, "v_head_dim": 128, "swa_num_attention_heads": 64, "swa_num_key_value_heads": 8,
        "swa_head_dim": 192, "swa_v_head_dim": 128, "partial_rotary_factor": 0.334, "rope_theta": 5000000,
        "swa_rope_theta": 10000, "sliding_window": 128, "sliding_window_size": 128, "hybrid_layer_pattern": pattern,
        "moe_layer_freq": [int(i > 0) for i in range(48)], "add_swa_attention_sink_bias": True,
        "add_full_attention_sink_bias": False, "intermediate_size": 16384, "n_routed_experts": 256,
        "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "max_position_embeddings": 262144,
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    }  # fmt: skip
    counts = count_parameters(import_config(fields).architecture)
    scales = counts.extras["fp8_scales"] + counts.extras["mtp_fp8_scales"] - 51 * 64 * 32 + 9 * 2 * 32
    assert counts.total + counts.extras["mtp"] + counts.buffers + scales == 309_785_318_400


K3_FULL = [*range(4, 93, 4), 93]
K3 = {
    "model_type": "kimi_k3", "architectures": ["KimiK3ForConditionalGeneration"],
    "vision_config": {"vt_num_hidden_layers": 27}, "tie_word_embeddings": False,
    "text_config": {
        "model_type": "kimi_linear", "architectures": ["KimiLinearForCausalLM"], "activation_situ_beta": 4.0,
        "activation_situ_linear_beta": 25.0, "attn_res_block_size": 12, "first_k_dense_replace": 1,
        "hidden_act": "situ", "hidden_size": 7168, "intermediate_size": 33792, "kv_lora_rank": 512,
        "latent_moe_use_norm": True, "max_position_embeddings": 1048576, "mla_use_nope": True,
        "mla_use_output_gate": True, "moe_intermediate_size": 3072, "moe_layer_freq": 1, "moe_renormalize": True,
        "moe_router_activation_func": "sigmoid", "num_attention_heads": 96, "num_expert_group": 1, "num_experts": 896,
        "num_experts_per_token": 16, "num_hidden_layers": 93, "num_key_value_heads": 96,
        "num_nextn_predict_layers": 0, "num_shared_experts": 2, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "rms_norm_eps": 1e-5, "routed_expert_hidden_size": 3584, "routed_scaling_factor": 1.0,
        "topk_group": 1, "topk_method": "noaux_tc", "use_grouped_topk": True, "v_head_dim": 128, "vocab_size": 163840,
        "linear_attn_config": {
            "full_attn_layers": K3_FULL, "gate_lower_bound": -5.0, "head_dim": 128, "num_heads": 96,
            "kda_layers": [i for i in range(1, 94) if i not in K3_FULL], "short_conv_kernel_size": 4,
            "use_full_rank_gate": True,
        },
    },
}  # fmt: skip
"""moonshotai/Kimi-K3, config.json; fields that change nothing are left out."""

K3_STORED = {
    # times: shapes, of a report of all headers of the published files (497,220 tensors, 1,503,647,073,024 values)
    "text": {
        1: [(163840, 7168)] * 2 + [(7168,)] * 2 + [(1, 7168)] + [(33792, 7168)] * 3,
        69: [
            (128,), (96, 7168), (12288,), (128, 7168), (12288, 128), (128,), *[(12288, 1, 4)] * 3, *[(12288, 7168)] * 3,
        ],
        93: [*[(7168,)] * 4, *[(1, 7168)] * 2, (12288, 7168), (7168, 12288)],
        24: [(512,), (576, 7168), (24576, 512), (1536,), (1536, 7168), (18432, 1536)],
        92: [(896, 7168), (3584, 7168), (3584,), (7168, 3584), *[(7168, 6144)] * 3],
    },
    "packed": {92 * 896: [(3072, 1792), (3584, 1536), (3072, 1792)]},
    "beside": {
        92 * 896: [(3072, 112), (3584, 96), (3072, 112)],
        92: [(896,)],
        1: [(7168,), (4096, 4096), (7168, 4096), (1024,), (64, 64, 1024), (1024, 3, 14, 14)],
        27: [(4096, 1024), (1024, 4096), (1024,), (1024,), (1024, 1536), (4608, 1024)],
    },
}  # fmt: skip


def test_kimi_k3() -> None:
    """Experts are packed, two values a byte; beside the text stand their scales, corrections and the part that sees."""
    stored = {
        part: sum(times * sum(map(math.prod, shapes)) for times, shapes in table.items())
        for part, table in K3_STORED.items()
    }
    assert sum(stored.values()) == 1_503_647_073_024
    found = import_config(K3)
    counts = count_parameters(found.architecture)
    assert counts.total == stored["text"] + 2 * stored["packed"]
    assert counts.buffers == 92 * 896
    # what the hub's API says of the repository, which takes packed experts apart
    scales = 92 * 896 * (3072 * 112 + 3584 * 96 + 3072 * 112)
    assert counts.total + stored["beside"] - scales == 2_779_931_837_184
    assert found.notes == ["text_config of a kimi_k3 is read, its text model; the rest of that model is left out"]


MOLMO = {
    "model_type": "molmo", "architectures": ["MolmoForCausalLM"], "attention_layer_norm": False, "clip_qkv": None,
    "embedding_size": 152064, "hidden_size": 3584, "initializer_range": 0.02, "intermediate_size": 37888,
    "layer_norm_eps": 1e-6, "layer_norm_type": "rms", "max_position_embeddings": 4096, "norm_after": False,
    "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4, "qkv_bias": True,
    "rope_theta": 1000000.0, "tie_word_embeddings": False, "use_cache": True, "use_position_ids": True,
    "vocab_size": 152064, "weight_tying": False,
}  # fmt: skip
"""allenai/Molmo-7B-D-0924, config.json."""


def test_molmo() -> None:
    """Its text model is Qwen2-7B's; what is left is CLIP's tower without its last layer, a pool, a projector, rows."""
    found = import_config(MOLMO)
    text = count_parameters(found.architecture).total
    assert text == 7_615_616_512
    d, wide, d_ff = 1024, 4096, 37888 // 2
    tower = d + 577 * d + 3 * 14 * 14 * d + 2 * d + 23 * (4 * (d * d + d) + 4 * d + 2 * d * wide + wide + d)
    pool = 3 * (2 * d * d + d) + d * d + d + 2 * 2 * d
    projector = 2 * d * d_ff + d_ff * 3584
    assert text + tower + pool + projector + 128 * 3584 == 8_021_025_280
    assert [note for note in found.notes if "128 rows" in note] == found.notes


def test_molmo_of_olmo() -> None:
    """Molmo-7B-O: norms after each sublayer and over all queries and keys, as in OLMo 2."""
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 90}
    ours = import_config(
        {
            **MOLMO, **sizes, "num_key_value_heads": 4, "intermediate_size": 256, "embedding_size": 96,
            "attention_layer_norm": True, "norm_after": True, "qkv_bias": False, "rope_theta": 500000.0,
        }
    ).architecture  # fmt: skip
    olmo2 = {
        **sizes, "model_type": "olmo2", "architectures": ["Olmo2ForCausalLM"], "vocab_size": 96,
        "intermediate_size": 128, "rope_theta": 500000.0, "max_position_embeddings": 4096, "pad_token_id": 1,
        "rms_norm_eps": MOLMO["layer_norm_eps"],
    }  # fmt: skip
    assert ours == import_config(olmo2).architecture
