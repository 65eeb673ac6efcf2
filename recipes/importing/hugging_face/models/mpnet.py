"""Microsoft: MPNet."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import ROBERTA_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import after_padding, encoder, ends, on_top
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, mlp
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Block
from lehr.simulators.layers import LayerNorm, RelativeBias


@reads("mpnet", "MPNet", tasks=ROBERTA_TASKS, head="mlm")
def mpnet(f: Fields) -> Network:
    """MPNet (arXiv:2004.09297): RoBERTa without segments, with T5's bias on scores, one table for all layers."""
    buckets, rows = f.size("relative_attention_num_buckets"), f.size("max_position_embeddings")
    channel = mlp(f, gated=False, bias=True)
    blocks = [
        Block(
            mixer=biased(f, RelativeBias(n_buckets=buckets, max_distance=128, holds_table=layer == 0)),
            mlp=channel,
            norm=LayerNorm(),
            norm_placement="post",
        )
        for layer in range(f.layers())
    ]
    embedding = ends(f, positions=rows)
    context = after_padding(f)
    return encoder(f, blocks, embedding, context=context, embedding_norm=LayerNorm(), output=on_top(f))
