"""The shape of a network: blocks, how often each is repeated, and the tables at both ends."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

from lehr.simulators.layers import (
    Branch,
    ChannelMixer,
    CrossAttention,
    Embedding,
    EmbeddingHead,
    Layer,
    Mixer,
    Norm,
    OutputHead,
)
from lehr.simulators.layers.base import Kept, Weight, linear
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.quantities import Extent, NonNegative, Size

Placement = Literal["pre", "post", "sandwich", "parallel", "parallel_two"]
PLACEMENTS: dict[Placement, str] = {
    "pre": "one norm before each sublayer",
    "post": "one norm after each sublayer",
    "sandwich": "one before each sublayer and one after",
    "parallel": "one for both sublayers together (GPT-J)",
    "parallel_two": "one for each of two sublayers side by side (GPT-NeoX)",
}
"""Where the norms of a block stand."""
NORMS_OF_PLACEMENT = {"pre": 1, "post": 1, "sandwich": 2, "parallel_two": 1}
"""Norms that each sublayer of a block has, by where they stand."""


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One residual block: a mixer, an MLP or mixture of experts, and their norms; in a decoder with an encoder,
    cross-attention between the two.

    ``branches`` stand beside the sublayers. ``shared`` layers of this name have the same weights (ALBERT,
    arXiv:1909.11942): they are counted once and used, remembered and kept in every layer.
    """

    norm: Norm
    mixer: Mixer | None = None
    cross: CrossAttention | None = None
    mlp: ChannelMixer | None = None
    norm_placement: Placement = "pre"
    branches: tuple[Branch, ...] = ()
    shared: bool = False

    def sublayers(self) -> list[Layer]:
        """The mixer, the cross-attention and the channel mixer, those that are there."""
        return [layer for layer in (self.mixer, self.cross, self.mlp) if layer is not None]

    @property
    def n_norms(self) -> int:
        """Norms of the block, wherever they stand; norms inside a layer are the layer's [norms]."""
        if self.norm_placement == "parallel":
            return 1
        return NORMS_OF_PLACEMENT[self.norm_placement] * len(self.sublayers())

    def weights(self, d_model: int) -> list[Weight]:
        """Every tensor of the block."""
        own = [w for layer in [*self.sublayers(), *self.branches] for w in layer.weights(d_model)]
        return own + self.norm.weights(d_model) * self.n_norms

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        """What one token leaves for the backward pass in this block [bytes].

        >>> from lehr.simulators.layers import KORTHIKANTI, MLP, Attention, LayerNorm, NoPosition
        >>> block = Block(mixer=Attention(n_heads=96, n_kv_heads=96, d_head=128, position=NoPosition()),
        ...               mlp=MLP(d_ff=4 * 12288, activation="gelu"), norm=LayerNorm())
        >>> block.activation_bytes(12288, 2048, KORTHIKANTI) == 34 * 12288 + 5 * 96 * 2048   # their equation 1
        True
        """
        norms = self.n_norms * self.norm.activation_bytes(d_model, seq_len, kept)
        layers = [*self.sublayers(), *self.branches]
        return norms + plain_sum(layer.activation_bytes(d_model, seq_len, kept) for layer in layers)

    def stored(self, times: int) -> int:
        """How often its weights are stored where it stands ``times`` in a stack."""
        return min(times, 1) if self.shared else times


