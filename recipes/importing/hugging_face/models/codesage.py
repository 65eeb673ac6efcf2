"""Amazon: CodeSage."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import encoder, ends
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, activation, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, LayerNorm, NoPosition


@reads("codesage", "CodeSage", tasks=BARE_TASKS, head="none", no_effect="residual_dropout_prob embedding_dropout_prob")
def codesage(f: Fields) -> Network:
    """CodeSage (arXiv:2402.01935): GPT-2's layers, which see both sides."""
    f.fixed("position_embedding_type", "absolute")
    context = f.size("max_position_embeddings")
    channel = MLP(d_ff=f.size("intermediate_size"), activation=activation(f, "activation_function"), bias=True)
    blocks = uniform(f, biased(f, NoPosition()), channel, LayerNorm())
    embedding = ends(f, positions=context)
    return encoder(f, blocks, embedding, context=context, embedding_norm=None, final_norm=LayerNorm())
