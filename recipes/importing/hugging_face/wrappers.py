"""Files of models for text and images: which part of them is the text model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PARTS = ("text_config", "llm_config", "language_config", "thinker_config")
"""Where the text model stands in the file of a larger one."""


def text_model(config: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str], str]:
    """The fields of the text model, what is to be said aloud, and what begins errors about them."""
    return dict(config), [], where
