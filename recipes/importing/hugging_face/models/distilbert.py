"""DistilBERT."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import bert_like, on_top
from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields


@reads(
    "distilbert",
    "DistilBert",
    also={
        "hidden_size": "dim",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
    },
    tasks=BARE_TASKS,
    head="mlm",
    no_effect="sinusoidal_pos_embds",
)
def distilbert(f: Fields) -> Network:
    """DistilBERT (arXiv:1910.01108): BERT without segments and pooler."""
    top = on_top(f, twice=False)
    return bert_like(f, context=f.size("max_position_embeddings"), token_types=0, top=top)
