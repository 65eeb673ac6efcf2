"""Microsoft: BioGPT."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, mlp, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import LayerNorm, NoPosition


@reads("biogpt", "BioGpt")
def biogpt(f: Fields) -> Network:
    """BioGPT: learned positions with two rows more."""
    blocks = uniform(f, biased(f, NoPosition()), mlp(f, gated=False, bias=True), LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, positions=f.size("max_position_embeddings") + 2))
