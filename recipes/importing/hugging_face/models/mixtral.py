"""Mistral AI: Mixtral."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, experts
from lehr.recipes.importing.hugging_face.parts import Network, attention, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("mixtral", "Mixtral", also=LOCAL, any_heads=True)
def mixtral(f: Fields) -> Network:
    """Mixtral (arXiv:2401.04088): every layer a mixture, its experts ``intermediate_size`` wide."""
    mixer = attention(f, window=f.extent("sliding_window") or None)
    return network(f, uniform(f, mixer, experts(f, width="intermediate_size")))
