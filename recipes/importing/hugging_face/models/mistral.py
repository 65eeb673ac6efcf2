"""Mistral AI: Mistral."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, latent
from lehr.recipes.importing.hugging_face.mixtures import experts, layered, sparse_layers
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("mistral", "Mistral", inside="idefics2 mistral3")
def mistral(f: Fields) -> Network:
    """Mistral 7B (arXiv:2310.06825): no biases, every layer sees ``sliding_window`` tokens where it is set."""
    mixer = attention(f, window=f.extent("sliding_window") or None)
    return network(f, uniform(f, mixer, mlp(f, gated=True)))


@reads("mistral4", "Mistral4", also=SHARED_NAMES, no_effect=HARMLESS)
def mistral4(f: Fields) -> Network:
    """Mistral 4: DeepSeek-V2's layers."""
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"))
    return network(f, layered(f, latent(f), sparse_layers(f), moe))
