"""Nomic: Nomic BERT."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import rotated
from lehr.recipes.importing.hugging_face.parts import Network, mlp
from lehr.recipes.importing.hugging_face.reading import Fields


@reads(
    "nomic_bert",
    "NomicBert",
    also={
        "hidden_size": "n_embd",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
        "intermediate_size": "n_inner",
        "max_position_embeddings": "n_positions",
        "hidden_act": "activation_function",
    },
    tasks=BARE_TASKS,
    head="mlm",
    no_effect="dense_seq_output pad_vocab_size_multiple parallel_block_tied_norm "
    "rotary_emb_interleaved rotary_emb_scale_base rotary_scaling_factor use_xentropy max_trained_positions "
    "expert_choice_router moe_every_n_layers moe_impl moe_normalize_expert_weights moe_resid_pdrop "
    "moe_top_k ffn_div router_aux_loss_coef norm_factor scale_attn_weights",
)
def nomic_bert(f: Fields) -> Network:
    """Nomic Embed (arXiv:2402.01613): rotary positions, a gated MLP, no biases in the layers."""
    for field in (
        "parallel_block",
        "prenorm",
        "qkv_proj_bias",
        "mlp_fc1_bias",
        "mlp_fc2_bias",
        "use_rms_norm",
        "causal",
    ):
        f.fixed(field, False)
    f.fixed("rotary_emb_fraction", 1.0)
    f.fixed("num_experts", 0)
    return rotated(f, bias=False, channel=mlp(f, gated=True), theta="rotary_emb_base")
