"""RoFormer."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import bert_like, narrow, on_top
from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import Rope


@reads("roformer", "RoFormer", tasks=BARE_TASKS, head="mlm", no_effect="rotary_value")
def roformer(f: Fields) -> Network:
    """RoFormer (arXiv:2104.09864): BERT with rotary positions."""
    width, types = f.maybe_size("embedding_size") or f.size("hidden_size"), f.extent("type_vocab_size")
    return bert_like(
        f,
        context=f.size("max_position_embeddings"),
        token_types=types,
        position=Rope(base=10000.0),
        factored=narrow(f),
        top=on_top(f, width=width),
    )
