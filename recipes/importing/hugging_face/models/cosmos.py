"""NVIDIA: Cosmos, AFM under another name."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.models.arcee import arcee

reads("cosmos3_edge_text", "Cosmos3Edge", "Cosmos3EdgeText", no_effect="image_token_id", inside="cosmos3_edge")(arcee)
