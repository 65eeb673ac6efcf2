"""Networks without attention: Mamba and RWKV."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Block
from lehr.simulators.layers import LayerNorm, Mamba, Mamba2, RMSNorm, RWKV4TimeMix, RWKVChannelMix

HUB = "d_inner d_model n_layer ssm_cfg fused_add_norm pad_vocab_size_multiple rms_norm"
"""What converted checkpoints carry along of the authors' own configuration."""


@reads("mamba", "Mamba", no_effect=HUB)
@reads("falcon_mamba", "FalconMamba", no_effect=HUB)
def mamba(f: Fields) -> Network:
    """Mamba (arXiv:2312.00752): blocks of a mixer only. Falcon-Mamba's norms inside have no weights."""
    width = f.size("hidden_size")
    d_inner = f.size("expand") * width
    stated = f.maybe_size("intermediate_size")
    if stated is not None and stated != d_inner:
        f.wrong("intermediate_size", f"{stated} is not expand times hidden_size, {d_inner}; keep one of the two")
    block = Block(
        mixer=Mamba(
            d_inner=d_inner,
            d_state=f.size("state_size"),
            conv_kernel=f.size("conv_kernel"),
            dt_rank=step_rank(f, "time_step_rank", width),
            conv_bias=f.flag("use_conv_bias"),
            bias=f.flag("use_bias"),
        ),
        norm=RMSNorm(),
    )
    f.fixed("hidden_act", "silu")
    return network(f, [block] * f.layers(), context=None)


def step_rank(f: Fields, field: str, width: int) -> int:
    """The rank of the step's projection; ``auto`` is a sixteenth of the width."""
    if f.raw(field) in (None, "auto"):
        return -(-width // 16)
    return f.size(field)


@reads("mamba2", "Mamba2", no_effect=f"{HUB} time_step_rank norm_before_gate rms_norm")
def mamba2(f: Fields) -> Network:
    """Mamba-2 (arXiv:2405.21060): blocks of a mixer only."""
    mixer = heads_of_mamba2(
        f,
        n_heads="num_heads",
        d_head="head_dim",
        d_state="state_size",
        n_groups="n_groups",
        conv_kernel="conv_kernel",
        conv_bias="use_conv_bias",
        bias="use_bias",
        expand="expand",
    )
    f.fixed("hidden_act", "silu")
    return network(f, [Block(mixer=mixer, norm=RMSNorm())] * f.layers(), context=None)


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


@reads("rwkv", "Rwkv", also={"max_position_embeddings": "context_length"})
def rwkv4(f: Fields) -> Network:
    """RWKV-4 (arXiv:2305.13048); a norm follows the embedding."""
    width = f.size("hidden_size")
    inner = f.maybe_size("attention_hidden_size")
    if inner is not None and inner != width:
        f.wrong("attention_hidden_size", f"{inner} is not hidden_size {width}; only that can be described")
    channel = RWKVChannelMix(d_ff=f.maybe_size("intermediate_size") or 4 * width)
    block = Block(mixer=RWKV4TimeMix(), mlp=channel, norm=LayerNorm())
    return network(f, [block] * f.layers(), norm=LayerNorm(), embedding_norm=LayerNorm())
