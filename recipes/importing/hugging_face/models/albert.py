"""ALBERT."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import ENCODER_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import bert_like, on_top
from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import Factored


@reads(
    "albert",
    "Albert",
    tasks=ENCODER_TASKS,
    head="mlm",
    no_effect="down_scale_factor gap_size net_structure_type num_memory_blocks",
)
def albert(f: Fields) -> Network:
    """ALBERT (arXiv:1909.11942): all layers share their weights, tables are narrow."""
    f.fixed("num_hidden_groups", 1)
    f.fixed("inner_group_num", 1)
    width, types = f.size("embedding_size"), f.extent("type_vocab_size")
    factored = Factored(width=width)
    found = bert_like(
        f,
        context=f.size("max_position_embeddings"),
        token_types=types,
        factored=factored,
        top=on_top(f, width=width),
    )
    return msgspec.structs.replace(found, blocks=[msgspec.structs.replace(b, shared=True) for b in found.blocks])
