"""Gemma 3n and 4, Kimi Linear, MiMo-V2, LongCat-Flash and others whose layers differ within one network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.corrected import routed
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, latent, sparse_layers
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    activation,
    attention,
    heads,
    layer_types,
    network,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.rope import no_rope, rope, with_base
from lehr.simulators.architecture import Block
from lehr.simulators.layers import (
    MLP,
    AltUp,
    Branch,
    KimiDelta,
    LayerNorm,
    LowRankResidual,
    Mixer,
    MoE,
    NoPosition,
    Norm,
    PerLayerInput,
    RMSNorm,
)

TWO = ("linear_attention", "full_attention")


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


@reads("gemma3n_text", "Gemma3n", "Gemma3nText", no_effect="altup_active_idx altup_coef_clip altup_correct_scale")
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


def by_layer(f: Fields, field: str, n: int) -> list[int]:
    """A size for each of ``n`` layers: one for all, or a list."""
    value = f.raw(field)
    if not isinstance(value, list):
        return [f.size(field)] * n
    sizes = [size for v in value if (size := whole(v)) is not None and 1 <= size <= 10**12]
    if len(sizes) != n or len(value) != n:
        f.wrong(field, f"found {shown(value)}; write a whole number, or one for each of {n} layers")
    return sizes


@reads("gemma4_text", "Gemma4", "Gemma4Text")
@reads("gemma4_unified_text", "Gemma4Unified", "Gemma4UnifiedText")
def gemma4(f: Fields) -> Network:
    """Gemma 4: five windowed layers to one with larger heads that sees all; experts beside the MLP in some sizes."""
    n, bias, each = f.layers(), f.flag("attention_bias"), windows(f)
    types = layer_types(f, lambda layer: TYPES[int((layer + 1) % 6 != 0)], TYPES)
    types[-1] = "full_attention"
    same, overrides = f.flag("attention_k_eq_v"), layer_overrides(f, types)
    act, d_ff, double = activation(f, "hidden_activation"), f.size("intermediate_size"), f.flag("use_double_wide_mlp")
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
    no_effect=f"{HARMLESS} mla_use_nope use_grouped_topk rope_theta rope_scaling",
)
def kimi_linear(f: Fields) -> Network:
    """Kimi Linear (arXiv:2510.26692): Kimi delta attention, latent attention without positions, experts."""
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
    types = layer_types(f, lambda i: TWO[int(i in full if full else i > 0 and i % 4 == 0)], TWO)
    mixers: dict[str, Mixer] = {
        "linear_attention": KimiDelta(
            n_heads=n_heads, d_head=d_head, conv_kernel=kernel, decay_rank=d_head, gate_rank=d_head
        ),
        "full_attention": msgspec.structs.replace(latent(f), position=NoPosition()),
    }
    moe = kimi_experts(f)
    first = f.maybe_size("first_k_dense_replace", least=0)
    sparse = sparse_layers(f) if first is not None else after_dense(f, otherwise=1)
    f.raw("moe_layer_freq")
    if len(sparse) != n:
        f.wrong("mlp_layer_types", f"write one for each of {n} layers")
    return network(f, layered(f, [mixers[t] for t in types], sparse, moe))


def never_tied(f: Fields) -> None:
    """The class has no tie: a file that asks for one gets a head of its own all the same."""
    if f.flag("tie_word_embeddings"):
        f.note("tie_word_embeddings: true has no effect in this class, whose head has its own weights")
    f.data = {**f.data, "tie_word_embeddings": False}


def kimi_experts(f: Fields) -> MoE:
    """Its experts, by its own names of the fields."""
    return experts(f, n_shared_experts=f.extent("n_shared_experts"), router_bias_buffer=True)


@reads(
    "bailing_hybrid",
    "BailingHybrid",
    also=KIMI,
    no_effect=f"{HARMLESS} kda_safe_gate kda_lower_bound",
)
def bailing_hybrid(f: Fields) -> Network:
    """Ling 3: Kimi delta attention with one matrix each for decay and gate, latent attention gated by head."""
    never_tied(f)
    every, n_heads = f.size("layer_group_size"), f.size("num_attention_heads")
    types = layer_types(f, lambda i: TWO[int((i + 1) % every == 0)], TWO)
    d_head, kernel = f.maybe_size("linear_head_dim"), f.maybe_size("linear_conv_kernel_dim")
    f.raw("linear_num_heads")
    delta = KimiDelta(
        n_heads=n_heads, d_head=d_head or f.size("head_dim"), conv_kernel=kernel or f.size("short_conv_kernel_size")
    )
    for field in ("head_dim", "short_conv_kernel_size"):
        f.raw(field)
    mixers: dict[str, Mixer] = {
        "linear_attention": delta,
        "full_attention": msgspec.structs.replace(latent(f), output_gate="head"),
    }
    return network(f, layered(f, [mixers[t] for t in types], after_dense(f), kimi_experts(f)))


@reads(
    "mimo_v2_flash",
    "MiMoV2Flash",
    also={"num_local_experts": "n_routed_experts"},
    no_effect="hybrid_block_size attention_value_scale attention_chunk_size",
)
def mimo_v2(f: Fields) -> Network:
    """MiMo-V2-Flash: windowed layers with sinks and twice the key-value heads, values narrower than keys."""
    n = f.layers()
    marks = f.maybe_list("hybrid_layer_pattern", n)
    types = layer_types(f, lambda i: TYPES[int(bool(marks[i]) if marks else i > 0 and (i + 1) % 6 != 0)], TYPES)
    freq = f.raw("moe_layer_freq")
    sparse = sparse_layers(f) if isinstance(freq, list) else after_dense(f, otherwise=1)
    size, bias = f.maybe_size("sliding_window_size"), f.flag("attention_bias")
    window = (f.extent("sliding_window") or None) if size is None else size + 1
    f.raw("sliding_window")
    mixers = {}
    for kind in TYPES:
        local = kind == "sliding_attention"
        position = rope(f, kind)
        if local and not f.given("rope_parameters"):
            position = with_base(position, f.maybe_number("swa_rope_theta"))
        plain = attention(f, position=position, qkv_bias=bias, window=window if local else None)
        own = {"d_value": f.size("v_head_dim"), "sinks": local}
        if local:
            own |= {
                "n_heads": f.maybe_size("swa_num_attention_heads") or plain.n_heads,
                "n_kv_heads": f.maybe_size("swa_num_key_value_heads") or 2 * plain.n_kv_heads,
                "d_head": f.maybe_size("swa_head_dim") or plain.d_head,
            }
            own["d_value"] = f.maybe_size("swa_v_head_dim") or own["d_value"]
        mixers[kind] = msgspec.structs.replace(plain, **own)
    f.fixed("add_full_attention_sink_bias", False)
    f.fixed("add_swa_attention_sink_bias", True)
    moe = experts(f, count="n_routed_experts", n_shared_experts=f.extent("n_shared_experts"), router_bias_buffer=True)
    return network(f, layered(f, [mixers[t] for t in types], sparse, moe))


@reads("laguna", "Laguna", no_effect="moe_apply_router_weight_on_input")
def laguna(f: Fields) -> Network:
    """Laguna: attention gated by head, as many heads as each layer says, a shared expert of a width of its own."""
    n, each, bias = f.layers(), windows(f), f.flag("attention_bias")
    types = layer_types(f, lambda i: "full_attention", TYPES)
    gate: Any = "head" if f.raw("gating") in (True, "per-head", None) else True
    listed = f.raw("num_attention_heads_per_layer") is not None
    n_heads = by_layer(f, "num_attention_heads_per_layer" if listed else "num_attention_heads", n)
    f.raw("num_attention_heads")
    _, n_kv_heads = heads(f)
    mixers = []
    for kind, count in zip(types, n_heads, strict=True):
        plain = attention(
            f,
            position=rope(f, kind),
            qk_norm="head",
            window=each[kind],
            output_gate=gate,
            gate_bias=False,
            qkv_bias=bias,
            out_bias=bias,
        )
        if count % n_kv_heads:
            f.wrong("num_attention_heads_per_layer", f"{n_kv_heads} key-value heads do not divide {count}")
        mixers.append(msgspec.structs.replace(plain, n_heads=count))
    moe = experts(f, shared_d_ff=f.extent("shared_expert_intermediate_size"), router_bias_buffer=True)
    return network(f, layered(f, mixers, after_dense(f, otherwise=1), moe))


@reads(
    "cohere2_moe",
    "Cohere2Moe",
    no_effect="shared_expert_combination_strategy expert_selection_fn",
)
def cohere2_moe(f: Fields) -> Network:
    """Command A with experts: both sublayers behind one norm, windowed layers rotated."""
    bias, first = f.flag("attention_bias"), f.extent("first_k_dense_replace")
    prefix, rest = f.size("prefix_dense_sliding_window_pattern"), f.size("sliding_window_pattern")

    def rule(layer: int) -> str:
        every, place = (prefix, layer) if layer < first else (rest, layer - first)
        return TYPES[int((place + 1) % every != 0)]

    types, each, sparse = layer_types(f, rule, TYPES), windows(f), after_dense(f)
    norm: Norm = LayerNorm(bias=False) if f.raw("rms_norm_eps") is None else RMSNorm()
    mixers: list[Mixer] = []
    for kind, moe_layer in zip(types, sparse, strict=True):
        rotated = kind == "sliding_attention" or (not moe_layer and prefix == 1)
        position = rope(f) if rotated else no_rope(f)
        mixers.append(attention(f, position=position, qkv_bias=bias, out_bias=bias, window=each[kind]))
    moe = experts(f, width="intermediate_size", n_shared_experts=f.extent("num_shared_experts"))
    dense = MLP(
        d_ff=f.maybe_size("prefix_dense_intermediate_size") or moe.d_ff_expert, activation=moe.activation, gated=True
    )
    blocks = [
        Block(mixer=mixer, mlp=moe if moe_layer else dense, norm=norm, norm_placement="parallel")
        for mixer, moe_layer in zip(mixers, sparse, strict=True)
    ]
    return network(f, blocks, norm=norm)


@reads("axk1", "AXK1", also=SHARED_NAMES, no_effect=HARMLESS)
def axk1(f: Fields) -> Network:
    """A.X K1: DeepSeek-V3's layers with a norm of what the experts return."""
    first = f.maybe_size("first_k_dense_replace", least=0)
    sparse = sparse_layers(f) if first is not None else after_dense(f, otherwise=1)
    f.raw("moe_layer_freq")
    moe = routed(f, output_norm=True)
    return network(f, layered(f, latent(f), sparse, moe), mtp=0)


