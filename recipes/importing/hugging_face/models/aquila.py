"""BAAI: Aquila, LLaMA under another name."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.models.yi import yi

reads("aquila", "Aquila", no_effect="is_sparse")(yi)
