"""Tencent: Youtu-LLM."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, dense_latent

reads("youtu", "Youtu", no_effect=HARMLESS)(dense_latent)