class Layers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of blocks, by name, repeated: ``{blocks: [local, global], repeat: 12}`` is 24 layers."""

    blocks: list[str]
    repeat: Size = 1


MOST_MODULES = 1000
"""More modules for multi-token prediction than this are a slip of the pen."""


class MTP(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Multi-token prediction modules, ``depth`` of them in sequence (DeepSeek-V3, arXiv:2412.19437, section 2.2).

    Each has a ``block`` of its own, a projection of two concatenated vectors and three norms; vocabulary and
    head are the main model's. A checkpoint may store those two tables again (``stores_tables``).
    """

    block: str
    norm: Norm
    depth: Size = 1
    stores_tables: bool = False

    def __post_init__(self) -> None:
        if self.depth > MOST_MODULES:
            raise ValueError(f"{self.depth} modules for multi-token prediction; write {MOST_MODULES} or fewer")

    def weights(self, d_model: int, blocks: dict[str, Block]) -> list[Weight]:
        """Every tensor that the modules add to training."""
        return (self.own_weights(d_model) + blocks[self.block].weights(d_model)) * self.depth

    def own_weights(self, d_model: int) -> list[Weight]:
        """What one module has beside its block."""
        return [*linear("projection", 2 * d_model, d_model, "mtp"), *self.norm.weights(d_model) * 3]


class Encoder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The encoder of an encoder-decoder network: a stack of its own, whose output the decoder attends to.

    Its blocks are named in the architecture's ``blocks``. It reads the decoder's vocabulary table unless it has an
    ``embedding`` of its own; ``learned_positions`` are rows of a position table of its own beside a shared vocabulary
    (BART); ``d_model`` is written where it is not the decoder's, and ``projection`` where an affine
    map leads from its width to the decoder's.
    """

    layers: list[Layers]
    final_norm: Norm | None
    d_model: Size | None = None
    embedding: Embedding | None = None
    embedding_norm: Norm | None = None
    learned_positions: Extent = 0
    projection: bool = False


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a published checkpoint stores beside the weights of the network.

    ``fp8_block``: its matrices are stored in 8 bits, with one scale for each square of that side; table, head, router
    and norms are not. ``stores_head``: a tied head is stored once more. ``rotary_buffers``: the inverse frequencies
    of the rotary embedding, for every layer or once. ``modules``: values of modules that are not described here.
    """

    fp8_block: Size | None = None
    stores_head: bool = False
    rotary_buffers: Literal["layer", "model"] | None = None
    modules: dict[str, Size] = {}


