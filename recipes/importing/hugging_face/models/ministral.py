"""Mistral AI: Ministral."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.models.mistral import mistral
from lehr.recipes.importing.hugging_face.parts import TYPES, Network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.sliding import by_layer_type


@reads("ministral", "Ministral")
def ministral(f: Fields) -> Network:
    """Ministral: windowed where ``sliding_window`` is set."""
    windowed = (f.extent("sliding_window") or None) is not None
    return by_layer_type(f, lambda layer: TYPES[int(windowed)])


reads("ministral3", "Ministral3")(mistral)
