"""Unlimited-OCR: DeepSeek-OCR 2 under another name."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.models.deepseek import ocr

reads(
    "unlimited_ocr_text",
    "UnlimitedOcr",
    "UnlimitedOcrText",
    no_effect="image_token_id layer_types sliding_window",
    inside="unlimited_ocr",
)(ocr)
