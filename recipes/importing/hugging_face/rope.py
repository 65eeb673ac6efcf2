"""Rotary positions: ``rope_parameters`` of transformers 5, or ``rope_theta``, ``rope_scaling`` and others before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lehr.recipes.errors import nearest
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.simulators.layers.position import Linear, Llama3, LongRope, NoPosition, Ntk, Position, Rope, Yarn

THETA = 10000.0
"""``default_theta`` of transformers' RotaryEmbeddingConfigMixin, where a class has none of its own."""

LAYER_TYPES = ("full_attention", "sliding_attention", "chunked_attention", "linear_attention", "indexed_attention",
               "main", "compress")  # fmt: skip
"""What a layer may be called in ``layer_types``, where rotary parameters are given for each of them."""

_KEYS = frozenset(
    """
    rope_theta rope_type type partial_rotary_factor factor original_max_position_embeddings beta_fast beta_slow
    low_freq_factor high_freq_factor
    attention_factor extrapolation_factor attn_factor finetuned llama_4_scaling_beta long_factor long_mscale
    max_position_embeddings mrope_interleaved mrope_section mscale mscale_all_dim short_factor short_mscale truncate
    scale_base apply_yarn_scaling alpha xdrope_section
    """.split()  # noqa: SIM905
)

Scaling = Linear | Yarn | Llama3 | Ntk | LongRope | None


def rope(
    f: Fields, layer_type: str | None = None, *, theta: str = "rope_theta", share: str = "partial_rotary_factor"
) -> Rope:
    """The rotary position of the class's layers, or of those of one ``layer_type``; ``theta`` and ``share`` are the
    older fields for its base and for how much of each head is rotated.

    Raises ``LehrError`` where a value is missing or not understood.
    """
    where, entry = parameters(f, layer_type)
    for key in entry:
        if key not in _KEYS:
            f.wrong(where, f"{key!r} is not understood; {nearest(key, _KEYS)}")
    base, fraction = (
        _first(_number(f, where, entry, field), older(f, before), field, f, otherwise)
        for field, before, otherwise in (("rope_theta", theta, THETA), ("partial_rotary_factor", share, 1.0))
    )
    if base <= 0:
        f.wrong(theta, f"found {base:g}; write a number above 0")
    if not 0 < fraction <= 1:
        f.wrong(share, f"found {fraction:g}; write a share above 0 and at most 1")
    return Rope(base=base, fraction=fraction, scaling=scaling(f, where, entry))


def older(f: Fields, field: str) -> float | None:
    """The value of an older field where the file itself has it; a class's default is the newer field's."""
    f.seen(field)
    return f.maybe_number(field) if f.given(field) else None


def _first(newer: float | None, older: float | None, field: str, f: Fields, otherwise: float) -> float:
    """The number of the parameters, of an older field, or of the field itself, whose default counts where there is no
    other."""
    if (newer, older) != (None, None) and not f.given(field):
        f.seen(field)
        return first(newer, older)
    return first(newer, older, f.maybe_number(field), otherwise)


def first(*values: float | None) -> float:
    """The first that is a number."""
    return next(v for v in values if v is not None)


def parameters(f: Fields, layer_type: str | None) -> tuple[str, dict[str, Any]]:
    """Where the parameters stand and what they are; for one ``layer_type`` where they are given by layer type."""
    older, newer = f.maybe_mapping("rope_scaling"), f.maybe_mapping("rope_parameters")
    for elsewhere in ("rope_theta", "original_max_position_embeddings"):
        # they may stand in the file even where the kind of rotation has no use for them
        f.seen(elsewhere)
    where, entry = ("rope_scaling", older) if older and not f.given("rope_parameters") else ("rope_parameters", newer)
    entry = entry or {}
    nested = {k: v for k, v in entry.items() if k in LAYER_TYPES}
    if nested:
        chosen = nested.get(layer_type or "full_attention", {})
        if chosen is not None and not isinstance(chosen, dict):
            f.wrong(where, f"{layer_type} has {shown(chosen)}; write a mapping")
        return where, chosen or {}
    return where, entry


