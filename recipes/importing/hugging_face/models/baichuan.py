"""Baichuan."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.layers import Alibi


@reads("baichuan", "Baichuan", "BaiChuan", named={}, no_effect="z_loss_weight")
def baichuan(f: Fields) -> Network:
    """Baichuan (arXiv:2309.10305): LLaMA; the larger ones, which state ``model_max_length`` alone, have ALiBi."""
    rotated_one = f.given("max_position_embeddings")
    context = "max_position_embeddings" if rotated_one else "model_max_length"
    for field in ("max_position_embeddings", "model_max_length"):
        f.raw(field)
    mixer = attention(f, position=rope(f) if rotated_one else Alibi())
    return network(f, uniform(f, mixer, mlp(f, gated=True)), context=context)
