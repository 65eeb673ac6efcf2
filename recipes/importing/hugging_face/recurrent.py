"""The parts of recurrent layers: Mamba-2, DeltaNet, and those of flash-linear-attention."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.parts import mlp
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, GatedDeltaNet, Mamba2


def step_rank(f: Fields, field: str, width: int) -> int:
    """The rank of the step's projection; ``auto`` is a sixteenth of the width."""
    if f.raw(field) in (None, "auto"):
        return -(-width // 16)
    return f.size(field)


def heads_of_mamba2(
    f: Fields,
    *,
    n_heads: str,
    d_head: str,
    d_state: str,
    n_groups: str,
    conv_kernel: str,
    conv_bias: str,
    bias: str,
    expand: str | None,
) -> Mamba2:
    """A Mamba-2 mixer by the names of its fields; with ``expand`` its heads together are so many times the width."""
    heads = f.size(n_heads)
    width = None if expand is None else f.size(expand) * f.size("hidden_size")
    if width is not None and f.raw(d_head) in (None, "auto"):
        if width % heads:
            f.wrong(n_heads, f"{heads} heads do not divide the {width} features inside")
        size = width // heads
    else:
        size = f.size(d_head)
    if width is not None and size * heads != width:
        f.wrong(d_head, f"{heads} heads of {size} features are not the {width} features inside")
    groups = f.size(n_groups)
    if heads % groups:
        f.wrong(n_groups, f"{groups} groups do not divide the {heads} heads")
    return Mamba2(
        n_heads=heads,
        d_head=size,
        d_state=f.size(d_state),
        n_groups=groups,
        conv_kernel=f.size(conv_kernel),
        conv_bias=f.flag(conv_bias),
        bias=f.flag(bias),
    )


def prefixed_mamba2(f: Fields) -> Mamba2:
    """A Mamba-2 mixer by fields that begin with ``mamba_``."""
    return heads_of_mamba2(
        f,
        n_heads="mamba_n_heads",
        d_head="mamba_d_head",
        d_state="mamba_d_state",
        n_groups="mamba_n_groups",
        conv_kernel="mamba_d_conv",
        conv_bias="mamba_conv_bias",
        bias="mamba_proj_bias",
        expand="mamba_expand",
    )


def delta_net(f: Fields) -> GatedDeltaNet:
    """Gated DeltaNet by fields that begin with ``linear_``."""
    n_k, n_v = f.size("linear_num_key_heads"), f.size("linear_num_value_heads")
    if n_v % n_k:
        f.wrong("linear_num_value_heads", f"{n_v} is not a multiple of the {n_k} of linear_num_key_heads")
    return GatedDeltaNet(
        n_k_heads=n_k,
        n_v_heads=n_v,
        d_key=f.size("linear_key_head_dim"),
        d_value=f.size("linear_value_head_dim"),
        conv_kernel=f.size("linear_conv_kernel_dim"),
    )


FLA = (
    "attn fuse_norm hidden_ratio norm_first head_first elementwise_affine expand_k expand_v feature_map "
    "num_kv_heads clamp_min logit_to_keep value_dim qk_norm qk_activation"
)


def fla_channel(f: Fields) -> MLP:
    """The gated MLP of flash-linear-attention: by default as large as a plain one ``hidden_ratio`` times as wide."""
    if f.given("intermediate_size"):
        return mlp(f, gated=True)
    f.raw("intermediate_size")
    ratio = f.maybe_size("hidden_ratio") or 4
    wanted = int(f.size("hidden_size") * ratio * 2 / 3)
    one_of = mlp(f, gated=True, width="hidden_size")
    return MLP(d_ff=256 * ((wanted + 255) // 256), activation=one_of.activation, gated=True)


def expanded(f: Fields, field: str, width: int, n_heads: int) -> int:
    """How wide a head is where all are ``field`` times the width."""
    ratio = f.maybe_number(field)
    whole = width * (1.0 if ratio is None else ratio)
    if whole < n_heads or whole % n_heads:
        f.wrong(field, f"{n_heads} heads do not divide {whole:g} features")
    return int(whole) // n_heads
