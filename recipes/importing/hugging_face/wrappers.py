"""Files of models for text and images: which part of them is the text model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lehr.recipes.errors import LehrError
from lehr.recipes.importing.hugging_face.reading import shown

PARTS = ("text_config", "llm_config", "language_config", "thinker_config", "vlm_config")
"""Where the text model stands in the file of a larger one."""

TEXT_OF = {
    "aria": "aria_text",
    "aya_vision": "cohere2",
    "blip-2": "opt",
    "cohere2_vision": "cohere2",
    "cosmos3_edge": "cosmos3_edge_text",
    "cosmos3_omni": "qwen3_vl_text",
    "deepseek_ocr2": "deepseek_ocr2_text",
    "deepseek_vl": "llama",
    "deepseek_vl_hybrid": "llama",
    "cohere_compass": "cohere_compass_text",
    "colpali": "gemma",
    "exaone4_5": "exaone4",
    "fast_vlm": "qwen2",
    "fuyu": "persimmon",
    "gemma3": "gemma3_text",
    "gemma3n": "gemma3n_text",
    "gemma4": "gemma4_text",
    "gemma4_unified": "gemma4_unified_text",
    "glm46v": "glm4v_text",
    "glm4v": "glm4v_text",
    "glm4v_moe": "glm4v_moe_text",
    "glm_ocr": "glm_ocr_text",
    "glmga": "glm4v_text",
    "got_ocr2": "qwen2",
    "granite4_vision": "granite4_vision_text",
    "granite_docling": "granite_docling_text",
    "granite_speech": "granite",
    "hunyuan_vl": "hunyuan_vl_text",
    "hyperclovax_vision_v2": "hyperclovax",
    "idefics2": "mistral",
    "idefics3": "llama",
    "instructblip": "opt",
    "instructblipvideo": "opt",
    "internvl": "qwen2",
    "internvl_chat": "qwen2",
    "janus": "llama",
    "kimi_k25": "deepseek_v3",
    "kimi_k3": "kimi_linear",
    "lfm2_vl": "lfm2",
    "lfm3_vl": "lfm3",
    "lighton_ocr": "qwen3",
    "llama4": "llama4_text",
    "llava": "llama",
    "llava_next": "llama",
    "llava_next_video": "llama",
    "llava_onevision": "qwen2",
    "minicpm_ocr": "qwen3_5_text",
    "minicpmv4_6": "qwen3_5_text",
    "minicpmv4_7": "qwen3_5_text",
    "minimax_m3_vl": "minimax_m3_vl_text",
    "mistral3": "mistral",
    "muse_glimmer": "muse_glimmer_text",
    "nemotron_h_omni": "nemotron_h",
    "ovis2": "qwen2",
    "paddleocr_vl": "paddleocr_vl_text",
    "paligemma": "gemma",
    "perception_lm": "llama",
    "pp_chart2table": "qwen2",
    "qianfan_ocr": "qwen3",
    "qwen2_5_omni": "qwen2_5_omni_text",
    "qwen2_5_omni_thinker": "qwen2_5_omni_text",
    "qwen2_5_vl": "qwen2_5_vl_text",
    "qwen2_audio": "qwen2",
    "qwen2_vl": "qwen2_vl_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "qwen3_omni_moe": "qwen3_omni_moe_text",
    "qwen3_omni_moe_thinker": "qwen3_omni_moe_text",
    "qwen3_vl": "qwen3_vl_text",
    "qwen3_vl_moe": "qwen3_vl_moe_text",
    "shieldgemma2": "gemma3_text",
    "smolvlm": "llama",
    "step3p7": "step3p5",
    "unlimited_ocr": "unlimited_ocr_text",
    "video_llama_3": "qwen2",
    "video_llava": "llama",
    "vipllava": "llama",
    "voxtral": "llama",
}
"""The text model's class where the part that describes it does not name one."""

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
    outer, notes = dict(config), []
    for _ in PARTS:
        part = next((name for name in PARTS if outer.get(name)), None)
        whole = outer.get("model_type")
        if part is None:
            break
        inner = outer[part]
        if not isinstance(inner, dict):
            raise LehrError(f"{where}{part}: found {shown(inner)}; write a mapping with the text model's fields")
        outer = inside(outer, inner)
        where = f"{where}{part}."
        notes = [f"{part} of a {named(whole)} is read, its text model; the rest of that model is left out"]
    whole = outer.get("model_type")
    if isinstance(whole, str) and whole in TEXT_OF:
        # older files have the text model's fields at the top, the shortest have none at all
        notes.append(f"of a {whole} the text model is read; the rest of that model is left out")
        kept = {k: v for k, v in outer.items() if k not in {*OTHERS, *PARTS} and not k.startswith(OTHER_PREFIXES)}
        outer = {**kept, "model_type": TEXT_OF[whole], "architectures": [outermost(config)]}
    return outer, notes, where


def inside(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the part with what only the whole file says: the class, the tie, the kind of storage."""
    text = dict(inner)
    if text.get("model_type") is None:
        whole = outer.get("model_type")
        text["model_type"] = TEXT_OF.get(whole, whole) if isinstance(whole, str) else whole
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
