"""The tables at both ends of a network: vocabulary, positions, token types, output head."""

from __future__ import annotations

from typing import Literal

import msgspec

from lehr.simulators.layers.base import Weight, linear
from lehr.simulators.quantities import Extent, Size


class Factored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tables of ``width`` features, projected to the network's width (ALBERT, arXiv:1909.11942, section 3.1).

    ``positions`` says that the tables of positions and token types are as narrow; ``head`` how the network's width
    leads back to a tied table: by a projection of its own (OPT), or by the masked-language head (ALBERT).
    """

    width: Size
    bias: bool = True
    positions: bool = True
    head: Literal["projection", "masked_lm_head"] = "masked_lm_head"


class Embedding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The vocabulary's table, learned positions and token types if any, and the output head.

    ``tied`` uses the vocabulary's table as the head, so that it is counted once; ``head: false`` is a network
    without one, whose output is a vector (an encoder, an embedding model). ``learned_positions`` is the number of
    rows of a learned position table, ``token_types`` that of BERT's segments (arXiv:1810.04805). ``factored`` tables
    are narrower than the network.

    >>> e = Embedding(vocab_size=49280, tied=True, learned_positions=2048)
    >>> [(w.name, w.size) for w in e.weights(2048)]
    [('token', 100925440), ('position', 4194304)]
    >>> codebert = Embedding(vocab_size=50265, tied=False, head=False, learned_positions=514, token_types=1)
    >>> [(w.name, w.size) for w in codebert.weights(768)]
    [('token', 38603520), ('position', 394752), ('token_type', 768)]
    >>> albert = Embedding(vocab_size=30000, tied=True, factored=Factored(width=128))
    >>> [(w.name, w.size) for w in albert.weights(768)]
    [('token', 3840000), ('token_projection', 98304), ('token_projection.bias', 768)]
    """

    vocab_size: Size
    tied: bool
    head: bool = True
    learned_positions: Extent = 0
    token_types: Extent = 0
    head_bias: bool = False
    factored: Factored | None = None

    def __post_init__(self) -> None:
        if not self.head and (self.tied or self.head_bias):
            raise ValueError("a network without a head has none to tie or to give a bias; write tied: false")

    def weights(self, d_model: int) -> list[Weight]:
        """The tables, and the head where it is not tied."""
        width = self.width(d_model)
        beside = width if self.factored is not None and self.factored.positions else d_model
        tables = [Weight("token", (self.vocab_size, width), "embedding", "lookup")]
        if self.learned_positions:
            tables.append(Weight("position", (self.learned_positions, beside), "positions", "lookup"))
        if self.token_types:
            tables.append(Weight("token_type", (self.token_types, beside), "token types", "lookup"))
        if self.factored is not None:
            tables += linear("token_projection", width, d_model, "projection", bias=self.factored.bias)
            if self.head and self.factored.head == "projection":
                tables += linear("head_projection", d_model, width, "projection", bias=self.factored.bias)
        head = [Weight("head", (self.vocab_size, width), "head")] if self.head and not self.tied else []
        if self.head_bias:
            head.append(Weight("head.bias", (self.vocab_size,), "head", "bias"))
        return [*tables, *head]

    def width(self, d_model: int) -> int:
        """How wide the vocabulary's table and the head are [features].

        >>> Embedding(vocab_size=50272, tied=True, factored=Factored(width=512)).width(1024)          # OPT-350M
        512
        """
        return d_model if self.factored is None else self.factored.width
