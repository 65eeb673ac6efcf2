"""``config.json`` in the hub's own words from an architecture: the inverse of ``lehr import``.

Each class of transformers is offered every field that the architecture says, under any name, and takes those that it
knows; what is given out is the first file that the importer reads back as the same architecture, so that a wrong field
cannot pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import msgspec

from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.hub_parts import Fields
from lehr.recipes.exporting.hub_words import alike, layers_of, words
from lehr.recipes.importing.hugging_face import reading
from lehr.recipes.importing.hugging_face.classes import HFClass
from lehr.recipes.importing.hugging_face.config import EPSILONS, import_config
from lehr.recipes.importing.hugging_face.families import defaults
from lehr.recipes.importing.hugging_face.registry import CLASSES
from lehr.simulators.architecture import Architecture, Block

FIRST = tuple(
    """
    llama qwen2 qwen3 mistral starcoder2 gemma olmo2 phi3 gpt_neox cohere mixtral qwen3_moe qwen2_moe olmoe deepseek_v3
    deepseek_v2 deepseek_v32 gpt2 gpt_bigcode olmo3 gemma2 glm4_moe codegen
    """.split()  # noqa: SIM905  (a table for people)
)
"""Types that are meant where several classes build one network; after them the one with the shorter name, as t5 before
mt5 and roberta before xlm-roberta."""

OWN_CODE = frozenset(
    """
    Dream Yi aquila baichuan bailing_moe bailing_moe_v2 chatglm codesage codet5p codet5p_module deepseek delta_net
    exaone exaone4_5_text internlm internlm2 jais kimi_k2 llada llada_moe mimo minicpm minimax_m1 minimax_m3
    minimax_text_01 molmo nemotron-nas new orion qwen retnet rwkv5 rwkv6 rwkv7 sarvam_mla sarvam_moe xverse
    """.split()  # noqa: SIM905
)
"""Types whose class stands beside the checkpoint, and not in transformers."""

WITHIN = frozenset(
    """
    cosmos3_edge_text deepseek_ocr2_text glm4v_moe_text glm4v_text glm_ocr_text granite4_vision_text
    granite_docling_text hunyuan_vl_text mistral4 muse_glimmer_text paddleocr_vl_text qwen2_5_omni_text
    qwen2_5_vl_text qwen2_vl_text qwen3_omni_moe_text qwen3_vl_moe_text qwen3_vl_text step3p5 unlimited_ocr_text
    """.split()  # noqa: SIM905
)
"""Types that transformers builds only as a part of a network that sees or hears."""

HEADS = {"gpt2": "LMHeadModel"}
"""What follows the name of a class with a head, where transformers calls it otherwise than its other classes."""

ORDER = (*FIRST, *sorted({*CLASSES} - {*FIRST} - OWN_CODE - WITHIN, key=lambda name: (len(name), name)))
"""The types that are tried, one after the other."""


def config_of(architecture: Architecture) -> Fields | None:
    """The fields of a ``config.json`` that is read as ``architecture``, or ``None`` where no class is known to be it.

    What a checkpoint stores beside the network is no part of either.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> config_of(Catalogue().model("qwen2_5_coder_7b").shape())["architectures"]
    ['Qwen2ForCausalLM']
    """
    for fields in proposals(architecture):
        try:
            found = import_config(fields).architecture
        except LehrError:
            # this proposal leaves out what its class needs; the next one may not
            continue
        if same(found, architecture) and architecture.norm_epsilon in (None, found.norm_epsilon):
            return fields
    return None


def same(a: Architecture, b: Architecture) -> bool:
    """Are they the same network, whatever their blocks are called?"""
    return bool(outline(a) == outline(b))


def outline(a: Architecture) -> Any:
    """An architecture without the names of its blocks and without what a checkpoint stores."""
    mtp = None if a.mtp is None else (alike(a.blocks[a.mtp.block]), a.mtp.norm, a.mtp.depth)
    encoder = None if a.encoder is None else msgspec.structs.replace(a.encoder, layers=[])
    read = [a.blocks[name] for run in (a.encoder.layers if a.encoder else []) for name in run.blocks * run.repeat]
    ends = (a.d_model, a.context_length, a.embedding, a.embedding_norm, a.final_norm, a.causal, a.output)
    return [alike(block) for block in layers_of(a)], read, mtp, encoder, ends, a.embedding_head


def proposals(a: Architecture) -> Iterator[Fields]:
    """What each class takes of what is offered, for each way in which a field may be meant."""
    if a.encoder is not None and not a.embedding.tied:
        # transformers ties the tables of such networks, whatever the file says
        return
    layers, several = [alike(block) for block in layers_of(a)], list(words(a))
    for model_type in ORDER:
        reader = CLASSES[model_type]
        task, head = next(((task, h) for task, h in reader.tasks.items() if fits(h, a)), ("", ""))
        for offered in several if head else ():
            taken, blocks = accepted(reader, offered, head)
            if blocks and kinds(blocks) != kinds(layers):
                # other sizes make no other kinds of layers
                break
            if [alike(block) for block in blocks] != layers:
                continue
            named: Fields = {
                "architectures": [f"{reader.prefixes[0]}{HEADS.get(model_type, task)}"],
                "model_type": model_type,
            }
            if a.norm_epsilon is not None:
                named |= {name: a.norm_epsilon for name in EPSILONS if name in defaults(model_type)}
            # some classes take no null, others mean something by it; a recurrent one reads no length, and may say it
            for fields in ({k: v for k, v in taken.items() if v is not None}, taken):
                yield {**named, **fields}
                yield {**named, **fields, "max_position_embeddings": offered["max_position_embeddings"]}


def fits(head: str, a: Architecture) -> bool:
    """Is this what stands on top of the network?"""
    if not a.embedding.head:
        return head == ("pooled" if a.output is not None else "none")
    return head == ("mlm" if a.output is not None else "lm")


def kinds(blocks: list[Block]) -> list[tuple[type, type, str]]:
    """What each layer is made of, whatever its sizes."""
    return [(type(block.mixer), type(block.mlp), block.norm_placement) for block in blocks]


class _RefusedError(Exception):
    """A class refuses to be told a field."""


class _Offered(reading.Fields):
    """Fields that a class may take or refuse; which it refuses is no error."""

    def wrong(self, field: str, message: str) -> NoReturn:
        raise _RefusedError(self.name(field))


def accepted(reader: HFClass, offered: Mapping[str, Any], head: str) -> tuple[Fields, list[Block]]:
    """The fields that the class reads, and the layers that it builds of them; none where it builds nothing."""
    left = own_names(reader, offered)
    while True:
        f = _Offered(
            reader.model_type, left, defaults(reader.model_type), named=reader.named, also=reader.also, head=head,
            any_heads=reader.any_heads,
        )  # fmt: skip
        try:
            blocks = reader.read(f).blocks
        except _RefusedError as refused:
            (name,) = refused.args
            if name not in left:
                return {}, []
            left = {field: value for field, value in left.items() if field != name}
        except (LehrError, ValueError):
            # a section of its own or a layer refuses: these sizes do not go together in this class
            return {}, []
        else:
            return {field: value for field, value in left.items() if field in f.read}, blocks


def own_names(reader: HFClass, offered: Mapping[str, Any]) -> dict[str, Any]:
    """What is offered, under the class's own names."""
    theirs = {**reader.also, **reader.named}
    renamed = {own: offered[name] for name, own in theirs.items() if name in offered}
    return {**{name: value for name, value in offered.items() if name not in reader.also}, **renamed}
