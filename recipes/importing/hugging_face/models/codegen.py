"""Salesforce: CodeGen, GPT-J under another name."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import GPT2_NAMES
from lehr.recipes.importing.hugging_face.models.gptj import gptj

reads("codegen", "CodeGen", also=GPT2_NAMES, no_effect="n_ctx rotary")(gptj)
