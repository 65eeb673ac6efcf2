"""Google: Gemma. Gains around one, norms before and after each sublayer, local and global layers; RecurrentGemma."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    activation,
    attention,
    layer_types,
    mlp,
    network,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.rope import rope, with_base
from lehr.recipes.importing.hugging_face.sliding import by_layer
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, RGLRU, AltUp, Branch, LowRankResidual, Mixer, MoE, PerLayerInput, RMSNorm, Rope

GAIN = RMSNorm(zero_centred=True)
"""Gemma's norm multiplies by one plus its gain."""


@reads("gemma", "Gemma", no_effect="num_image_tokens", inside="colpali paligemma")
def gemma(f: Fields) -> Network:
    """Gemma (arXiv:2403.08295); of its two fields for the activation the newer one counts."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    act = "hidden_activation" if f.given("hidden_activation") else "hidden_act"
    for field in ("hidden_activation", "hidden_act"):
        f.raw(field)
    return sided(f, network(f, uniform(f, mixer, mlp(f, gated=True, act=act), GAIN), norm=GAIN))


@reads("gemma2", "Gemma2", no_effect="cache_implementation sliding_window_size")
def gemma2(f: Fields) -> Network:
    """Gemma 2 (arXiv:2408.00118): every other layer is windowed."""
    return alternating(f, lambda layer: TYPES[int((layer + 1) % 2 != 0)])


@reads("vaultgemma", "VaultGemma")
def vaultgemma(f: Fields) -> Network:
    """VaultGemma (arXiv:2510.15001): Gemma 2 with norms before sublayers only."""
    return alternating(f, lambda layer: TYPES[int((layer + 1) % 2 != 0)], placement="pre")


@reads("gemma3_text", "Gemma3", "Gemma3Text", no_effect="cache_implementation", inside="gemma3 shieldgemma2")
def gemma3(f: Fields) -> Network:
    """Gemma 3 (arXiv:2503.19786): five windowed layers to one that sees all, each sort with a rotary base of its own;
    an RMSNorm over each head."""
    every = f.maybe_size("sliding_window_pattern") or f.maybe_size("_sliding_window_pattern") or 6
    local = f.maybe_number("rope_local_base_freq")
    return alternating(f, lambda layer: TYPES[int((layer + 1) % every != 0)], local_base=local, qk_norm="head")


def alternating(
    f: Fields,
    otherwise: Callable[[int], str],
    *,
    placement: Literal["pre", "sandwich"] = "sandwich",
    local_base: float | None = None,
    **kinds: Any,
) -> Network:
    """Layers of two sorts, by ``layer_types`` or by the class's rule."""
    bias, types, each = f.flag("attention_bias"), layer_types(f, otherwise, TYPES), windows(f)
    positions = {t: rope(f, t) for t in TYPES}
    if local_base is not None:
        # an older file has one base for windowed layers, which are never stretched, and rope_theta for the others
        positions["sliding_attention"] = Rope(base=local_base)
    mixers = {
        t: attention(f, position=positions[t], qkv_bias=bias, out_bias=bias, window=each[t], **kinds)
        for t in set(types)
    }
    channel = MLP(d_ff=f.size("intermediate_size"), activation=activation(f, "hidden_activation"), gated=True)
    blocks = [Block(mixer=mixers[t], mlp=channel, norm=GAIN, norm_placement=placement) for t in types]
    return sided(f, network(f, blocks, norm=GAIN))


def sided(f: Fields, found: Network) -> Network:
    """The network as it stands; ``use_bidirectional_attention`` lets every token see both sides (EmbeddingGemma)."""
    import msgspec

    both = f.raw("use_bidirectional_attention")
    return msgspec.structs.replace(found, causal=False) if both in (True, "all") else found


def readers_of_keys(f: Fields, n: int) -> list[bool]:
    """Which layers take keys and values of an earlier one: the last ``num_kv_shared_layers``."""
    last = f.extent("num_kv_shared_layers")
    if last >= n:
        f.wrong("num_kv_shared_layers", f"{last} of {n} layers; write {n - 1} or less")
    return [layer >= n - last for layer in range(n)]


