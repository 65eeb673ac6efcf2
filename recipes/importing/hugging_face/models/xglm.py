"""Meta: XGLM."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, activation, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, LayerNorm, NoPosition


@reads(
    "xglm",
    "XGLM",
    also={"num_attention_heads": "attention_heads", "hidden_size": "d_model", "num_hidden_layers": "num_layers"},
    no_effect="dropout layerdrop init_std",
)
def xglm(f: Fields) -> Network:
    """XGLM (arXiv:2112.10668): positions are sines, biases everywhere."""
    f.fixed("add_cross_attention", False)
    channel = MLP(d_ff=f.size("ffn_dim"), activation=activation(f, "activation_function"), bias=True)
    return network(f, uniform(f, biased(f, NoPosition()), channel, LayerNorm()), norm=LayerNorm())
