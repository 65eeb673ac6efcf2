"""ELECTRA."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import bert_like, narrow, on_top
from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("electra", "Electra", tasks=BARE_TASKS, head="mlm")
def electra(f: Fields) -> Network:
    """ELECTRA (arXiv:2003.10555), the smaller sizes with narrow tables."""
    width, types = f.size("embedding_size"), f.extent("type_vocab_size")
    return bert_like(
        f,
        context=f.size("max_position_embeddings"),
        token_types=types,
        factored=narrow(f),
        top=on_top(f, width=width, twice=False),
    )
