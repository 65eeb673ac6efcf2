"""Meta: the Code World Model."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import TYPES, Network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.sliding import by_layer_type


@reads("cwm", "Cwm")
def cwm(f: Fields) -> Network:
    """CWM (arXiv:2510.02387): the first layer of every four sees all."""
    return by_layer_type(f, lambda layer: TYPES[int(layer % 4 != 0)])
