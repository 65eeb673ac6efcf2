"""StepFun: Step 3.5 and 3.7."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, mlp, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import Attention, RMSNorm, Rope

GAIN = RMSNorm(zero_centred=True)
"""Step's norm multiplies by one plus its gain."""


@reads(
    "step3p5",
    "Step3p5",
    "Step3p7Text",
    "Step3p7",
    also={
        "num_key_value_heads": "num_attention_groups",
        "num_experts_per_tok": "moe_top_k",
        "n_routed_experts": "moe_num_experts",
        "share_expert_dim": "share_expert_dims",
    },
    no_effect="per_layer_config gating swiglu_limits swiglu_limits_shared mtp_layer_types mtp_mlp_layer_types "
    "yarn_only_types moe_router_scaling_factor moe_router_activation use_moe_router_bias need_fp32_gate use_moe "
    "norm_expert_weight use_rope_layers zero_centered att_impl_type sink num_local_experts image_token_id "
    "n_shared_experts",
    inside="step3p7",
)
def step3p5(f: Fields) -> Network:
    """Step 3.5: heads gated one by one, more of them in windowed layers, a shared expert beside the routed ones."""
    n, bias, each = f.layers(), f.flag("attention_bias"), windows(f)
    types = padded(f, "layer_types") or [TYPES[0]] * n
    for kind in types:
        if kind not in TYPES:
            f.wrong("layer_types", f"{shown(kind)} is not known; write {' or '.join(TYPES)}")
    f.fixed("use_head_wise_attn_gate", True)
    f.fixed("use_qk_norm", True)
    positions = rotations(f, types)
    mixers = {
        kind: attention(
            f, position=positions[kind], qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[kind],
            output_gate="head", gate_bias=False,
        )
        for kind in TYPES
    }  # fmt: skip
    mixers["sliding_attention"] = wider(f, mixers["sliding_attention"])
    moe = experts(f, count="n_routed_experts", shared_d_ff=f.extent("share_expert_dim"), router_bias_buffer=True)
    dense = mlp(f, gated=True, bias=f.flag("mlp_bias"))
    blocks = [
        Block(mixer=mixers[kind], mlp=moe if sparse else dense, norm=GAIN)
        for kind, sparse in zip(types, sparse_of(f, n), strict=True)
    ]
    # each module has a layer of the type that stands behind the others, with a dense MLP, and stores a head of its own
    # (total of stepfun-ai/Step-3.5-Flash on the hub: 199,384,301,376)
    modules = f.extent("num_nextn_predict_layers")
    behind = (f.maybe_list("layer_types") or [])[n:] or ["sliding_attention"]
    if modules and (set(behind) - {*TYPES} or len(set(behind)) > 1):
        f.wrong("layer_types", f"found {shown(behind)} for the modules behind; only one type can be described")
    if modules:
        f.note(f"each of the {modules} modules for multi-token prediction stores a head of its own besides")
    beside = Block(mixer=mixers[behind[0]], mlp=dense, norm=GAIN) if modules else None
    return msgspec.structs.replace(network(f, blocks, norm=GAIN, mtp=modules), mtp_block=beside)


def padded(f: Fields, field: str) -> list[Any] | None:
    """A list with a value for each layer; files of the hub have those of the modules behind, which are cut off."""
    n, listed = f.layers(), f.maybe_list(field)
    modules = whole(f.data.get("num_nextn_predict_layers")) or 0
    if listed is not None and len(listed) not in (n, n + modules):
        f.wrong(field, f"has {len(listed)} values for {n} layers and {modules} modules; write one for each")
    return None if listed is None else listed[:n]


def rotations(f: Fields, types: list[str]) -> dict[str, Rope]:
    """The rotary position of each type of layer: as its parameters say, or the older lists by layer."""
    if f.given("rope_parameters"):
        return {kind: rope(f, kind) for kind in TYPES}
    bases = padded(f, "rope_theta") if isinstance(f.raw("rope_theta"), list) else None
    shares = padded(f, "partial_rotary_factors")
    found = {}
    for kind in TYPES:
        own: dict[str, Any] = {} if kind == TYPES[0] else {"rope_scaling": None}
        for name, values in (("rope_theta", bases), ("partial_rotary_factor", shares)):
            if values is not None:
                own[name] = values[types.index(kind)] if kind in types else 1.0
        part = Fields(f.model_type, {**f.data, **own}, f.defaults, where=f.where)
        found[kind] = rope(part)
    for field in ("rope_theta", "rope_scaling", "partial_rotary_factor", "rope_parameters"):
        f.raw(field)
    return found


def wider(f: Fields, plain: Attention) -> Attention:
    """A windowed layer's attention: ``num_sliding_attention_heads``, or what ``attention_other_setting`` says."""
    other = f.maybe_mapping("attention_other_setting") or {}
    heads = f.maybe_size("num_sliding_attention_heads") or whole(other.get("num_attention_heads")) or plain.n_heads
    shared = whole(other.get("num_attention_groups")) or plain.n_kv_heads
    if heads < 1 or shared < 1:
        f.wrong("attention_other_setting", f"found {shown(other)}; write numbers of heads above 0")
    return msgspec.structs.replace(
        plain, n_heads=heads, n_kv_heads=shared, d_head=whole(other.get("head_dim")) or plain.d_head
    )


def sparse_of(f: Fields, n: int) -> list[bool]:
    """Which layers have experts: as listed, or those that ``moe_layers_enum`` numbers, or all after the third."""
    listed, numbered = padded(f, "mlp_layer_types"), f.raw("moe_layers_enum")
    first = f.maybe_size("first_k_dense_replace", least=0)
    if listed is not None:
        return [value == "sparse" for value in listed]
    if numbered is None:
        return [layer >= (3 if first is None else first) for layer in range(n)]
    items = numbered.split(",") if isinstance(numbered, str) else numbered
    try:
        layers = {int(item) for item in items}
    except (TypeError, ValueError):
        f.wrong("moe_layers_enum", f"found {shown(numbered)}; write the numbers of layers")
    if first is not None and first != min([*layers, n]):
        f.wrong(
            "first_k_dense_replace", f"{first}, but moe_layers_enum begins with {min([*layers, n])}; keep one of both"
        )
    return [layer in layers for layer in range(n)]
