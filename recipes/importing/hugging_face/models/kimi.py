"""Moonshot AI: Kimi."""

from __future__ import annotations

from typing import Literal

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, latent
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered, sparse_layers
from lehr.recipes.importing.hugging_face.models.deepseek import deepseek_v3
from lehr.recipes.importing.hugging_face.parts import TWO, Network, layer_types, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Block
from lehr.simulators.layers import AttentionResiduals, KimiDelta, Mixer, MoE, NoPosition

KIMI = {
    "max_position_embeddings": "model_max_length",
    "num_local_experts": "num_experts",
    "num_experts_per_tok": "num_experts_per_token",
    "n_shared_experts": "num_shared_experts",
    "num_mtp_layers": "num_nextn_predict_layers",
}


@reads(
    "kimi_linear",
    "KimiLinear",
    also=KIMI,
    no_effect=f"{HARMLESS} mla_use_nope use_grouped_topk rope_theta rope_scaling activation_situ_beta "
    "activation_situ_linear_beta gate_lower_bound",
    inside="kimi_k3",
)
def kimi_linear(f: Fields) -> Network:
    """Kimi Linear (arXiv:2510.26692): Kimi delta attention, latent attention without positions, experts. Kimi K3's text
    model is of this type too: gates as wide as the heads, experts on fewer features, attention over earlier blocks."""
    part = f.section("linear_attn_config")
    never_tied(f)
    n = f.layers()
    n_heads = part.maybe_size("num_heads") or f.size("linear_num_heads")
    d_head = part.maybe_size("head_dim") or f.size("linear_head_dim")
    kernel = part.maybe_size("short_conv_kernel_size") or f.size("linear_conv_kernel_dim")
    for field in ("linear_num_heads", "linear_head_dim", "linear_conv_kernel_dim"):
        f.raw(field)
    full = {layer - 1 for layer in part.maybe_indices("full_attn_layers") or []}
    part.raw("kda_layers")
    # with a bound the rates are of the channels of a key, not of the heads
    bounded = part.maybe_number("gate_lower_bound") is not None
    gated: Literal["feature"] | None = "feature" if f.flag("mla_use_output_gate") else None
    types = layer_types(f, lambda i: TWO[int(i in full if full else i > 0 and i % 4 == 0)], TWO)
    mixers: dict[str, Mixer] = {
        "linear_attention": KimiDelta(
            n_heads=n_heads,
            d_head=d_head,
            conv_kernel=kernel,
            decay_rank=d_head,
            gate_rank=None if part.flag("use_full_rank_gate") else d_head,
            n_rates=d_head if bounded else None,
        ),
        "full_attention": msgspec.structs.replace(latent(f), position=NoPosition(), output_gate=gated),
    }
    moe = kimi_experts(f)
    first = f.maybe_size("first_k_dense_replace", least=0)
    sparse = sparse_layers(f) if first is not None else after_dense(f, otherwise=1)
    f.raw("moe_layer_freq")
    if len(sparse) != n:
        f.wrong("mlp_layer_types", f"write one for each of {n} layers")
    return network(f, over_blocks(f, layered(f, [mixers[t] for t in types], sparse, moe)))


def over_blocks(f: Fields, blocks: list[Block]) -> list[Block]:
    """The layers with attention over earlier blocks of ``attn_res_block_size`` of them; the last leads to the head."""
    size = f.maybe_size("attn_res_block_size")
    if size is None:
        return blocks
    n_sources = -(-len(blocks) // size) + 1
    kinds = [AttentionResiduals(n_sources=n_sources, holds_head=last) for last in (False, True)]
    return [
        msgspec.structs.replace(block, branches=(kinds[int(place == len(blocks) - 1)],))
        for place, block in enumerate(blocks)
    ]


def never_tied(f: Fields) -> None:
    """The class has no tie: a file that asks for one gets a head of its own all the same."""
    if f.flag("tie_word_embeddings"):
        f.note("tie_word_embeddings: true has no effect in this class, whose head has its own weights")
    f.data = {**f.data, "tie_word_embeddings": False}


def kimi_experts(f: Fields) -> MoE:
    """Its experts, by its own names of the fields."""
    return experts(
        f,
        n_shared_experts=f.extent("n_shared_experts"),
        router_bias_buffer=True,
        d_latent=f.maybe_size("routed_expert_hidden_size"),
        latent_norm=f.flag("latent_moe_use_norm"),
    )


reads("kimi_k2", "DeepseekV3", "KimiK2", also=SHARED_NAMES, no_effect=HARMLESS)(deepseek_v3)
