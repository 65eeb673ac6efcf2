"""Our architectures as networks of transformers, on the meta device: our fields under the names of theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lehr.simulators.architecture import Architecture, Block
from lehr.simulators.layers import (
    MLA,
    MLP,
    Attention,
    GatedDeltaNet,
    LightningAttention,
    Mamba,
    MoE,
    RWKV4TimeMix,
    RWKVChannelMix,
)

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def build(class_name: str, architecture: Architecture) -> list[Any]:
    """The network as transformers' module, or two of them, on the meta device."""
    fields = TABLE[class_name](architecture)
    if class_name == "CodeGen":
        suffixes = {"encoder": "Model", "decoder": "ForCausalLM"}
        return [on_meta("CodeGen", suffixes[side], of_side) for side, of_side in fields.items()]
    if class_name in ("T5", "MT5"):
        return [on_meta(class_name, "ForConditionalGeneration", fields)]
    if class_name == "Roberta":
        masked = architecture.embedding.head
        return [on_meta(class_name, "ForMaskedLM" if masked else "Model", fields)]
    if class_name == "GPT2":
        return [on_meta(class_name, "LMHeadModel", fields)]
    if class_name == "Llama4Text":
        return [on_meta("Llama4", "ForCausalLM", fields, config="Llama4TextConfig")]
    return [on_meta(class_name, "ForCausalLM" if architecture.embedding.head else "Model", fields)]


def on_meta(class_name: str, suffix: str, fields: dict[str, Any], config: str | None = None) -> Any:
    made = getattr(transformers, config or f"{class_name}Config")(**fields)
    with torch.device("meta"):
        return getattr(transformers, f"{class_name}{suffix}")(made)


def parts(architecture: Architecture) -> tuple[Block, Attention]:
    """The last kind of block and the first attention in it, for networks that have one."""
    block = list(architecture.blocks.values())[-1]
    attentions = [b.mixer for b in architecture.blocks.values() if isinstance(b.mixer, Attention)]
    return block, attentions[0]


def ends(architecture: Architecture) -> dict[str, Any]:
    return {
        "vocab_size": architecture.embedding.vocab_size,
        "hidden_size": architecture.d_model,
        "num_hidden_layers": architecture.n_layers,
        "tie_word_embeddings": architecture.embedding.tied,
        # tables that transformers builds from ids which ours do not name
        "pad_token_id": None,
    }


def heads(attention: Attention) -> dict[str, Any]:
    return {
        "num_attention_heads": attention.n_heads,
        "num_key_value_heads": attention.n_kv_heads,
        "head_dim": attention.d_head,
    }


def dense(architecture: Architecture) -> dict[str, Any]:
    block, attention = parts(architecture)
    assert isinstance(block.mlp, MLP)
    return {**ends(architecture), **heads(attention), "intermediate_size": block.mlp.d_ff}


def llama(architecture: Architecture) -> dict[str, Any]:
    block, attention = parts(architecture)
    assert isinstance(block.mlp, MLP)
    return {**dense(architecture), "attention_bias": attention.qkv_bias, "mlp_bias": block.mlp.bias}


def gpt(architecture: Architecture) -> dict[str, Any]:
    block, attention = parts(architecture)
    assert isinstance(block.mlp, MLP)
    return {
        "vocab_size": architecture.embedding.vocab_size,
        "n_embd": architecture.d_model,
        "n_layer": architecture.n_layers,
        "n_head": attention.n_heads,
        "n_inner": block.mlp.d_ff,
        "n_positions": architecture.embedding.learned_positions,
        "multi_query": attention.n_kv_heads == 1,
        "tie_word_embeddings": architecture.embedding.tied,
    }


