"""What most classes are made of: the network as a list of blocks, and readers of the fields that many classes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from lehr.recipes.errors import nearest
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block, Placement
from lehr.simulators.layers import MLP, Attention, Embedding, Mixer, MoE, Norm, OutputHead, Position, RMSNorm
from lehr.simulators.layers.mlp import Activation

QKNorm = Literal["head", "each_head", "layer_norm", "full", "l2"] | None

TYPES = ("full_attention", "sliding_attention")
"""What ``layer_types`` says of a layer of softmax attention."""

TWO = ("linear_attention", "full_attention")
"""What it says of a layer with a recurrence and of one with softmax attention."""

OLDER_TYPES = {"mamba": "linear_attention", "attention": "full_attention"}
"""What older files call them."""

ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_10": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_python_tanh": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "silu": "silu",
    "swish": "silu",
    "swiglu": "silu",
    "relu": "relu",
    "relu2": "relu_squared",
    "xielu": "xielu",
    "situ": "situ",
}
"""transformers' names of activations, ours of the same."""


class EncoderStack(msgspec.Struct, frozen=True, kw_only=True):
    """The encoder of an encoder-decoder network, one block for each layer."""

    blocks: list[Block]
    final_norm: Norm | None
    d_model: int | None = None
    embedding: Embedding | None = None
    embedding_norm: Norm | None = None
    learned_positions: int = 0
    projection: bool = False


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """A network as a class of transformers builds it, one block for each layer.

    ``mtp`` is how many modules for multi-token prediction follow, each with a block like ``mtp_block`` (the last
    layer's where it is absent); ``mtp_tables`` says that the published files store the two tables again beside them.
    """

    d_model: int
    context_length: int | None
    embedding: Embedding
    blocks: list[Block]
    final_norm: Norm | None
    embedding_norm: Norm | None = None
    causal: bool = True
    output: OutputHead | None = None
    encoder: EncoderStack | None = None
    mtp: int = 0
    mtp_block: Block | None = None
    mtp_tables: bool = False


def activation(f: Fields, field: str = "hidden_act") -> Activation:
    """The function inside an MLP. Raises ``LehrError`` for one that is not known."""
    return ACTIVATIONS[f.one_of(field, ACTIVATIONS)]


def head_size(f: Fields, n_heads: int) -> int:
    """``head_dim``, or the width over the number of heads."""
    stated = f.maybe_size("head_dim")
    if stated is not None:
        return stated
    width = f.size("hidden_size")
    if width % n_heads:
        if not f.any_heads or width < n_heads:
            f.wrong("num_attention_heads", f"{n_heads} heads do not divide hidden_size {width}; write head_dim too")
        f.note(
            f"{n_heads} heads do not divide hidden_size {width}; the class rounds down to {width // n_heads} features"
        )
    return width // n_heads


def heads(f: Fields) -> tuple[int, int]:
    """Query heads and key-value heads, as many where nothing else is said."""
    n_heads = f.size("num_attention_heads")
    n_kv_heads = f.maybe_size("num_key_value_heads") or n_heads
    return n_heads, kv_checked(f, n_heads, n_kv_heads)


def kv_checked(f: Fields, n_heads: int, n_kv_heads: int) -> int:
    """``n_kv_heads``, where the query heads can share them. Raises ``LehrError`` where they cannot."""
    if n_heads % n_kv_heads:
        f.wrong("num_key_value_heads", f"{n_kv_heads} does not divide the {n_heads} of num_attention_heads")
    return n_kv_heads


def attention(
    f: Fields,
    *,
    position: Position | None = None,
    qkv_bias: bool = False,
    out_bias: bool = False,
    qk_norm: QKNorm = None,
    window: int | None = None,
    chunk: int | None = None,
    output_gate: bool | Literal["head"] = False,
    gate_bias: bool | Literal["head"] | None = None,
) -> Attention:
    """Softmax attention by the fields that most classes share; rotary where no ``position`` is given."""
    n_heads, n_kv_heads = heads(f)
    return Attention(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_head=head_size(f, n_heads),
        position=rope(f) if position is None else position,
        qkv_bias=qkv_bias,
        out_bias=out_bias,
        qk_norm=qk_norm,
        window=window,
        chunk=chunk,
        output_gate=output_gate,
        gate_bias=gate_bias,
    )


def mlp(
    f: Fields, *, gated: bool, bias: bool = False, act: str = "hidden_act", width: str = "intermediate_size"
) -> MLP:
    """An MLP by the fields that most classes share."""
    return MLP(d_ff=f.size(width), activation=activation(f, act), gated=gated, bias=bias)


def tables(f: Fields, *, positions: int = 0, token_types: int = 0, head_bias: bool = False) -> Embedding:
    """The tables at both ends; whether there is a head, ``architectures`` says."""
    tied = f.flag("tie_word_embeddings")
    if f.head != "lm":
        return Embedding(
            vocab_size=f.size("vocab_size"),
            tied=False,
            head=False,
            learned_positions=positions,
            token_types=token_types,
        )
    return Embedding(
        vocab_size=f.size("vocab_size"),
        tied=tied,
        learned_positions=positions,
        token_types=token_types,
        head_bias=head_bias,
    )


def network(
    f: Fields,
    blocks: list[Block],
    *,
    norm: Norm | None = None,
    embedding: Embedding | None = None,
    embedding_norm: Norm | None = None,
    context: str | None = "max_position_embeddings",
    mtp: int = 0,
    mtp_tables: bool = False,
) -> Network:
    """A decoder whose last norm is ``norm`` (RMSNorm where it is absent)."""
    return Network(
        d_model=f.size("hidden_size"),
        context_length=f.maybe_size(context) if context else None,
        embedding=tables(f) if embedding is None else embedding,
        blocks=blocks,
        final_norm=RMSNorm() if norm is None else norm,
        embedding_norm=embedding_norm,
        mtp=mtp,
        mtp_tables=mtp_tables,
    )


def uniform(
    f: Fields, mixer: Mixer, channel: MLP | MoE, norm: Norm | None = None, placement: Placement = "pre"
) -> list[Block]:
    """Every layer alike."""
    block = Block(mixer=mixer, mlp=channel, norm=norm or RMSNorm(), norm_placement=placement)
    return [block] * f.layers()


def layer_types(
    f: Fields, otherwise: Callable[[int], str], known: Sequence[str], field: str = "layer_types"
) -> list[str]:
    """The type of each layer: as listed, or by the class's rule where the file has no list."""
    n = f.layers()
    listed = f.maybe_list(field, n)
    if listed is None:
        return [otherwise(layer) for layer in range(n)]
    types = [OLDER_TYPES.get(value, value) if isinstance(value, str) else value for value in listed]
    for value in types:
        if value not in known:
            f.wrong(field, f"{shown(value)} is not known; {nearest(str(value), known)}")
    return types


def windows(f: Fields, field: str = "sliding_window") -> dict[str, int | None]:
    """How far each type of layer sees: all of it, or ``field`` tokens."""
    return {"full_attention": None, "sliding_attention": f.extent(field) or None}
