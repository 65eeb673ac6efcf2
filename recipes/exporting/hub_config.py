"""``config.json`` in the hub's own words from an architecture: the inverse of ``lehr import``.

A writer proposes fields for each class that could be meant; what is given out is the first proposal that the importer
reads back as the same architecture, so that a wrong field cannot pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.hub_classes import after_dense, indexed, mamba, older, windowed
from lehr.recipes.exporting.hub_parts import ACTIVATIONS, Fields, common, heads, rotary
from lehr.recipes.importing.hugging_face.config import import_config
from lehr.simulators.architecture import Architecture, Block
from lehr.simulators.layers import MLA, MLP, Attention, MoE
from lehr.simulators.layers.position import Rope


def config_of(architecture: Architecture) -> Fields | None:
    """The fields of a ``config.json`` that is read as ``architecture``, or ``None`` where no class is known to be it.

    What a checkpoint stores beside the network is no part of either.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> config_of(Catalogue().model("qwen2_5_coder_7b").shape())["architectures"]
    ['Qwen2ForCausalLM']
    """
    plain = msgspec.structs.replace(architecture, checkpoint=None)
    for fields in proposals(plain):
        try:
            found = import_config(fields).architecture
        except LehrError:
            # this proposal is of a class that cannot be meant; the next one may be
            continue
        if same(found, plain):
            return fields
    return None


def same(a: Architecture, b: Architecture) -> bool:
    """Are they the same network, whatever their blocks are called?"""
    return bool(outline(a) == outline(b))


def outline(a: Architecture) -> Any:
    """An architecture without the names of its blocks and without what a checkpoint stores."""
    layers = [a.blocks[name] for run in a.layers for _ in range(run.repeat) for name in run.blocks]
    mtp = None if a.mtp is None else (a.blocks[a.mtp.block], a.mtp.norm, a.mtp.depth)
    rest = msgspec.structs.replace(
        a,
        blocks={"x": layers[0]},
        layers=[msgspec.structs.replace(a.layers[0], blocks=["x"])],
        mtp=None,
        checkpoint=None,
    )
    return layers, mtp, rest


def proposals(a: Architecture) -> Iterator[Fields]:
    """What could be meant, from the plainest class on."""
    if a.encoder is not None or not a.causal or a.output is not None:
        return
    kinds = [block for block, _ in a.stack()]
    for write in (dense, experts, latent, gpt, windowed, after_dense, mamba, older):
        yield from write(a, kinds)


def dense(a: Architecture, kinds: list[Block]) -> Iterator[Fields]:
    """Classes of one kind of block with rotary positions."""
    block = kinds[0]
    mixer, mlp = block.mixer, block.mlp
    if len(kinds) != 1 or not isinstance(mixer, Attention) or not isinstance(mlp, MLP):
        return
    turned = rotary(mixer.position)
    if turned is None or mlp.activation not in ACTIVATIONS:
        return
    base = {
        **common(a),
        **heads(mixer),
        **turned,
        "intermediate_size": mlp.d_ff,
        "hidden_act": ACTIVATIONS[mlp.activation],
    }
    biases = {"attention_bias": mixer.qkv_bias, "mlp_bias": mlp.bias}
    window = {"sliding_window": mixer.window}
    yield {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **base, **biases}
    yield {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", **base}
    yield {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **base, "attention_bias": mixer.qkv_bias}
    yield {"architectures": ["MistralForCausalLM"], "model_type": "mistral", **base, **window}
    yield {
        "architectures": ["Starcoder2ForCausalLM"],
        "model_type": "starcoder2",
        **base,
        **window,
        "use_bias": mixer.qkv_bias,
        "norm_epsilon": 1e-5,
    }
    gemma = {k: v for k, v in base.items() if k != "hidden_act"} | {"hidden_activation": base["hidden_act"]}
    yield {"architectures": ["GemmaForCausalLM"], "model_type": "gemma", **gemma, "attention_bias": mixer.qkv_bias}
    yield {"architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", **base, "attention_bias": mixer.qkv_bias}
    yield {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", **base, **window}
    yield {"architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", **_neox(a, mixer, mlp, block)}
    yield {
        "architectures": ["CohereForCausalLM"],
        "model_type": "cohere",
        **base,
        "attention_bias": mixer.qkv_bias,
        "use_qk_norm": mixer.qk_norm is not None,
    }
    yield {
        "architectures": ["StableLmForCausalLM"],
        "model_type": "stablelm",
        **base,
        "use_qkv_bias": mixer.qkv_bias,
        "use_parallel_residual": block.norm_placement.startswith("parallel"),
    }


def _neox(a: Architecture, mixer: Attention, mlp: MLP, block: Block) -> Fields:
    position = mixer.position
    assert isinstance(position, Rope)
    return {
        **common(a),
        "num_attention_heads": mixer.n_heads,
        "intermediate_size": mlp.d_ff,
        "hidden_act": {"gelu_tanh": "gelu_pytorch_tanh"}.get(mlp.activation, mlp.activation),
        "rotary_emb_base": position.base,
        "rotary_pct": position.fraction,
        "attention_bias": mixer.qkv_bias,
        "use_parallel_residual": block.norm_placement == "parallel_two",
    }


def experts(a: Architecture, kinds: list[Block]) -> Iterator[Fields]:
    """Classes of one kind of block with experts and ordinary attention."""
    block = kinds[0]
    mixer, moe = block.mixer, block.mlp
    if len(kinds) != 1 or not isinstance(mixer, Attention) or not isinstance(moe, MoE):
        return
    turned = rotary(mixer.position)
    if turned is None:
        return
    base = {**common(a), **heads(mixer), **turned, "hidden_act": moe.activation, "num_experts_per_tok": moe.top_k}
    yield {
        "architectures": ["MixtralForCausalLM"],
        "model_type": "mixtral",
        **base,
        "num_local_experts": moe.n_experts,
        "intermediate_size": moe.d_ff_expert,
        "sliding_window": mixer.window,
    }
    wide = {
        "num_experts": moe.n_experts,
        "moe_intermediate_size": moe.d_ff_expert,
        "intermediate_size": moe.d_ff_expert,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    }
    yield {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        **base,
        **wide,
        "attention_bias": mixer.qkv_bias,
    }
    yield {
        "architectures": ["Qwen2MoeForCausalLM"],
        "model_type": "qwen2_moe",
        **base,
        **wide,
        "shared_expert_intermediate_size": moe.d_ff_shared,
        "qkv_bias": mixer.qkv_bias,
    }
    yield {
        "architectures": ["OlmoeForCausalLM"],
        "model_type": "olmoe",
        **base,
        "num_experts": moe.n_experts,
        "intermediate_size": moe.d_ff_expert,
        "attention_bias": mixer.qkv_bias,
    }


def latent(a: Architecture, kinds: list[Block]) -> Iterator[Fields]:
    """DeepSeek-V2 and V3: latent attention, dense layers first, then experts."""
    mixers = {block.mixer for block in kinds}
    moes = [block.mlp for block in kinds if isinstance(block.mlp, MoE)]
    dense_mlps = [block.mlp for block in kinds if isinstance(block.mlp, MLP)]
    if len(mixers) != 1 or len(moes) != 1 or len(dense_mlps) > 1:
        return
    (mixer,) = mixers
    turned = rotary(mixer.position) if isinstance(mixer, MLA) else None
    if not isinstance(mixer, MLA) or turned is None:
        return
    moe = moes[0]
    layers = [a.blocks[name].mlp for run in a.layers for _ in range(run.repeat) for name in run.blocks]
    first = sum(isinstance(mlp, MLP) for mlp in layers)
    base = {
        **common(a),
        **turned,
        "num_attention_heads": mixer.n_heads,
        "num_key_value_heads": mixer.n_heads,
        "q_lora_rank": mixer.q_rank,
        "kv_lora_rank": mixer.kv_rank,
        "qk_nope_head_dim": mixer.d_nope,
        "qk_rope_head_dim": mixer.d_rope,
        "v_head_dim": mixer.d_value,
        "attention_bias": mixer.bias,
        "hidden_act": moe.activation,
        "intermediate_size": dense_mlps[0].d_ff if dense_mlps else moe.d_ff_expert,
        "moe_intermediate_size": moe.d_ff_expert,
        "n_routed_experts": moe.n_experts,
        "n_shared_experts": moe.n_shared_experts or None,
        "num_experts_per_tok": moe.top_k,
        "first_k_dense_replace": first,
    }
    depth = a.mtp.depth if a.mtp else 0
    yield {
        "architectures": ["DeepseekV3ForCausalLM"],
        "model_type": "deepseek_v3",
        **base,
        "num_nextn_predict_layers": depth,
    }
    yield {"architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", **base}
    yield from indexed(a, base, mixer)


def gpt(a: Architecture, kinds: list[Block]) -> Iterator[Fields]:
    """Learned positions: GPT-2 and GPT-BigCode (StarCoder)."""
    block = kinds[0]
    mixer, mlp = block.mixer, block.mlp
    if (
        len(kinds) != 1
        or not isinstance(mixer, Attention)
        or not isinstance(mlp, MLP)
        or not a.embedding.learned_positions
    ):
        return
    base = {
        "vocab_size": a.embedding.vocab_size,
        "n_positions": a.embedding.learned_positions,
        "n_embd": a.d_model,
        "n_layer": a.n_layers,
        "n_head": mixer.n_heads,
        "n_inner": mlp.d_ff,
        "activation_function": {"gelu_tanh": "gelu_pytorch_tanh"}.get(mlp.activation, mlp.activation),
        "tie_word_embeddings": a.embedding.tied,
    }
    yield {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", **base}
    yield {
        "architectures": ["GPTBigCodeForCausalLM"],
        "model_type": "gpt_bigcode",
        **base,
        "multi_query": mixer.n_kv_heads == 1,
    }