def inputs(f: Fields, n: int) -> list[tuple[Branch, ...]]:
    """A second input for each layer; the first holds the norm that all share."""
    width, rows = f.extent("hidden_size_per_layer_input"), f.extent("vocab_size_per_layer_input")
    if not width:
        return [()] * n
    return [(PerLayerInput(vocab_size=rows, d_embedding=width, holds_norm=layer == 0),) for layer in range(n)]


@reads(
    "gemma3n_text",
    "Gemma3n",
    "Gemma3nText",
    no_effect="altup_active_idx altup_coef_clip altup_correct_scale",
    inside="gemma3n",
)
def gemma3n(f: Fields) -> Network:
    """Gemma 3n: streams, low-rank residuals, an input for each layer; the last layers read earlier keys and values."""
    n, bias, each = f.layers(), f.flag("attention_bias"), windows(f)
    f.maybe_list("activation_sparsity_pattern", n)
    types = layer_types(f, lambda layer: TYPES[int((layer + 1) % 5 != 0)], TYPES)
    local = f.maybe_number("rope_local_base_freq")
    positions = {"full_attention": rope(f, "full_attention"), "sliding_attention": rope(f, "sliding_attention")}
    positions["sliding_attention"] = with_base(positions["sliding_attention"], local)
    act, widths = activation(f, "hidden_activation"), by_layer(f, "intermediate_size", n)
    streams, rank, per_layer = f.size("altup_num_inputs"), f.size("laurel_rank"), inputs(f, n)
    blocks = []
    for layer, (kind, reader) in enumerate(zip(types, readers_of_keys(f, n), strict=True)):
        mixer = attention(f, position=positions[kind], qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[kind])
        mixer = msgspec.structs.replace(mixer, keys="earlier_layer" if reader else "own")
        beside = (AltUp(n_streams=streams, holds_projections=layer == 0), LowRankResidual(rank=rank))
        channel = MLP(d_ff=widths[layer], activation=act, gated=True)
        blocks.append(
            Block(
                mixer=mixer,
                mlp=channel,
                norm=RMSNorm(),
                norm_placement="sandwich",
                branches=(*per_layer[layer], *beside),
            )
        )
    return network(f, blocks)


@reads("gemma4_text", "Gemma4", "Gemma4Text", inside="gemma4")
@reads("gemma4_unified_text", "Gemma4Unified", "Gemma4UnifiedText", inside="gemma4_unified")
def gemma4(f: Fields) -> Network:
    """Gemma 4: five windowed layers to one with larger heads that sees all; experts beside the MLP in some sizes."""
    n, bias, each = f.layers(), f.flag("attention_bias"), windows(f)
    types = layer_types(f, lambda layer: TYPES[int((layer + 1) % 6 != 0)], TYPES)
    types[-1] = "full_attention"
    same, overrides = f.flag("attention_k_eq_v"), layer_overrides(f, types)
    act, d_ff, double = activation(f, "hidden_activation"), f.size("intermediate_size"), f.flag("use_double_wide_mlp")
    if f.model_type == "gemma4_unified_text":
        # the class has no experts, whatever its file says
        f.fixed("enable_moe_block", False)
    sparse, per_layer = f.flag("enable_moe_block"), inputs(f, n)
    moe = gemma4_experts(f, d_ff) if sparse else None
    for field in ("num_experts", "top_k_experts", "moe_intermediate_size"):
        f.raw(field)
    f.fixed("expert_intermediate_size", None)
    blocks = []
    for layer, (kind, reader) in enumerate(zip(types, readers_of_keys(f, n), strict=True)):
        mixer = attention(f, position=rope(f, kind), qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[kind])
        mixer = msgspec.structs.replace(
            mixer,
            keys="earlier_layer" if reader else "own",
            values="keys" if same and kind == "full_attention" and not reader else "own",
            **overrides.get(layer, {}),
        )
        wide = MLP(d_ff=2 * d_ff if double and reader else d_ff, activation=act, gated=True)
        blocks.append(
            Block(
                mixer=mixer,
                mlp=wide if moe is None else msgspec.structs.replace(moe, shared_d_ff=wide.d_ff),
                norm=RMSNorm(),
                norm_placement="sandwich",
                branches=per_layer[layer],
            )
        )
    return msgspec.structs.replace(network(f, blocks), causal=f.raw("use_bidirectional_attention") != "all")


