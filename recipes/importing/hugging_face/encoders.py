"""Encoders after BERT: both ends, and the layers between."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block, Placement
from lehr.simulators.layers import (
    MLP,
    Embedding,
    Factored,
    LayerNorm,
    MaskedLMHead,
    NoPosition,
    Norm,
    OutputHead,
    Pooler,
    Position,
)


def ends(
    f: Fields, *, positions: int = 0, token_types: int = 0, head_bias: bool = True, factored: Factored | None = None
) -> Embedding:
    """The tables of an encoder; the vocabulary's is the head of a masked language model."""
    tied, lm = f.flag("tie_word_embeddings"), f.head == "mlm"
    return Embedding(
        vocab_size=f.size("vocab_size"),
        tied=tied and lm,
        head=lm,
        learned_positions=positions,
        token_types=token_types,
        head_bias=head_bias and lm,
        factored=factored,
    )


def on_top(f: Fields, *, width: int | None = None, twice: bool = True) -> OutputHead | None:
    """What stands on top: the head before the vocabulary, a pooler, or nothing.

    Most classes hold the vocabulary's bias ``twice`` where the head is not tied (`bias` beside `decoder.bias`).
    """
    again = f.size("vocab_size") if twice and not f.flag("tie_word_embeddings") else None
    tops: dict[str, OutputHead] = {"mlm": MaskedLMHead(width=width, bias_twice=again), "pooled": Pooler()}
    return tops.get(f.head)


def narrow(f: Fields, field: str = "embedding_size", *, bias: bool = True) -> Factored | None:
    """Tables of a width of their own, where they have one."""
    width = f.maybe_size(field)
    return None if width in (None, f.size("hidden_size")) else Factored(width=width or 1, bias=bias)


def encoder(
    f: Fields,
    blocks: list[Block],
    embedding: Embedding,
    *,
    context: int,
    embedding_norm: Norm | None,
    final_norm: Norm | None = None,
    output: OutputHead | None = None,
) -> Network:
    """A network that sees both sides of a token."""
    return Network(
        d_model=f.size("hidden_size"),
        context_length=context,
        embedding=embedding,
        blocks=blocks,
        final_norm=final_norm,
        embedding_norm=embedding_norm,
        causal=False,
        output=output,
    )


def bert_like(
    f: Fields,
    *,
    context: int,
    token_types: int,
    position: Position | None = None,
    placement: Placement = "post",
    embedding_norm: bool = True,
    final_norm: bool = False,
    factored: Factored | None = None,
    top: OutputHead | None = None,
) -> Network:
    """BERT's layers with biases everywhere, learned positions unless the mixer has a ``position``."""
    f.fixed("add_cross_attention", False)
    f.fixed("position_embedding_type", "absolute")
    rows = f.size("max_position_embeddings") if position is None else 0
    mixer = biased(f, NoPosition() if position is None else position)
    blocks = uniform(f, mixer, mlp(f, gated=False, bias=True), LayerNorm(), placement)
    return encoder(
        f,
        blocks,
        ends(f, positions=rows, token_types=token_types, factored=factored),
        context=context,
        embedding_norm=LayerNorm() if embedding_norm else None,
        final_norm=LayerNorm() if final_norm else None,
        output=top or on_top(f),
    )


def after_padding(f: Fields, otherwise: int = 1) -> int:
    """RoBERTa counts positions from the one after the padding token's, so that many of the rows are lost."""
    rows, padding = f.size("max_position_embeddings"), f.maybe_size("pad_token_id", least=0)
    lost = 1 + (otherwise if padding is None else padding)
    return max(1, rows - lost)


def rotated(f: Fields, *, bias: bool, channel: MLP, theta: str = "rope_theta", twice: bool = True) -> Network:
    """BERT's layers with rotary positions."""
    mixer = attention(f, position=rope(f, theta=theta), qkv_bias=bias, out_bias=bias)
    blocks = uniform(f, mixer, channel, LayerNorm(), "post")
    embedding = ends(f, token_types=f.extent("type_vocab_size"))
    context = f.size("max_position_embeddings")
    return encoder(f, blocks, embedding, context=context, embedding_norm=LayerNorm(), output=on_top(f, twice=twice))
