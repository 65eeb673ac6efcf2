"""Dream and DiffuCoder."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import MODEL_TASKS, reads
from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.sliding import windowed


@reads("Dream", "Dream", tasks=MODEL_TASKS, no_effect="mask_token_id use_mrope")
def dream(f: Fields) -> Network:
    """Dream and DiffuCoder (arXiv:2506.20639): Qwen2.5's layers, which see both sides of a masked token."""
    return msgspec.structs.replace(windowed(f, qkv_bias=True), causal=False)
