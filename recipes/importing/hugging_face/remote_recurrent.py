"""Recurrent networks whose class stands beside the checkpoint or in flash-linear-attention."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import (
    MLP,
    DeltaNet,
    LayerNorm,
    Retention,
    RWKV5TimeMix,
    RWKV6TimeMix,
    RWKV7TimeMix,
    RWKVChannelMix,
)

NAMES = {"max_position_embeddings": "context_length"}
FLA = (
    "attn fuse_norm hidden_ratio norm_first head_first elementwise_affine expand_k expand_v feature_map "
    "num_kv_heads clamp_min logit_to_keep value_dim qk_norm qk_activation"
)


def head_features(f: Fields) -> int:
    """``head_size``, which divides the width."""
    size, width = f.maybe_size("head_size") or 64, f.maybe_size("attention_hidden_size") or f.size("hidden_size")
    if width != f.size("hidden_size"):
        f.wrong("attention_hidden_size", f"{width} is not hidden_size; only that can be described")
    if width % size:
        f.wrong("head_size", f"{size} does not divide the width {width}")
    return size


def channel_width(f: Fields) -> int:
    """``intermediate_size``, or three and a half times the width in multiples of 32."""
    return f.maybe_size("intermediate_size") or max(1, 7 * f.size("hidden_size") // 64 * 32)


@reads("rwkv5", "Rwkv5", also=NAMES, no_effect="head_size_divisor model_version num_attention_heads")
def rwkv5(f: Fields) -> Network:
    """RWKV-5 (arXiv:2404.05892); a norm follows the embedding."""
    block = Block(
        mixer=RWKV5TimeMix(d_head=head_features(f)), mlp=RWKVChannelMix(d_ff=channel_width(f)), norm=LayerNorm()
    )
    return network(f, [block] * f.layers(), norm=LayerNorm(), embedding_norm=LayerNorm())


@reads("rwkv6", "Rwkv6", also=NAMES, no_effect="head_size_divisor model_version num_attention_heads")
def rwkv6(f: Fields) -> Network:
    """RWKV-6 (arXiv:2404.05892), the ranks of its low-rank maps as in the class: 32 and 64."""
    mixer = RWKV6TimeMix(d_head=head_features(f), mix_rank=32, decay_rank=64)
    block = Block(mixer=mixer, mlp=RWKVChannelMix(d_ff=channel_width(f)), norm=LayerNorm())
    return network(f, [block] * f.layers(), norm=LayerNorm(), embedding_norm=LayerNorm())


@reads("rwkv7", "RWKV7", no_effect=f"{FLA} num_heads hidden_act")
def rwkv7(f: Fields) -> Network:
    """RWKV-7 (arXiv:2503.14456) of flash-linear-attention; the first layer mixes no earlier value in."""
    f.fixed("norm_bias", True)
    f.fixed("attn", None)
    width, size = f.size("hidden_size"), f.size("head_dim")
    if width % size:
        f.wrong("head_dim", f"{size} does not divide the width {width}")
    channel = RWKVChannelMix(d_ff=f.maybe_size("intermediate_size") or 4 * width, receptance=False)

    def block(value_rank: int | None) -> Block:
        mixer = RWKV7TimeMix(
            d_head=size,
            decay_rank=f.size("decay_low_rank_dim"),
            rate_rank=f.size("a_low_rank_dim"),
            gate_rank=f.size("gate_low_rank_dim"),
            value_rank=value_rank,
        )
        return Block(mixer=mixer, mlp=channel, norm=LayerNorm())

    later = block(f.size("v_low_rank_dim"))
    blocks = [block(None), *[later] * (f.layers() - 1)]
    return network(f, blocks, norm=LayerNorm(), embedding_norm=LayerNorm())


def fla_channel(f: Fields) -> MLP:
    """The gated MLP of flash-linear-attention: by default as large as a plain one ``hidden_ratio`` times as wide."""
    if f.given("intermediate_size"):
        return mlp(f, gated=True)
    f.raw("intermediate_size")
    ratio = f.maybe_size("hidden_ratio") or 4
    wanted = int(f.size("hidden_size") * ratio * 2 / 3)
    one_of = mlp(f, gated=True, width="hidden_size")
    return MLP(d_ff=256 * ((wanted + 255) // 256), activation=one_of.activation, gated=True)


@reads("retnet", "RetNet", no_effect=FLA)
def retnet(f: Fields) -> Network:
    """RetNet (arXiv:2307.08621) of flash-linear-attention."""
    f.fixed("attn", None)
    f.fixed("use_short_conv", False)
    width, n_heads = f.size("hidden_size"), f.size("num_heads")
    mixer = Retention(
        n_heads=n_heads,
        d_key=expanded(f, "expand_k", width, n_heads),
        d_value=expanded(f, "expand_v", width, n_heads),
        output_gate=f.flag("use_output_gate"),
        position=rope(f),
    )
    return network(f, uniform(f, mixer, fla_channel(f)))


def expanded(f: Fields, field: str, width: int, n_heads: int) -> int:
    """How wide a head is where all are ``field`` times the width."""
    ratio = f.maybe_number(field)
    whole = width * (1.0 if ratio is None else ratio)
    if whole < n_heads or whole % n_heads:
        f.wrong(field, f"{n_heads} heads do not divide {whole:g} features")
    return int(whole) // n_heads


@reads("delta_net", "DeltaNet", no_effect=FLA)
def delta_net(f: Fields) -> Network:
    """DeltaNet (arXiv:2406.06484) of flash-linear-attention."""
    f.fixed("attn", None)
    f.fixed("use_beta", True)
    width, n_heads = f.size("hidden_size"), f.size("num_heads")
    mixer = DeltaNet(
        n_heads=n_heads,
        d_key=expanded(f, "expand_k", width, n_heads),
        d_value=expanded(f, "expand_v", width, n_heads),
        conv_kernel=f.size("conv_size") if f.flag("use_short_conv") else 0,
        output_gate=f.flag("use_gate"),
    )
    f.raw("conv_size")
    return network(f, uniform(f, mixer, fla_channel(f)))
