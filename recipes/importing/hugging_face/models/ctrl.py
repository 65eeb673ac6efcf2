"""Salesforce: CTRL."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, LayerNorm, NoPosition


@reads(
    "ctrl",
    "CTRL",
    also={
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    no_effect="n_ctx from_tf",
)
def ctrl(f: Fields) -> Network:
    """CTRL (arXiv:1909.05858): sinusoidal positions, which have no weights, and a head with a bias."""
    blocks = uniform(f, biased(f, NoPosition()), MLP(d_ff=f.size("dff"), activation="relu", bias=True), LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, head_bias=f.head == "lm"))
