"""Baidu: PaddleOCR-VL."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.models.ernie import ernie4_5

reads("paddleocr_vl_text", "PaddleOCRVL", "PaddleOCRText", no_effect="image_token_id", inside="paddleocr_vl")(ernie4_5)