def gpt_neo(architecture: Architecture) -> dict[str, Any]:
    block, attention = parts(architecture)
    assert isinstance(block.mlp, MLP)
    return {
        **{k: v for k, v in ends(architecture).items() if k != "num_hidden_layers"},
        "num_layers": architecture.n_layers,
        "attention_types": [[["global", "local"], architecture.n_layers // 2]],
        "num_heads": attention.n_heads,
        "intermediate_size": block.mlp.d_ff,
        "max_position_embeddings": architecture.embedding.learned_positions,
    }


def gpt_neox(architecture: Architecture) -> dict[str, Any]:
    fields = dense(architecture)
    return {k: v for k, v in fields.items() if k not in ("num_key_value_heads", "head_dim")}


def starcoder2(architecture: Architecture) -> dict[str, Any]:
    _, attention = parts(architecture)
    return {**dense(architecture), "use_bias": attention.qkv_bias}


def experts(architecture: Architecture) -> tuple[Attention, MoE]:
    _, attention = parts(architecture)
    moe = next(b.mlp for b in architecture.blocks.values() if isinstance(b.mlp, MoE))
    return attention, moe


def dense_width(architecture: Architecture) -> int:
    return next((b.mlp.d_ff for b in architecture.blocks.values() if isinstance(b.mlp, MLP)), 1)


def mixtral(architecture: Architecture) -> dict[str, Any]:
    attention, moe = experts(architecture)
    return {
        **ends(architecture),
        **heads(attention),
        "intermediate_size": moe.d_ff_expert,
        "num_local_experts": moe.n_experts,
        "num_experts_per_tok": moe.top_k,
    }


def qwen_moe(architecture: Architecture) -> dict[str, Any]:
    attention, moe = experts(architecture)
    return {
        **ends(architecture),
        **heads(attention),
        "intermediate_size": dense_width(architecture),
        "moe_intermediate_size": moe.d_ff_expert,
        "shared_expert_intermediate_size": moe.d_ff_shared,
        "num_experts": moe.n_experts,
        "num_experts_per_tok": moe.top_k,
    }


def qwen3_next(architecture: Architecture) -> dict[str, Any]:
    linear = next(b.mixer for b in architecture.blocks.values() if isinstance(b.mixer, GatedDeltaNet))
    kinds = [
        "linear_attention" if isinstance(architecture.blocks[name].mixer, GatedDeltaNet) else "full_attention"
        for run in architecture.layers
        for name in run.blocks * run.repeat
    ]
    return {
        **qwen_moe(architecture),
        "layer_types": kinds,
        "linear_num_key_heads": linear.n_k_heads,
        "linear_num_value_heads": linear.n_v_heads,
        "linear_key_head_dim": linear.d_key,
        "linear_value_head_dim": linear.d_value,
        "linear_conv_kernel_dim": linear.conv_kernel,
    }


def deepseek(architecture: Architecture) -> dict[str, Any]:
    latent = next(b.mixer for b in architecture.blocks.values() if isinstance(b.mixer, MLA))
    moe = next(b.mlp for b in architecture.blocks.values() if isinstance(b.mlp, MoE))
    n_dense = sum(len(run.blocks) * run.repeat for run in architecture.layers if run.blocks == ["dense"])
    fields = {
        **ends(architecture),
        "num_attention_heads": latent.n_heads,
        "num_key_value_heads": latent.n_heads,
        "q_lora_rank": latent.q_rank,
        "kv_lora_rank": latent.kv_rank,
        "qk_nope_head_dim": latent.d_nope,
        "qk_rope_head_dim": latent.d_rope,
        "v_head_dim": latent.d_value,
        "intermediate_size": dense_width(architecture),
        "moe_intermediate_size": moe.d_ff_expert,
        "n_routed_experts": moe.n_experts,
        "n_shared_experts": moe.n_shared_experts,
        "num_experts_per_tok": moe.top_k,
        "first_k_dense_replace": n_dense,
        "n_group": 1,
        "topk_group": 1,
    }
    if latent.indexer is not None:
        fields |= {
            "index_n_heads": latent.indexer.n_heads,
            "index_head_dim": latent.indexer.d_head,
            "index_topk": latent.indexer.top_k,
        }
    return fields


def glm_moe(architecture: Architecture) -> dict[str, Any]:
    attention, moe = experts(architecture)
    n_dense = sum(len(run.blocks) * run.repeat for run in architecture.layers if run.blocks == ["dense"])
    return {
        **ends(architecture),
        **heads(attention),
        "attention_bias": attention.qkv_bias,
        "use_qk_norm": attention.qk_norm is not None,
        "intermediate_size": dense_width(architecture),
        "moe_intermediate_size": moe.d_ff_expert,
        "n_routed_experts": moe.n_experts,
        "n_shared_experts": moe.n_shared_experts,
        "num_experts_per_tok": moe.top_k,
        "first_k_dense_replace": n_dense,
    }


def llama4(architecture: Architecture) -> dict[str, Any]:
    attention, moe = experts(architecture)
    names = [name for run in architecture.layers for name in run.blocks * run.repeat]
    with_experts = [i for i, name in enumerate(names) if isinstance(architecture.blocks[name].mlp, MoE)]
    return {
        **ends(architecture),
        **heads(attention),
        "intermediate_size": moe.d_ff_expert,
        "intermediate_size_mlp": dense_width(architecture),
        "num_local_experts": moe.n_experts,
        "num_experts_per_tok": moe.top_k,
        "moe_layers": with_experts,
    }


def minimax(architecture: Architecture) -> dict[str, Any]:
    names = [name for run in architecture.layers for name in run.blocks * run.repeat]
    lightning = [isinstance(architecture.blocks[name].mixer, LightningAttention) for name in names]
    kinds = ["linear_attention" if light else "full_attention" for light in lightning]
    return {**mixtral(architecture), "layer_types": kinds}


def mamba(architecture: Architecture) -> dict[str, Any]:
    mixer = next(iter(architecture.blocks.values())).mixer
    assert isinstance(mixer, Mamba)
    return {
        **ends(architecture),
        "intermediate_size": mixer.d_inner,
        "expand": mixer.d_inner // architecture.d_model,
        "state_size": mixer.d_state,
        "conv_kernel": mixer.conv_kernel,
        "time_step_rank": mixer.dt_rank,
        "use_conv_bias": mixer.conv_bias,
        "use_bias": mixer.bias,
    }


def jamba(architecture: Architecture) -> dict[str, Any]:
    attention, moe = experts(architecture)
    mixer = next(b.mixer for b in architecture.blocks.values() if isinstance(b.mixer, Mamba))
    (run,) = architecture.layers
    at = [isinstance(architecture.blocks[name].mixer, Attention) for name in run.blocks]
    with_experts = [isinstance(architecture.blocks[name].mlp, MoE) for name in run.blocks]
    return {
        **{k: v for k, v in ends(architecture).items() if k != "pad_token_id"},
        **heads(attention),
        "intermediate_size": moe.d_ff_expert,
        "num_experts": moe.n_experts,
        "num_experts_per_tok": moe.top_k,
        "attn_layer_period": len(at),
        "attn_layer_offset": at.index(True),
        "expert_layer_period": 2,
        "expert_layer_offset": with_experts.index(True),
        "mamba_d_state": mixer.d_state,
        "mamba_d_conv": mixer.conv_kernel,
        "mamba_expand": mixer.d_inner // architecture.d_model,
        "mamba_dt_rank": mixer.dt_rank,
    }


def rwkv(architecture: Architecture) -> dict[str, Any]:
    block = next(iter(architecture.blocks.values()))
    assert isinstance(block.mixer, RWKV4TimeMix)
    assert isinstance(block.mlp, RWKVChannelMix)
    return {
        **{k: v for k, v in ends(architecture).items() if k != "pad_token_id"},
        "attention_hidden_size": architecture.d_model,
        "intermediate_size": block.mlp.d_ff,
    }


def roberta(architecture: Architecture) -> dict[str, Any]:
    return {
        **{k: v for k, v in dense(architecture).items() if k not in ("num_key_value_heads", "head_dim")},
        "pad_token_id": 1,
        "max_position_embeddings": architecture.embedding.learned_positions,
        "type_vocab_size": architecture.embedding.token_types,
    }


def gte(architecture: Architecture) -> dict[str, Any]:
    return {
        **{k: v for k, v in dense(architecture).items() if k not in ("num_key_value_heads", "pad_token_id")},
        "type_vocab_size": architecture.embedding.token_types,
        "max_position_embeddings": architecture.context_length,
    }


def t5(architecture: Architecture) -> dict[str, Any]:
    assert architecture.encoder is not None
    block, attention = parts(architecture)
    assert isinstance(block.mlp, MLP)
    return {
        "vocab_size": architecture.embedding.vocab_size,
        "d_model": architecture.d_model,
        "d_kv": attention.d_head,
        "d_ff": block.mlp.d_ff,
        "num_heads": attention.n_heads,
        "num_decoder_layers": architecture.n_layers,
        "num_layers": sum(len(run.blocks) * run.repeat for run in architecture.encoder.layers),
        "relative_attention_num_buckets": 32,
        "feed_forward_proj": "gated-gelu" if block.mlp.gated else block.mlp.activation,
        "tie_word_embeddings": architecture.embedding.tied,
    }


def codegen(architecture: Architecture) -> dict[str, Any]:
    sides = {"decoder": (architecture.d_model, architecture.layers[0])}
    if architecture.encoder is not None:
        sides = {"encoder": (architecture.d_encoder, architecture.encoder.layers[0]), **sides}
    fields = {}
    for side, (width, run) in sides.items():
        mixer = architecture.blocks[run.blocks[0]].mixer
        assert isinstance(mixer, Attention)
        fields[side] = {
            "vocab_size": architecture.embedding.vocab_size,
            "n_embd": width,
            "n_layer": run.repeat,
            "n_head": mixer.n_heads,
            "rotary_dim": 2 * mixer.rotary_frequencies(),
            "tie_word_embeddings": False,
        }
    return fields


TABLE: dict[str, Callable[[Architecture], dict[str, Any]]] = {
    "Llama": llama, "Mistral": dense, "Qwen2": dense, "Qwen3": dense, "Phi3": dense, "Gemma": dense, "Gemma2": dense,
    "Glm": llama, "GPT2": gpt, "GPTBigCode": gpt, "Starcoder2": starcoder2, "Mixtral": mixtral, "MiniMaxM2": mixtral,
    "MiniMax": minimax, "Qwen2Moe": qwen_moe, "Qwen3Moe": qwen_moe, "Qwen3Next": qwen3_next, "DeepseekV2": deepseek,
    "DeepseekV3": deepseek, "DeepseekV32": deepseek, "Glm4Moe": glm_moe, "Llama4Text": llama4, "Mamba": mamba,
    "Jamba": jamba, "Rwkv": rwkv, "GPTNeo": gpt_neo, "GPTNeoX": gpt_neox,
    "Roberta": roberta, "Gte": gte, "T5": t5, "MT5": t5, "CodeGen": codegen,
}  # fmt: skip
