"""Sarvam AI: Ling's layers, and DeepSeek-V3's, under new names."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, latent
from lehr.recipes.importing.hugging_face.mixtures import layered, routed, sparse_layers
from lehr.recipes.importing.hugging_face.models.bailing import LING, bailing_moe
from lehr.recipes.importing.hugging_face.parts import Network, network
from lehr.recipes.importing.hugging_face.reading import Fields

reads("sarvam_moe", "SarvamMoE", no_effect=LING)(bailing_moe)

NAMES = {"n_routed_experts": "num_experts", "n_shared_experts": "num_shared_experts"}


@reads("sarvam_mla", "SarvamMLA", also=NAMES, no_effect=f"{HARMLESS} {LING} q_head_dim moe_router_enable_expert_bias")
def sarvam_mla(f: Fields) -> Network:
    """Sarvam 105B: DeepSeek-V3 without a rank for queries, and without a module for multi-token prediction."""
    return network(f, layered(f, latent(f), sparse_layers(f), routed(f)))