@reads(
    "longcat_flash",
    "LongcatFlash",
    named={"num_hidden_layers": "num_layers"},
    also={"num_experts_per_tok": "moe_topk"},
    no_effect=f"{HARMLESS} num_hidden_layers zero_expert_type mla_scale_q_lora mla_scale_kv_lora attention_method",
)
def longcat_flash(f: Fields) -> Network:
    """LongCat-Flash (arXiv:2509.01322): a layer is two of attention and MLP, with experts beside the first MLP."""
    f.fixed("zero_expert_type", "identity")
    n_experts, top_k = f.size("n_routed_experts"), f.size("num_experts_per_tok")
    zero, act = f.extent("zero_expert_num"), activation(f)
    if top_k > n_experts:
        f.wrong("moe_topk", f"{top_k} of {n_experts} experts; write {n_experts} or less")
    dense = MLP(d_ff=f.size("ffn_hidden_size"), activation=act, gated=True)
    moe = MoE(
        n_experts=n_experts,
        top_k=top_k,
        d_ff_expert=f.size("expert_ffn_hidden_size"),
        shared_d_ff=dense.d_ff,
        activation=act,
        gated=True,
        router_bias=f.flag("router_bias"),
        router_bias_buffer=True,
        n_zero_experts=zero,
    )
    if zero:
        f.note(f"{zero} experts that do nothing are among those chosen: fewer parameters are active than with {top_k}")
    f.note("each layer of the file is two: experts beside the first MLP, the second MLP alone")
    mixer = latent(f)
    both = [Block(mixer=mixer, mlp=channel, norm=RMSNorm()) for channel in (moe, dense)]
    return network(f, both * f.layers())
