"""The tables at both ends of a network: vocabulary, positions, token types, output head."""

from __future__ import annotations

import msgspec

from simulators.layers.base import Extent, Size, Weight


class Embedding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The vocabulary's table, learned positions and token types if any, and the output head.

    ``tied`` uses the vocabulary's table as the head, so that it is counted once; ``head: false`` is a network
    without one, whose output is a vector (an encoder, an embedding model). ``learned_positions`` is the number of
    rows of a learned position table, ``token_types`` that of BERT's segments (arXiv:1810.04805).

    >>> e = Embedding(vocab_size=49280, tied=True, learned_positions=2048)
    >>> [(w.name, w.size) for w in e.weights(2048)]
    [('token', 100925440), ('position', 4194304)]
    >>> codebert = Embedding(vocab_size=50265, tied=False, head=False, learned_positions=514, token_types=1)
    >>> [(w.name, w.size) for w in codebert.weights(768)]
    [('token', 38603520), ('position', 394752), ('token_type', 768)]
    """

    vocab_size: Size
    tied: bool
    head: bool = True
    learned_positions: Extent = 0
    token_types: Extent = 0
    head_bias: bool = False

    def __post_init__(self) -> None:
        if not self.head and (self.tied or self.head_bias):
            raise ValueError("a network without a head has none to tie or to give a bias; write tied: false")

    def weights(self, d_model: int) -> list[Weight]:
        """The tables, and the head where it is not tied."""
        tables = [Weight("token", (self.vocab_size, d_model), "embedding", "lookup")]
        if self.learned_positions:
            tables.append(Weight("position", (self.learned_positions, d_model), "positions", "lookup"))
        if self.token_types:
            tables.append(Weight("token_type", (self.token_types, d_model), "token types", "lookup"))
        head = [Weight("head", (self.vocab_size, d_model), "head")] if self.head and not self.tied else []
        if self.head_bias:
            head.append(Weight("head.bias", (self.vocab_size,), "head", "bias"))
        return [*tables, *head]
