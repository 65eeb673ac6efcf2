"""Gemma: gains around one, norms before and after each sublayer, local and global layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

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
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, RMSNorm, Rope

GAIN = RMSNorm(zero_centred=True)
"""Gemma's norm multiplies by one plus its gain."""


@reads("gemma", "Gemma", no_effect="num_image_tokens")
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


@reads("gemma3_text", "Gemma3", "Gemma3Text", no_effect="cache_implementation")
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
