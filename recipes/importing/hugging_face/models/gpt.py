"""OpenAI: GPT and GPT-2; GPT-SW3."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import GPT2_NAMES, biased, four_times
from lehr.recipes.importing.hugging_face.parts import Network, activation, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, LayerNorm, NoPosition


@reads("openai-gpt", "OpenAIGPT", also=GPT2_NAMES)
def openai_gpt(f: Fields) -> Network:
    """GPT: norms after each sublayer, none at the end."""
    channel = MLP(d_ff=4 * f.size("hidden_size"), activation=activation(f, "afn"), bias=True)
    return Network(
        d_model=f.size("hidden_size"),
        context_length=f.size("max_position_embeddings"),
        embedding=tables(f, positions=f.size("max_position_embeddings")),
        blocks=uniform(f, biased(f, NoPosition()), channel, LayerNorm(), "post"),
        final_norm=None,
    )


@reads("gpt2", "GPT2", also=GPT2_NAMES, no_effect="n_ctx")
@reads("gpt-sw3", "GPT2", also=GPT2_NAMES, no_effect="n_ctx")
def gpt2(f: Fields) -> Network:
    """GPT-2: learned positions, biases everywhere."""
    f.fixed("add_cross_attention", False)
    blocks = uniform(f, biased(f, NoPosition()), four_times(f), LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, positions=f.size("max_position_embeddings")))
