"""What stands on top of a network in place of, or before, the vocabulary's head: poolers and embedding heads."""

from __future__ import annotations

from typing import Literal

from lehr.simulators.layers.base import Layer, Weight, linear
from lehr.simulators.quantities import Size


class Pooler(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="pooler"):
    """BERT's pooler: a dense layer with tanh on the first token's vector (Devlin et al., arXiv:1810.04805).

    >>> sum(w.size for w in Pooler().weights(768))
    590592
    """

    def weights(self, d_model: int) -> list[Weight]:
        return linear("dense", d_model, d_model, "pooler", bias=True, role="once")


class MaskedLMHead(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="masked_lm_head"):
    """RoBERTa's head before the vocabulary: a dense layer, GELU and a norm (Liu et al., arXiv:1907.11692).

    ModernBERT's has neither bias (Warner et al., arXiv:2412.13663). ``width`` is that of narrower tables (ALBERT).
    transformers' classes hold the vocabulary's bias a second time where the head is not tied, for ``bias_twice`` words.

    >>> sum(w.size for w in MaskedLMHead().weights(768))
    592128
    >>> sum(w.size for w in MaskedLMHead(bias=False, norm_bias=False).weights(768))
    590592
    """

    bias: bool = True
    norm_bias: bool = True
    width: Size | None = None
    bias_twice: Size | None = None

    def weights(self, d_model: int) -> list[Weight]:
        name, width = "masked-language head", self.width or d_model
        norm = [Weight("norm", (width,), name, "scale")]
        if self.norm_bias:
            norm.append(Weight("norm.bias", (width,), name, "bias"))
        if self.bias_twice is not None:
            norm.append(Weight("vocabulary.bias", (self.bias_twice,), name, "bias"))
        return [*linear("dense", d_model, width, name, bias=self.bias), *norm]


class Projection(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="projection"):
    """A projection of the pooled vector to ``d_embedding`` features (CodeT5+ 110M embedding, arXiv:2305.07922).

    >>> sum(w.size for w in Projection(d_embedding=256, bias=True).weights(768))
    196864
    """

    d_embedding: Size
    bias: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        return linear("projection", d_model, self.d_embedding, "embedding head", bias=self.bias, role="once")


class AttentionPooling(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="attention_pooling"):
    """Pooling by cross-attention: ``n_queries`` learned vectors attend to all tokens (PMA; Lee et al.,
    arXiv:1810.00825, section 3.2; CodeFuse-CGE).

    Queries, keys, values and an output layer have biases. ``norms`` is how many LayerNorms its block has. Keys and
    values are made ``d_embedding`` wide of every token; the rest is done once a sequence.

    >>> sum(w.size for w in AttentionPooling(d_embedding=1024, n_heads=32, norms=2).weights(4096))
    10494976
    """

    d_embedding: Size
    n_heads: Size
    n_queries: Size = 1
    norms: Literal[0, 2, 3, 4] = 0

    def __post_init__(self) -> None:
        if self.d_embedding % self.n_heads:
            raise ValueError(
                f"d_embedding ({self.d_embedding}) is not a multiple of n_heads ({self.n_heads}); "
                f"write n_heads: a divisor of {self.d_embedding}"
            )

    def weights(self, d_model: int) -> list[Weight]:
        name = "embedding head"
        return [
            Weight("queries", (self.n_queries, self.d_embedding), name, "lookup"),
            *linear("q_proj", self.d_embedding, self.d_embedding, name, bias=True, role="once"),
            *linear("k_proj", d_model, self.d_embedding, name, bias=True),
            *linear("v_proj", d_model, self.d_embedding, name, bias=True),
            *linear("o_proj", self.d_embedding, self.d_embedding, name, bias=True, role="once"),
            *(Weight(f"norm{i}", (2 * self.d_embedding,), name, "scale") for i in range(self.norms)),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        # each query scores every token and sums its value: 4 FLOP a feature
        return 4.0 * self.n_queries * self.d_embedding


OutputHead = Pooler | MaskedLMHead
"""What an encoder is trained with on top; counted in the main model."""

EmbeddingHead = Projection | AttentionPooling
"""What turns a language model into an embedding model; counted beside the main model."""
