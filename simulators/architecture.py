"""The shape of a network: blocks, how often each is repeated, and the tables at both ends."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

from simulators.layers import ChannelMixer, Embedding, Mixer, Norm
from simulators.layers.base import Size, Weight, linear

NORMS_OF_PLACEMENT = {"pre": 1, "post": 1, "sandwich": 2}
"""Norms that each sublayer of a block has, by where they stand."""


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One residual block: a mixer, an MLP or mixture of experts, and their norms.

    ``norm_placement``: ``pre`` and ``post`` have one norm a sublayer, ``sandwich`` one before and one
    after, ``parallel`` one for both sublayers together (GPT-J).
    """

    norm: Norm
    mixer: Mixer | None = None
    mlp: ChannelMixer | None = None
    norm_placement: Literal["pre", "post", "sandwich", "parallel"] = "pre"

    def sublayers(self) -> list[Mixer | ChannelMixer]:
        """The mixer and the channel mixer, those that are there."""
        return [layer for layer in (self.mixer, self.mlp) if layer is not None]

    def weights(self, d_model: int) -> list[Weight]:
        """Every tensor of the block."""
        sublayers = self.sublayers()
        n_norms = 1 if self.norm_placement == "parallel" else NORMS_OF_PLACEMENT[self.norm_placement] * len(sublayers)
        return [w for layer in sublayers for w in layer.weights(d_model)] + self.norm.weights(d_model) * n_norms


class Layers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of blocks, by name, repeated: ``{blocks: [local, global], repeat: 12}`` is 24 layers."""

    blocks: list[str]
    repeat: Size = 1


class MTP(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Multi-token prediction modules, ``depth`` of them in sequence (DeepSeek-V3, arXiv:2412.19437, section 2.2).

    Each has a ``block`` of its own, a projection of two concatenated vectors and three norms; vocabulary and
    head are the main model's. A checkpoint may store those two tables again (``stores_tables``).
    """

    block: str
    norm: Norm
    depth: Size = 1
    stores_tables: bool = False

    def weights(self, d_model: int, blocks: dict[str, Block]) -> list[Weight]:
        """Every tensor that the modules add to training."""
        one = [
            *linear("projection", 2 * d_model, d_model, "mtp"),
            *self.norm.weights(d_model) * 3,
            *blocks[self.block].weights(d_model),
        ]
        return one * self.depth


class Architecture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network, whole: width, tables, named blocks and the order in which they are stacked.

    Raises ``ValueError`` where ``layers`` or ``mtp`` name a block that is not in ``blocks``.

    >>> from simulators.layers import Attention, LayerNorm, MLP, NoPosition
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
    causal: bool = True
    mtp: MTP | None = None

    def __post_init__(self) -> None:
        named = [name for run in self.layers for name in run.blocks] + ([self.mtp.block] if self.mtp else [])
        for name in named:
            if name not in self.blocks:
                raise ValueError(f"no block is called {name!r}; `blocks` has {', '.join(sorted(self.blocks))}")

    @property
    def n_layers(self) -> int:
        """Blocks in the stack [layers]; modules beside it (MTP) are not counted."""
        return sum(len(run.blocks) * run.repeat for run in self.layers)

    def stack(self) -> list[tuple[Block, int]]:
        """Each kind of block of the stack with how often it occurs."""
        times: Counter[str] = Counter()
        for run in self.layers:
            for name in run.blocks:
                times[name] += run.repeat
        return [(self.blocks[name], n) for name, n in times.items()]

    def weights(self) -> list[tuple[Weight, int]]:
        """Every tensor of the main model with how often it occurs; extra modules are not in it."""
        norms = [norm for norm in (self.embedding_norm, self.final_norm) if norm is not None]
        ends = self.embedding.weights(self.d_model) + [w for norm in norms for w in norm.weights(self.d_model)]
        body = [(w, n) for block, n in self.stack() for w in block.weights(self.d_model)]
        return [*((w, 1) for w in ends), *body]
