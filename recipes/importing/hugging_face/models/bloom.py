"""BigScience: BLOOM."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, Alibi, LayerNorm


@reads(
    "bloom",
    "Bloom",
    also={"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "hidden_size": "n_embed"},
    no_effect="attention_softmax_in_fp32 masked_softmax_fusion apply_residual_connection_post_layernorm"
    " skip_bias_add skip_bias_add_qkv offset_alibi",
)
def bloom(f: Fields) -> Network:
    """BLOOM (arXiv:2211.05100): ALiBi, a norm after the embedding, biases everywhere."""
    channel = MLP(d_ff=4 * f.size("hidden_size"), activation="gelu_tanh", bias=True)
    blocks = uniform(f, biased(f, Alibi()), channel, LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding_norm=LayerNorm(), context="seq_length")
