"""Ai2: Longformer."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import ROBERTA_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import after_padding, bert_like
from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.simulators.architecture import Block
from lehr.simulators.layers import Attention


@reads(
    "longformer",
    "Longformer",
    tasks=ROBERTA_TASKS,
    head="mlm",
    no_effect="onnx_export attention_mode ignore_attention_mask",
)
def longformer(f: Fields) -> Network:
    """Longformer (arXiv:2004.05150): RoBERTa with windows, and projections of their own for tokens that see all."""
    found = bert_like(f, context=after_padding(f), token_types=f.extent("type_vocab_size"))
    stated = f.raw("attention_window")
    windows = stated if isinstance(stated, list) else [stated] * len(found.blocks)
    sizes = [size for value in windows if (size := whole(value)) is not None and size > 0]
    if len(sizes) != len(found.blocks):
        f.wrong("attention_window", f"found {shown(stated)}; write a whole number, or one for each layer")
    blocks = [seen_by_few(block, size) for block, size in zip(found.blocks, sizes, strict=True)]
    return msgspec.structs.replace(found, blocks=blocks)


def seen_by_few(block: Block, size: int) -> Block:
    """The block with attention to ``size`` tokens, and to the few that all see."""
    mixer = block.mixer
    if not isinstance(mixer, Attention):
        return block
    return msgspec.structs.replace(block, mixer=msgspec.structs.replace(mixer, window=size, seen_by_all=True))
