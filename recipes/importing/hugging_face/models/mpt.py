"""MosaicML: MPT."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, Alibi, LayerNorm


@reads(
    "mpt",
    "MPT",
    "Mpt",
    also={"num_attention_heads": "n_heads", "hidden_size": "d_model", "num_hidden_layers": "n_layers"},
    named={"max_position_embeddings": "max_seq_len"},
    no_effect="embedding_fraction init_config norm_type verbose learned_pos_emb logit_scale tokenizer_name",
)
def mpt(f: Fields) -> Network:
    """MPT: ALiBi, LayerNorm without bias."""
    inner = f.section("attn_config")
    for field in (
        "attn_impl",
        "attn_pdrop",
        "attn_type",
        "clip_qkv",
        "softmax_scale",
        "alibi_bias_max",
        "attn_uses_sequence_id",
        "qk_ln",
        "prefix_lm",
        "alibi",
    ):
        inner.raw(field)
    inner.fixed("qk_ln", False)
    inner.fixed("prefix_lm", False)
    inner.fixed("attn_type", "multihead_attention")
    f.fixed("no_bias", True)
    norm = LayerNorm(bias=False)
    ratio = f.size("expansion_ratio")
    channel = MLP(d_ff=ratio * f.size("hidden_size"), activation="gelu")
    return network(f, uniform(f, biased(f, Alibi(), bias=False), channel, norm), norm=norm)
