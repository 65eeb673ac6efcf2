"""How a mixer knows where a token stands: rotary embedding and its extensions, relative positions, or nothing.

Learned absolute positions are a table beside the vocabulary's (``layers.embedding``); rotary positions
have no weights; those of relative positions are listed by ``layers.attention``.
"""

from __future__ import annotations

import msgspec

from lehr.simulators.quantities import Factor, Positive, PositiveShare, Size


class Linear(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="linear"):
    """Position interpolation: positions divided by ``factor`` (Chen et al., arXiv:2306.15595)."""

    factor: Factor


class Yarn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="yarn"):
    """YaRN: interpolation by parts (Peng et al., arXiv:2309.00071).

    ``beta_fast`` and ``beta_slow`` bound the ramp in rotations over ``original_positions`` tokens.
    """

    factor: Factor
    original_positions: Size
    beta_fast: float = 32.0
    beta_slow: float = 1.0


class Llama3(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="llama3"):
    """Llama 3.1's scaling of the low frequencies (``rope_type: llama3`` in the model's config)."""

    factor: Factor
    original_positions: Size
    low_frequency_factor: float = 1.0
    high_frequency_factor: float = 4.0


class Ntk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="ntk"):
    """A base raised by ``factor ** (d / (d - 2))``, so that only low frequencies are stretched (Peng et al.,
    arXiv:2309.00071, definition 1)."""

    factor: Factor


class LongRope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="longrope"):
    """LongRoPE: a factor of its own for each frequency, found by search (Ding et al., arXiv:2402.13753).

    ``original_positions`` is over how many positions the network was trained first. Of the two lists, a factor for each
    pair of rotated dimensions, ``short_factors`` divide the frequencies of sequences up to that length,
    ``long_factors`` those of longer ones; ``None`` where the checkpoint's are not known.

    Raises ``ValueError`` where one list is there without the other, or as long as the other is not.

    >>> LongRope(original_positions=4096, short_factors=(1.0, 1.02), long_factors=(1.08,))
    Traceback (most recent call last):
    ValueError: short_factors has 2 numbers and long_factors has 1; write as many in each
    """

    original_positions: Size
    short_factors: tuple[Positive, ...] | None = None
    long_factors: tuple[Positive, ...] | None = None

    def __post_init__(self) -> None:
        short, long = len(self.short_factors or ()), len(self.long_factors or ())
        if short != long:
            raise ValueError(f"short_factors has {short} numbers and long_factors has {long}; write as many in each")


class Rope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="rope"):
    """Rotary position embedding (Su et al., arXiv:2104.09864).

    ``base`` is the paper's 10,000; ``fraction`` of each head's dimensions are rotated.
    """

    base: Positive
    fraction: PositiveShare = 1.0
    scaling: Linear | Yarn | Llama3 | Ntk | LongRope | None = None


def refuse_unlike(position: object, d_head: int) -> None:
    """Raise ``ValueError`` where a rotary position has not a factor for each pair of rotated dimensions of ``d_head``.

    >>> scaling = LongRope(original_positions=64, short_factors=(1.0,), long_factors=(2.0,))
    >>> refuse_unlike(Rope(base=1e4, scaling=scaling), 4)
    Traceback (most recent call last):
    ValueError: short_factors has length 1, and heads of 4 have 2 pairs of rotated dimensions; write 2 in each list
    """
    if isinstance(position, Rope) and isinstance(position.scaling, LongRope) and position.scaling.short_factors:
        factors, pairs = len(position.scaling.short_factors), int(d_head * position.fraction) // 2
        if factors != pairs:
            raise ValueError(
                f"short_factors has length {factors}, and heads of {d_head} have {pairs} pairs of rotated dimensions; "
                f"write {pairs} in each list"
            )


class RelativeBias(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="relative_bias"
):
    """T5's bias on each score, for each head and bucket of distances (Raffel et al., arXiv:1910.10683, section 2.1).

    All layers of a stack share the table that one of them holds: ``holds_table`` is true in that layer.
    """

    n_buckets: Size
    max_distance: Size
    holds_table: bool


class TransformerXL(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="transformer_xl"
):
    """Transformer-XL's relative positions (Dai et al., arXiv:1901.02860, section 3.3): in each layer a projection of
    sinusoids and, with ``biases``, one bias of the query for content and one for position."""

    biases: bool = True


class Disentangled(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="disentangled"
):
    """DeBERTa's disentangled attention (He et al., arXiv:2006.03654, section 3.1; version 3: arXiv:2111.09543): a table
    of ``n_rows`` vectors for relative positions, normed where ``norm`` says so, whose products with queries and keys
    join the scores.

    All layers share the table that one of them holds (``holds_table``). With ``own_projections`` each layer projects it
    once more to queries and to keys; without, it does so with the content's own matrices.
    """

    n_rows: Size
    holds_table: bool
    norm: bool = True
    own_projections: bool = False


class Alibi(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="alibi"):
    """ALiBi: each head subtracts a fixed multiple of the distance from its scores (Press et al., arXiv:2108.12409)."""


class NoPosition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="none"):
    """No position in the mixer: a learned table stands beside the vocabulary, or there is none."""


Position = Rope | RelativeBias | TransformerXL | Disentangled | Alibi | NoPosition
