"""RWKV."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import FLA
from lehr.simulators.architecture import Block
from lehr.simulators.layers import LayerNorm, RWKV4TimeMix, RWKV5TimeMix, RWKV6TimeMix, RWKV7TimeMix, RWKVChannelMix


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


NAMES = {"max_position_embeddings": "context_length"}


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


@reads("rwkv5", "Rwkv5", "Rwkv", also=NAMES, no_effect="head_size_divisor model_version num_attention_heads")
def rwkv5(f: Fields) -> Network:
    """RWKV-5 (arXiv:2404.05892); a norm follows the embedding."""
    block = Block(
        mixer=RWKV5TimeMix(d_head=head_features(f)), mlp=RWKVChannelMix(d_ff=channel_width(f)), norm=LayerNorm()
    )
    return network(f, [block] * f.layers(), norm=LayerNorm(), embedding_norm=LayerNorm())


@reads("rwkv6", "Rwkv6", "Rwkv", also=NAMES, no_effect="head_size_divisor model_version num_attention_heads")
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
