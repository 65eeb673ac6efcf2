"""01.AI: Yi, LLaMA under another name."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("Yi", "Yi")
def yi(f: Fields) -> Network:
    """Yi: LLaMA under another name."""
    return network(f, uniform(f, attention(f), mlp(f, gated=True)))
