"""LLaDA, dense and with experts."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import MODEL_TASKS, reads
from lehr.recipes.importing.hugging_face.mixtures import experts
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import RMSNorm


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


@reads("llada_moe", "LLaDAMoEModel", "LLaDAMoE", tasks=MODEL_TASKS, no_effect="expert_intermediate_size")
def llada_moe(f: Fields) -> Network:
    """LLaDA-MoE (arXiv:2509.24389): OLMoE's layers, which see both sides of a masked token."""
    mixer = attention(f, qkv_bias=f.flag("attention_bias"), qk_norm="head" if f.flag("qk_layernorm") else None)
    f.fixed("shared_expert_intermediate_size", None)
    width = "expert_intermediate_size" if f.given("expert_intermediate_size") else "moe_intermediate_size"
    found = network(f, uniform(f, mixer, experts(f, width=width), RMSNorm()))
    return msgspec.structs.replace(found, causal=False)
