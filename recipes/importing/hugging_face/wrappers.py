"""Files of models for text and images: which part of them is the text model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lehr.recipes.errors import LehrError
from lehr.recipes.importing.hugging_face.classes import CLASSES
from lehr.recipes.importing.hugging_face.reading import shown

PARTS = ("text_config", "llm_config", "language_config", "thinker_config", "vlm_config")
"""Where the text model stands in the file of a larger one."""


def text_of() -> dict[str, str]:
    """The text model's class where the part that describes it does not name one, by the type of the whole.

    >>> from lehr.recipes.importing.hugging_face import registry
    >>> text_of()["gemma3"]
    'gemma3_text'
    """
    return {whole: found.model_type for found in CLASSES.values() for whole in found.inside}


OTHERS = frozenset(
    """
    vision_config audio_config image_token_id video_token_id vision_start_token_id vision_end_token_id vision_token_id
    visual embd_layer img_processor audio_processor vision_lora speech_lora
    """.split()  # noqa: SIM905
)
"""Parts of a file that describes its text model at its top level."""

OTHER_PREFIXES = ("mm_", "use_mm_", "tune_mm_", "freeze_mm_", "unfreeze_mm_", "image_", "vision_")
"""How fields of the first LLaVA begin that are not of its text model."""


def text_model(config: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str], str]:
    """The fields of the text model, what is to be said aloud, and what begins errors about them.

    >>> from lehr.recipes.importing.hugging_face.config import import_config
    >>> found = import_config({"model_type": "llava", "text_config": {"model_type": "mistral"}, "vision_config": {}})
    >>> found.model_type, found.notes
    ('mistral', ['text_config of a llava is read, its text model; the rest of that model is left out'])
    """
    outer, notes, known = dict(config), [], text_of()
    for _ in PARTS:
        part = next((name for name in PARTS if outer.get(name)), None)
        whole = outer.get("model_type")
        if part is None:
            break
        inner = outer[part]
        if not isinstance(inner, dict):
            raise LehrError(f"{where}{part}: found {shown(inner)}; write a mapping with the text model's fields")
        outer = inside(outer, inner, known)
        where = f"{where}{part}."
        notes = [f"{part} of a {named(whole)} is read, its text model; the rest of that model is left out"]
    whole = outer.get("model_type")
    if isinstance(whole, str) and whole in known:
        # older files have the text model's fields at the top, the shortest have none at all
        notes.append(f"of a {whole} the text model is read; the rest of that model is left out")
        kept = {k: v for k, v in outer.items() if k not in {*OTHERS, *PARTS} and not k.startswith(OTHER_PREFIXES)}
        outer = {**kept, "model_type": known[whole], "architectures": [outermost(config)]}
    return outer, notes, where


def inside(outer: Mapping[str, Any], inner: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the part with what only the whole file says: the class, the tie, the kind of storage."""
    text = dict(inner)
    if text.get("model_type") is None:
        whole = outer.get("model_type")
        text["model_type"] = known.get(whole, whole) if isinstance(whole, str) else whole
    for field in ("quantization_config", "tie_word_embeddings"):
        if outer.get(field) is not None and (field == "tie_word_embeddings" or text.get(field) is None):
            text[field] = outer[field]
    if not text.get("architectures"):
        text["architectures"] = [outermost(outer)]
    return text


BARE = "Model"
WITH_HEAD = "ForConditionalGeneration"


def outermost(config: Mapping[str, Any]) -> str:
    """What stands on top of the whole: a head, unless its class is a bare model."""
    classes = config.get("architectures")
    name = classes[0] if isinstance(classes, list) and classes and isinstance(classes[0], str) else ""
    return BARE if name.endswith(BARE) and not name.endswith(("ChatModel", "LMHeadModel")) else WITH_HEAD


def named(model_type: object) -> str:
    """A type as it is said aloud."""
    return model_type if isinstance(model_type, str) else "larger model"
