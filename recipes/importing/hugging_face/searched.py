"""DeciLM: a network whose layers a search has chosen one by one (Puzzle, arXiv:2411.19146)."""

from __future__ import annotations

from typing import Any

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, activation, attention, network
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, Attention, RMSNorm

MULTIPLE = 256
"""Widths of its MLPs are rounded up to this."""

UNTOLD = ("replace_with_linear", "sparsify", "num_sink_tokens", "window_length", "unshifted_sink")
"""What a sublayer of this class may be besides, and has no description."""


@reads("nemotron-nas", "DeciLM", no_effect="num_key_value_heads intermediate_size")
def decilm(f: Fields) -> Network:
    """Llama-Nemotron (arXiv:2505.00949): LLaMA's layers, each with heads and a width of its own, or without one of its
    two sublayers and the norm before it."""
    bias, wide = f.flag("attention_bias"), f.flag("mlp_bias")
    n_heads, act = f.size("num_attention_heads"), activation(f)
    blocks = []
    for layer, entry in enumerate(f.maybe_list("block_configs", f.layers()) or []):
        parts = entry if isinstance(entry, dict) else {}
        heads, width = sublayer(f, layer, parts, "attention"), sublayer(f, layer, parts, "ffn")
        mixer: Attention | None = None
        if heads is not None:
            sharing = whole(heads.get("n_heads_in_group"))
            if sharing is None or sharing < 1 or n_heads % sharing:
                f.wrong("block_configs", f"layer {layer}: n_heads_in_group {shown(sharing)} does not divide {n_heads}")
            f.data = {**f.data, "num_key_value_heads": n_heads // sharing}
            mixer = attention(f, qkv_bias=bias, out_bias=bias)
        channel: MLP | None = None
        if width is not None:
            factor = width.get("ffn_mult")
            if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 < factor < 1e6:
                f.wrong("block_configs", f"layer {layer}: ffn_mult {shown(factor)}; write a number above 0")
            d_ff = -(-int(2 * factor * f.size("hidden_size") / 3) // MULTIPLE) * MULTIPLE
            channel = MLP(d_ff=d_ff, activation=act, gated=True, bias=wide)
        if mixer or channel:
            blocks.append(Block(mixer=mixer, mlp=channel, norm=RMSNorm()))
    if not blocks:
        f.wrong("block_configs", "is missing; write attention and ffn for each layer")
    return network(f, blocks)


def sublayer(f: Fields, layer: int, parts: dict[str, Any], name: str) -> dict[str, Any] | None:
    """What ``block_configs`` says of a sublayer, nothing where it is left out."""
    part = parts.get(name)
    if not isinstance(part, dict):
        f.wrong("block_configs", f"layer {layer}: found {shown(part)} for {name}; write a mapping")
    for field in UNTOLD:
        if part.get(field):
            f.wrong("block_configs", f"layer {layer}: {field} of {name} cannot be described yet")
    return None if part.get("no_op") else part
