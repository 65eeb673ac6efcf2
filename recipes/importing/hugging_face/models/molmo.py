"""Ai2: Molmo."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, QKNorm, attention, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP


@reads(
    "molmo",
    "Molmo",
    named={"tie_word_embeddings": "weight_tying"},
    no_effect="tie_word_embeddings use_position_ids clip_qkv layer_norm_type",
)
def molmo(f: Fields) -> Network:
    """Molmo (arXiv:2409.17146): the text model as in OLMo's code; ``intermediate_size`` is both halves of the gated
    MLP."""
    f.fixed("layer_norm_type", "rms")
    f.note("the part that sees images is left out, and with it the 128 rows of the first table for its tokens")
    qk_norm: QKNorm = "full" if f.flag("attention_layer_norm") else None
    mixer = attention(f, qkv_bias=f.flag("qkv_bias"), qk_norm=qk_norm)
    channel = MLP(d_ff=max(1, f.size("intermediate_size") // 2), activation="silu", gated=True)
    rows = f.maybe_size("embedding_size") or f.size("vocab_size")
    blocks = uniform(f, mixer, channel, placement="post" if f.flag("norm_after") else "pre")
    return network(f, blocks, embedding=msgspec.structs.replace(tables(f), vocab_size=rows))