class Architecture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network, whole: width, tables, named blocks and the order in which they are stacked.

    ``causal: false`` is a network that sees both sides of a token (an encoder, a masked diffusion model). ``output``
    is an encoder's head beside the vocabulary's, ``embedding_head`` what makes one vector of all of them.
    ``norm_epsilon`` is what its norms add below the root, ``None`` where that is not known [1]. Raises
    ``ValueError`` where ``layers``, ``encoder`` or ``mtp`` name a block that is not in ``blocks``.

    >>> from lehr.simulators.layers import Attention, LayerNorm, MLP, NoPosition
    >>> santacoder = Architecture(
    ...     d_model=2048, context_length=2048,
    ...     embedding=Embedding(vocab_size=49280, tied=True, learned_positions=2048),
    ...     blocks={"decoder": Block(
    ...         mixer=Attention(n_heads=16, n_kv_heads=1, d_head=128, qkv_bias=True, out_bias=True,
    ...                         position=NoPosition()),
    ...         mlp=MLP(d_ff=8192, activation="gelu_tanh", bias=True), norm=LayerNorm())},
    ...     layers=[Layers(blocks=["decoder"], repeat=24)], final_norm=LayerNorm())
    >>> santacoder.n_layers, sum(w.size * n for w, n in santacoder.weights())
    (24, 1124886528)
    """

    d_model: Size
    context_length: Size
    embedding: Embedding
    blocks: dict[str, Block]
    layers: list[Layers]
    final_norm: Norm | None
    embedding_norm: Norm | None = None
    norm_epsilon: NonNegative | None = None
    causal: bool = True
    encoder: Encoder | None = None
    mtp: MTP | None = None
    output: OutputHead | None = None
    embedding_head: EmbeddingHead | None = None
    checkpoint: Checkpoint | None = None

    def __post_init__(self) -> None:
        runs = [*self.layers, *(self.encoder.layers if self.encoder else [])]
        if not any(run.blocks for run in self.layers):
            raise ValueError("`layers` is empty; write layers: [{blocks: [decoder], repeat: 24}]")
        named = [name for run in runs for name in run.blocks] + ([self.mtp.block] if self.mtp else [])
        for name in named:
            if name not in self.blocks:
                raise ValueError(f"no block is called {name!r}; `blocks` has {', '.join(sorted(self.blocks))}")
        crossed = any(self.blocks[name].cross is not None for run in self.layers for name in run.blocks)
        if crossed and self.encoder is None:
            raise ValueError("cross-attention attends to an encoder; write `encoder`, or leave `cross` out")
        if self.checkpoint is not None and self.checkpoint.stores_head and not self.embedding.tied:
            raise ValueError("stores_head is for a tied head, which is stored twice; write tied: true, or leave it out")

    @property
    def n_layers(self) -> int:
        """Blocks in the stack [layers]; an encoder's and those of modules beside it (MTP) are not counted."""
        return sum(len(run.blocks) * run.repeat for run in self.layers)

    def stack(self) -> list[tuple[Block, int]]:
        """Each kind of block of the stack with how often it occurs."""
        return stacked(self.layers, self.blocks)

    def encoder_stack(self) -> list[tuple[Block, int]]:
        """The same of the encoder; empty where there is none."""
        return stacked(self.encoder.layers, self.blocks) if self.encoder else []

    @property
    def d_encoder(self) -> int:
        """The encoder's width [features]."""
        return (self.encoder.d_model if self.encoder else None) or self.d_model

    def ends(self) -> list[Weight]:
        """What is outside the stack of blocks: tables, head, the norms at both ends, an output head."""
        first, last, width = self.embedding_norm, self.final_norm, self.d_model
        # the norm after narrow tables is as narrow where the projection follows it
        factored = self.embedding.factored
        narrow = width if factored is None or not factored.positions else factored.width
        return [
            *self.embedding.weights(width),
            *(first.weights(narrow) if first is not None else []),
            *(last.weights(width) if last is not None else []),
            *(self.output.weights(self.d_model) if self.output else []),
        ]

    def encoder_ends(self) -> list[Weight]:
        """The same of the encoder; its projection to the decoder's width is among them."""
        if self.encoder is None:
            return []
        width = self.d_encoder
        norms = [norm for norm in (self.encoder.embedding_norm, self.encoder.final_norm) if norm is not None]
        projected = (
            linear("projection", width, self.d_model, "projection", bias=True) if self.encoder.projection else []
        )
        rows = self.encoder.learned_positions
        return [
            *(self.encoder.embedding.weights(width) if self.encoder.embedding else []),
            *([Weight("position", (rows, width), "positions", "lookup")] if rows else []),
            *(w for norm in norms for w in norm.weights(width)),
            *projected,
        ]

    def weights(self) -> list[tuple[Weight, int]]:
        """Every tensor of the main model with how often it occurs; extra modules are not in it."""
        body = [(w, block.stored(n)) for block, n in self.stack() for w in block.weights(self.d_model)]
        encoder = [(w, block.stored(n)) for block, n in self.encoder_stack() for w in block.weights(self.d_encoder)]
        return [*((w, 1) for w in [*self.ends(), *self.encoder_ends()]), *body, *encoder]


def stacked(layers: list[Layers], blocks: dict[str, Block]) -> list[tuple[Block, int]]:
    """Each kind of block of a stack with how often it occurs.

    >>> from lehr.simulators.layers import MLP, RMSNorm
    >>> narrow, wide = (Block(mlp=MLP(d_ff=n, activation="silu"), norm=RMSNorm()) for n in (256, 512))
    >>> run = Layers(blocks=["a", "b"], repeat=3)
    >>> [n for _, n in stacked([run, Layers(blocks=["b"], repeat=2)], {"a": narrow, "b": wide})]
    [3, 5]
    """
    times: Counter[str] = Counter()
    for run in layers:
        for name in run.blocks:
            times[name] += run.repeat
    return [(blocks[name], n) for name, n in times.items()]
