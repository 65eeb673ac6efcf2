"""Attention with windows: which layers have one, and how wide."""

from __future__ import annotations

from collections.abc import Callable

from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, mlp, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import RMSNorm


def windowed(f: Fields, **kinds: object) -> Network:
    """Qwen's rule for windows: layers from ``max_window_layers`` on see ``sliding_window`` tokens, if it is in use."""
    sliding = switched_window(f)
    first = f.extent("max_window_layers")
    types = layer_types(
        f, lambda i: "sliding_attention" if sliding is not None and i >= first else "full_attention", TYPES
    )
    each = {"full_attention": None, "sliding_attention": sliding}
    mixers = {t: attention(f, window=each[t], **kinds) for t in set(types)}  # type: ignore[arg-type]
    channel = mlp(f, gated=True)
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm()) for t in types])


def switched_window(f: Fields) -> int | None:
    """``sliding_window`` where ``use_sliding_window`` is on."""
    sliding = f.maybe_size("sliding_window", least=0)
    return sliding or None if f.flag("use_sliding_window") else None


def by_layer_type(f: Fields, otherwise: Callable[[int], str]) -> Network:
    """Mistral's layers, windowed where ``layer_types`` says so, or ``otherwise``."""
    types = layer_types(f, otherwise, TYPES)
    each = windows(f)
    mixers = {t: attention(f, position=rope(f, t), window=each[t]) for t in set(types)}
    channel = mlp(f, gated=True, bias=f.flag("mlp_bias"))
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm()) for t in types])


def by_layer(f: Fields, field: str, n: int) -> list[int]:
    """A size for each of ``n`` layers: one for all, or a list."""
    value = f.raw(field)
    if not isinstance(value, list):
        return [f.size(field)] * n
    sizes = [size for v in value if (size := whole(v)) is not None and 1 <= size <= 10**12]
    if len(sizes) != n or len(value) != n:
        f.wrong(field, f"found {shown(value)}; write a whole number, or one for each of {n} layers")
    return sizes
