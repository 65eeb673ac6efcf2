"""The tables at both ends of a network: vocabulary, positions, output head."""

from __future__ import annotations

import msgspec

from simulators.layers.base import Extent, Size, Weight


class Embedding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The vocabulary's table, learned positions if any, and the output head.

    ``tied`` uses the vocabulary's table as the head, so that it is counted once. ``learned_positions``
    is the number of rows of a learned position table.

    >>> e = Embedding(vocab_size=49280, tied=True, learned_positions=2048)
    >>> [(w.name, w.size) for w in e.weights(2048)]
    [('token', 100925440), ('position', 4194304)]
    """

    vocab_size: Size
    tied: bool
    learned_positions: Extent = 0
    head_bias: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        """The tables, and the head where it is not tied."""
        tables = [Weight("token", (self.vocab_size, d_model), "embedding", "lookup")]
        if self.learned_positions:
            tables.append(Weight("position", (self.learned_positions, d_model), "positions", "lookup"))
        head = [] if self.tied else [Weight("head", (self.vocab_size, d_model), "head")]
        if self.head_bias:
            head.append(Weight("head.bias", (self.vocab_size,), "head", "bias"))
        return [*tables, *head]
