"""Jina AI: embeddings."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import ROBERTA_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import rotated
from lehr.recipes.importing.hugging_face.parts import Network, mlp
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("jina_embeddings_v3", "JinaEmbeddingsV3", tasks=ROBERTA_TASKS, head="mlm")
def jina_embeddings_v3(f: Fields) -> Network:
    """jina-embeddings-v3 (arXiv:2409.10173) without its adapters: XLM-RoBERTa with rotary positions."""
    return rotated(f, bias=True, channel=mlp(f, gated=False, bias=True))
