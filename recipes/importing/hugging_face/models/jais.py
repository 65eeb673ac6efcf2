"""G42: Jais."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import GPT2_NAMES, biased
from lehr.recipes.importing.hugging_face.models.nemotron import nemotron
from lehr.recipes.importing.hugging_face.parts import Network, activation, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, Alibi, LayerNorm


@reads("jais", "JAIS", also=GPT2_NAMES, no_effect="mup_width_scale mup_embeddings_scale mup_output_alpha alibi_scaling")
def jais(f: Fields) -> Network:
    """Jais (arXiv:2308.16149): GPT-2 with ALiBi and a gated MLP."""
    f.fixed("position_embedding_type", "alibi")
    d_ff = f.maybe_size("n_inner") or 4 * f.size("hidden_size")
    channel = MLP(d_ff=d_ff, activation=activation(f, "activation_function"), gated=True, bias=True)
    return network(f, uniform(f, biased(f, Alibi()), channel, LayerNorm()), norm=LayerNorm())


reads("jais2", "Jais2")(nemotron)
