"""The parts of mixtures of experts: experts by the fields that most classes share, and which layers have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lehr.recipes.errors import nearest
from lehr.recipes.importing.hugging_face.parts import activation, mlp
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.simulators.architecture import Block, Placement
from lehr.simulators.layers import Attention, Mixer, MoE, RMSNorm

LOCAL = {"num_experts": "num_local_experts"}


def experts(f: Fields, *, width: str = "moe_intermediate_size", count: str = "num_experts", **more: Any) -> MoE:
    """Gated experts by the fields that most classes share."""
    n_experts, top_k = f.size(count), f.size("num_experts_per_tok")
    if top_k > n_experts:
        f.wrong("num_experts_per_tok", f"{top_k} of {n_experts} experts; write {n_experts} or less")
    return MoE(
        n_experts=n_experts, top_k=top_k, d_ff_expert=f.size(width), activation=activation(f), gated=True, **more
    )


def routed(f: Fields, **more: Any) -> MoE:
    """DeepSeek-V3's mixture: shared experts as wide as routed ones, a correction of the router for each expert."""
    return experts(
        f,
        count="n_routed_experts",
        n_shared_experts=f.extent("n_shared_experts"),
        router_bias_buffer=True,
        **more,
    )


def layered(
    f: Fields,
    mixers: Mixer | Sequence[Mixer],
    sparse: Sequence[bool],
    moe: MoE,
    *,
    bias: bool = False,
    placement: Placement = "pre",
    width: str = "intermediate_size",
) -> list[Block]:
    """Layers with a mixture of experts where ``sparse`` says so, with a dense MLP elsewhere."""
    dense = mlp(f, gated=True, bias=bias, width=width) if not all(sparse) else None
    f.raw(width)
    each = list(mixers) if isinstance(mixers, Sequence) else [mixers] * len(sparse)
    return [
        Block(mixer=mixer, mlp=moe if routed else dense, norm=RMSNorm(), norm_placement=placement)
        for mixer, routed in zip(each, sparse, strict=True)
    ]


def after_dense(f: Fields, field: str = "first_k_dense_replace", otherwise: int = 0) -> list[bool]:
    """Which layers are sparse: as ``mlp_layer_types`` lists them, or all after the first so many."""
    n, first = f.layers(), f.maybe_size(field, least=0)
    first = otherwise if first is None else first
    listed = f.maybe_list("mlp_layer_types", n)
    if listed is None:
        return [layer >= first for layer in range(n)]
    for value in listed:
        if value not in ("dense", "sparse"):
            f.wrong("mlp_layer_types", f"{shown(value)} is not known; {nearest(str(value), ('dense', 'sparse'))}")
    return [value == "sparse" for value in listed]


def sparse_layers(f: Fields) -> list[bool]:
    """Which layers are sparse: all after the first ``first_k_dense_replace``, or of those one in ``moe_layer_freq``."""
    sparse = after_dense(f)
    every = f.raw("moe_layer_freq")
    if isinstance(every, list):
        if len(every) != len(sparse):
            f.wrong("moe_layer_freq", f"has {len(every)} values for {len(sparse)} layers; write one for each layer")
        return [bool(value) for value in every]
    step = 1 if every is None else whole(every)
    if step is None or step < 1:
        f.wrong("moe_layer_freq", f"found {shown(every)}; write a whole number of 1 or more")
    return [routed and layer % step == 0 for layer, routed in enumerate(sparse)]


def stepped(f: Fields) -> list[bool]:
    """Qwen's rule: every ``decoder_sparse_step``-th layer is sparse, but for those that ``mlp_only_layers`` lists."""
    n, step, dense = f.layers(), f.size("decoder_sparse_step"), set(f.maybe_indices("mlp_only_layers") or [])
    return [layer not in dense and (layer + 1) % step == 0 for layer in range(n)]


def same_in_every_layer(f: Fields, field: str) -> None:
    """Take a list of equal values for the value. Raises ``LehrError`` where they differ."""
    value = f.raw(field)
    if isinstance(value, list):
        if len(value) != f.layers() or len({whole(v) for v in value}) != 1:
            f.wrong(field, "differs from layer to layer, which cannot be described yet")
        f.data = {**f.data, f.name(field): value[0]}


def with_sinks(mixer: Attention) -> Attention:
    """The same attention with a trained score for each head beside its keys."""
    import msgspec

    return msgspec.structs.replace(mixer, sinks=True)
