"""IQuest-Coder: LLaMA under another name."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.models.llama import llama

reads("iquestcoder", "IQuestCoder")(llama)