def scaling(f: Fields, where: str, entry: dict[str, Any]) -> Scaling:
    """How positions beyond those of training are reached, if at all."""
    kind = entry.get("rope_type", entry.get("type", "default"))
    if kind in (None, "default", "mrope", "xdrope"):
        # sections of an image's axes: text has the same position on each of them
        return None
    readers: dict[str, Callable[[], Scaling]] = {
        "linear": lambda: Linear(factor=_needed(f, where, entry, "factor")),
        "dynamic": lambda: _dynamic(f, where, entry),
        "proportional": lambda: None,
        "ntk": lambda: Ntk(factor=_needed(f, where, entry, "factor")),
        "yarn": lambda: _yarn(f, where, entry),
        "llama3": lambda: Llama3(
            factor=_needed(f, where, entry, "factor"),
            original_positions=original(f, where, entry),
            low_frequency_factor=_needed(f, where, entry, "low_freq_factor"),
            high_frequency_factor=_needed(f, where, entry, "high_freq_factor"),
        ),
        "longrope": lambda: _longrope(f, where, entry),
        "su": lambda: _longrope(f, where, entry),
    }
    if not isinstance(kind, str) or kind not in readers:
        f.wrong(where, f"rope_type {shown(kind)} is not known; {nearest(str(kind), ['default', *readers])}")
    return readers[kind]()


def _yarn(f: Fields, where: str, entry: dict[str, Any]) -> Yarn:
    fast, slow = _number(f, where, entry, "beta_fast"), _number(f, where, entry, "beta_slow")
    return Yarn(
        factor=_needed(f, where, entry, "factor"),
        original_positions=original(f, where, entry),
        beta_fast=32.0 if fast is None else fast,
        beta_slow=1.0 if slow is None else slow,
    )


def _longrope(f: Fields, where: str, entry: dict[str, Any]) -> LongRope:
    short, long = _factors(f, where, entry, "short_factor"), _factors(f, where, entry, "long_factor")
    if len(short or ()) != len(long or ()):
        f.wrong(
            where,
            f"short_factor has {len(short or ())} numbers and long_factor {len(long or ())}; write as many in each",
        )
    return LongRope(original_positions=original(f, where, entry), short_factors=short, long_factors=long)


def _factors(f: Fields, where: str, entry: dict[str, Any], key: str) -> tuple[float, ...] | None:
    values = entry.get(key)
    if values is None:
        return None
    if not isinstance(values, list) or not all(type(v) in (int, float) and 0 < v < 1e300 for v in values):
        f.wrong(where, f"{key} has {shown(values)}; write a list of numbers above 0")
    return tuple(float(v) for v in values)


def _dynamic(f: Fields, where: str, entry: dict[str, Any]) -> Ntk:
    alpha = _number(f, where, entry, "alpha")
    if alpha is not None and alpha >= 1:
        # Hunyuan's factor, fixed whatever the length
        return Ntk(factor=alpha)
    f.note("the dynamic rotary base, which grows with the sequence, is described by its NTK factor alone")
    return Ntk(factor=_needed(f, where, entry, "factor"))


def original(f: Fields, where: str, entry: dict[str, Any]) -> int:
    """Over how many positions the network was trained before its positions were stretched."""
    outside = f.maybe_size("original_max_position_embeddings")
    value = entry.get("original_max_position_embeddings")
    if outside is not None or value is None:
        return outside or f.size("max_position_embeddings")
    number = whole(value)
    if number is None or number < 1:
        f.wrong(where, f"original_max_position_embeddings has {shown(value)}; write a whole number of 1 or more")
    return number


def _number(f: Fields, where: str, entry: dict[str, Any], key: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        f.wrong(where, f"{key} has {shown(value)}; write a number")
    return float(value)


def _needed(f: Fields, where: str, entry: dict[str, Any], key: str) -> float:
    value = _number(f, where, entry, key)
    if value is None or value <= 0 or (key == "factor" and value < 1):
        f.wrong(
            where,
            f"{key} has {shown(entry.get(key))}; write a number{' of 1 or more' if key == 'factor' else ' above 0'}",
        )
    return value


def no_rope(f: Fields) -> Position:
    """No position in the mixer; fields about rotation may stand in the file all the same."""
    for field in ("rope_theta", "rope_scaling", "rope_parameters"):
        f.raw(field)
    return NoPosition()


def with_base(position: Rope, base: float | None) -> Rope:
    """The rotary position with another base, where one is given."""
    return position if base is None else Rope(base=base, fraction=position.fraction, scaling=position.scaling)
