"""BERT, and Megatron-BERT."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import ENCODER_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import bert_like
from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("bert", "Bert", tasks=ENCODER_TASKS, head="mlm", no_effect="pooler_type")
def bert(f: Fields) -> Network:
    """BERT (arXiv:1810.04805): norms after each sublayer and after the tables."""
    return bert_like(f, context=f.size("max_position_embeddings"), token_types=f.extent("type_vocab_size"))


@reads("megatron-bert", "MegatronBert", tasks=ENCODER_TASKS, head="mlm")
def megatron_bert(f: Fields) -> Network:
    """Megatron-BERT (arXiv:1909.08053): norms before each sublayer and at the end, none after the tables."""
    return bert_like(
        f,
        context=f.size("max_position_embeddings"),
        token_types=f.extent("type_vocab_size"),
        placement="pre",
        embedding_norm=False,
        final_norm=True,
    )
