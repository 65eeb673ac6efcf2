"""XVERSE: LLaMA under another name."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.models.yi import yi

reads("xverse", "Xverse", no_effect="max_tokenizer_truncation")(yi)