def gemma4_experts(f: Fields, shared: int) -> MoE:
    """Its experts beside the MLP, each with norms of its own."""
    n_experts, top_k = f.size("num_experts"), f.size("top_k_experts")
    if top_k > n_experts:
        f.wrong("top_k_experts", f"{top_k} of {n_experts} experts; write {n_experts} or less")
    return MoE(
        n_experts=n_experts,
        top_k=top_k,
        d_ff_expert=f.size("moe_intermediate_size"),
        shared_d_ff=shared,
        activation=activation(f, "hidden_activation"),
        gated=True,
        router_scales=True,
        branch_norms=True,
    )


OVERRIDES = {"head_dim": "d_head", "num_key_value_heads": "n_kv_heads"}
"""What a layer of Gemma 4 may have of its own, and our name of it."""


def layer_overrides(f: Fields, types: Sequence[str]) -> dict[int, dict[str, int]]:
    """What single layers have of their own: as ``per_layer_config`` says, or larger heads where all is seen."""
    stated = f.maybe_mapping("per_layer_config")
    size, groups = f.maybe_size("global_head_dim") or 512, f.maybe_size("num_global_key_value_heads")
    if stated is None:
        own = {"d_head": size}
        if groups is not None and f.flag("attention_k_eq_v"):
            own["n_kv_heads"] = groups
        return {layer: own for layer, kind in enumerate(types) if kind == "full_attention"}
    found: dict[int, dict[str, int]] = {}
    for layer, fields in stated.items():
        sizes = {OVERRIDES.get(k): whole(v) for k, v in fields.items()} if isinstance(fields, dict) else {None: None}
        if not str(layer).isdigit() or None in sizes or not all(v is not None and v > 0 for v in sizes.values()):
            f.wrong("per_layer_config", f"{shown({layer: fields})} is not understood; write head_dim of a layer")
        found[int(layer)] = {k: v for k, v in sizes.items() if k is not None and v is not None}
    return found


@reads(
    "recurrent_gemma",
    "RecurrentGemma",
    no_effect="w_init_variance_scale final_w_init_variance_scale layer_types",
)
def recurrent_gemma(f: Fields) -> Network:
    """RecurrentGemma (arXiv:2404.07839): two recurrent blocks to one of windowed attention."""
    n, bias = f.layers(), f.flag("attention_bias")
    pattern = f.maybe_list("block_types") or ["recurrent", "recurrent", "attention"]
    for kind in pattern:
        if kind not in ("recurrent", "attention"):
            f.wrong("block_types", f"{shown(kind)} is not known; write recurrent or attention")
    plain = attention(f, qkv_bias=bias, out_bias=True, window=f.size("attention_window_size"))
    width = f.maybe_size("lru_width") or f.size("hidden_size")
    mixers: dict[str, Mixer] = {
        "attention": plain,
        "recurrent": RGLRU(width=width, n_blocks=plain.n_heads, conv_kernel=f.size("conv1d_width")),
    }
    both = f.size("intermediate_size")
    act = activation(f, "hidden_activation")
    channel = MLP(d_ff=max(1, both // 2), activation=act, gated=True, bias=True)
    norm = RMSNorm(zero_centred=True)
    blocks = [Block(mixer=mixers[pattern[i % len(pattern)]], mlp=channel, norm=norm) for i in range(n)]
    return network(f, blocks, norm=norm, context=None)
