"""More classes of the hub that an architecture may be: dense layers before experts, windows in some layers, Mamba.

Each writer proposes fields as those in ``hub_config`` do; what is read back as another network is thrown away there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lehr.recipes.exporting.hub_parts import Fields, activation, common, heads, rotary
from lehr.simulators.architecture import Architecture, Block
from lehr.simulators.layers import MLA, MLP, Attention, Mamba, MoE, NoPosition, Rope


def layers_of(a: Architecture) -> list[Block]:
    """Every layer's block, in order."""
    return [a.blocks[name] for run in a.layers for _ in range(run.repeat) for name in run.blocks]


def windowed(a: Architecture, kinds: list[Block]) -> Iterator[Fields]:
    """Layers that see all and layers with a window, otherwise alike: OLMo 3, Gemma 2 and 3, Cohere 2, EXAONE 4."""
    layers = layers_of(a)
    mixers = [block.mixer for block in layers if isinstance(block.mixer, Attention)]
    mlps = {block.mlp for block in kinds}
    if len(mixers) != len(layers) or len(mlps) != 1:
        return
    reaches = {mixer.window for mixer in mixers if mixer.window is not None}
    mlp, wide = mlps.pop(), next((m for m in mixers if m.window is None), mixers[0])
    if len(reaches) != 1 or not isinstance(mlp, MLP) or (turned := rotary(wide.position)) is None:
        return
    types = ["full_attention" if m.window is None else "sliding_attention" for m in mixers]
    base = {
        **common(a), **heads(wide), **turned, "intermediate_size": mlp.d_ff, "hidden_act": activation(mlp.activation),
        "attention_bias": wide.qkv_bias, "sliding_window": reaches.pop(), "layer_types": types,
    }  # fmt: skip
    for name, model_type in (("Olmo3", "olmo3"), ("Cohere2", "cohere2"), ("Exaone4", "exaone4")):
        yield {"architectures": [f"{name}ForCausalLM"], "model_type": model_type, **base}
    gemma = {k: v for k, v in base.items() if k != "hidden_act"} | {"hidden_activation": base["hidden_act"]}
    yield {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", **gemma}
    local = next((m.position for m in mixers if m.window is not None), None)
    if isinstance(local, Rope):
        gemma |= {"rope_local_base_freq": local.base}
        yield {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", **gemma}


def after_dense(a: Architecture, kinds: list[Block]) -> Iterator[Fields]:
    """Ordinary attention, dense layers first and then experts: GLM-4.5; experts in all layers: MiniMax-M2, gpt-oss."""
    layers = layers_of(a)
    mixers = [block.mixer for block in layers if isinstance(block.mixer, Attention)]
    moes = [block.mlp for block in kinds if isinstance(block.mlp, MoE)]
    if len(mixers) != len(layers) or not moes or (turned := rotary(mixers[0].position)) is None:
        return
    moe, mixer = moes[0], mixers[0]
    first = sum(isinstance(block.mlp, MLP) for block in layers)
    dense = next((block.mlp.d_ff for block in kinds if isinstance(block.mlp, MLP)), moe.d_ff_expert)
    base = {
        **common(a), **heads(mixer), **turned, "num_experts_per_tok": moe.top_k,
        "hidden_act": activation(moe.activation), "attention_bias": mixer.qkv_bias,
    }  # fmt: skip
    depth = a.mtp.depth if a.mtp else 0
    yield {
        "architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe", **base, "intermediate_size": dense,
        "moe_intermediate_size": moe.d_ff_expert, "n_routed_experts": moe.n_experts, "first_k_dense_replace": first,
        "n_shared_experts": moe.n_shared_experts, "use_qk_norm": mixer.qk_norm == "head",
        "num_nextn_predict_layers": depth,
    }  # fmt: skip
    local = {**base, "intermediate_size": moe.d_ff_expert, "num_local_experts": moe.n_experts}
    plain = {k: v for k, v in local.items() if k not in ("partial_rotary_factor", "attention_bias")}
    turns: dict[str, Any] = {}
    if isinstance(mixer.position, Rope):
        turns = {"rotary_dim": round(mixer.d_head * mixer.position.fraction)}
    modules = {"num_mtp_modules": depth, "use_mtp": True} if depth else {}
    minimax = {**plain, **turns, **modules}
    yield {"architectures": ["MiniMaxM2ForCausalLM"], "model_type": "minimax_m2", **minimax}
    if reaches := {m.window for m in mixers if m.window is not None}:
        types = ["full_attention" if m.window is None else "sliding_attention" for m in mixers]
        oss = {**local, "sliding_window": max(reaches), "layer_types": types}
        yield {"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", **oss}


def indexed(a: Architecture, base: Fields, mixer: MLA) -> Iterator[Fields]:
    """DeepSeek-V3.2 and GLM-5: the fields ``base`` of DeepSeek-V3, and those of the indexer."""
    if mixer.indexer is None:
        return
    own = mixer.indexer
    index = {"index_n_heads": own.n_heads, "index_head_dim": own.d_head, "index_topk": own.top_k}
    depth = {"num_nextn_predict_layers": a.mtp.depth if a.mtp else 0}
    for name, model_type in (("DeepseekV32", "deepseek_v32"), ("GlmMoeDsa", "glm_moe_dsa")):
        yield {"architectures": [f"{name}ForCausalLM"], "model_type": model_type, **base, **index, **depth}


def mamba(a: Architecture, kinds: list[Block]) -> Iterator[Fields]:
    """Mamba: blocks of a mixer alone."""
    mixer = kinds[0].mixer
    if len(kinds) != 1 or kinds[0].mlp is not None or not isinstance(mixer, Mamba) or mixer.d_inner % a.d_model:
        return
    yield {
        "architectures": ["MambaForCausalLM"], "model_type": "mamba", **common(a), "expand": mixer.d_inner // a.d_model,
        "state_size": mixer.d_state, "conv_kernel": mixer.conv_kernel, "time_step_rank": mixer.dt_rank,
        "use_conv_bias": mixer.conv_bias, "use_bias": mixer.bias,
    }  # fmt: skip


def older(a: Architecture, kinds: list[Block]) -> Iterator[Fields]:
    """GPT-Neo, whose every other layer has a window, and CodeGen, GPT-J with another order of its matrices."""
    layers = layers_of(a)
    mixers = [block.mixer for block in layers if isinstance(block.mixer, Attention)]
    mlp = kinds[0].mlp
    if len(mixers) != len(layers) or not isinstance(mlp, MLP):
        return
    mixer, vocabulary = mixers[0], {"vocab_size": a.embedding.vocab_size, "tie_word_embeddings": a.embedding.tied}
    act = {"activation_function": {"gelu_tanh": "gelu_new"}.get(mlp.activation, mlp.activation)}
    if isinstance(mixer.position, NoPosition) and a.embedding.learned_positions:
        reaches = {m.window for m in mixers if m.window is not None} or {256}
        yield {
            "architectures": ["GPTNeoForCausalLM"], "model_type": "gpt_neo", **vocabulary, **act,
            "hidden_size": a.d_model, "num_layers": a.n_layers, "num_heads": mixer.n_heads,
            "intermediate_size": mlp.d_ff, "max_position_embeddings": a.embedding.learned_positions,
            "attention_layers": ["global" if m.window is None else "local" for m in mixers],
            "window_size": max(reaches),
        }  # fmt: skip
    if isinstance(mixer.position, Rope):
        yield {
            "architectures": ["CodeGenForCausalLM"], "model_type": "codegen", **vocabulary, **act, "n_embd": a.d_model,
            "n_layer": a.n_layers, "n_head": mixer.n_heads, "n_positions": a.context_length, "n_inner": mlp.d_ff,
            "rotary_dim": round(mixer.d_head * mixer.position.fraction),
        }  # fmt: skip
