"""A network of the same kinds of layers, small: the proportions stay, the widths do not."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.errors import LehrError
from lehr.recipes.rehearsing.scale import VOCABULARY, Scale
from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.layers import (
    MLA,
    MLP,
    Attention,
    DeltaNet,
    Embedding,
    GatedConvolution,
    GatedDeltaNet,
    LightningAttention,
    Mamba,
    Mamba2,
    MoE,
    Retention,
    Rope,
)

HEAD = 16
"""Features of a head [features]."""
EXPERTS, CHOSEN = 8, 2
"""The most experts of a mixture, and the most that a token uses."""
STATE = 16
"""The most states of a recurrent channel."""


def shrunken(architecture: Architecture, scale: Scale, sequence_length: int) -> tuple[Architecture, list[str]]:
    """``architecture`` at the sizes of ``scale`` for texts of ``sequence_length`` tokens, and what it had to leave out.

    Raises ``LehrError`` that names a layer which no rehearsal can train.

    >>> from lehr.recipes.rehearsing.scale import OF_NAME
    >>> from lehr.simulators.counting import count_parameters
    >>> from lehr.simulators.planning.ladder import dense
    >>> small, notes = shrunken(dense(4096, vocab_size=128256, context_length=8192), OF_NAME["tiny"], 128)
    >>> small.n_layers, count_parameters(small).total, notes
    (3, 413856, [])
    """
    if architecture.encoder is not None or not architecture.causal:
        raise LehrError("the network is no decoder; a rehearsal trains networks that write from left to right")
    if architecture.output is not None or architecture.embedding_head is not None:
        raise LehrError("the network ends in a head of another kind; a rehearsal trains those that predict a token")
    if not architecture.embedding.head:
        raise LehrError("the network has no head over its vocabulary; a rehearsal trains those that predict a token")
    if architecture.embedding.factored is not None:
        raise LehrError("its tables are narrower than the network, which a rehearsal cannot train yet")
    notes: list[str] = []
    if architecture.mtp is not None:
        notes.append("its modules for multi-token prediction are left out")
    width = scale.d_model
    size = _Size(architecture.d_model, width, sequence_length / architecture.context_length, sequence_length)
    blocks = {
        name: _block(block, size, notes)
        for name, block in architecture.blocks.items()
        if any(name in run.blocks for run in architecture.layers)
    }
    tables = Embedding(
        vocab_size=VOCABULARY,
        tied=architecture.embedding.tied,
        head_bias=architecture.embedding.head_bias,
        learned_positions=sequence_length if architecture.embedding.learned_positions else 0,
    )
    small = msgspec.structs.replace(
        architecture, d_model=width, context_length=sequence_length, embedding=tables, blocks=blocks,
        layers=_fewer(architecture.layers, architecture.n_layers, scale.n_layers), mtp=None, checkpoint=None,
    )  # fmt: skip
    return small, list(dict.fromkeys(notes))


def _fewer(runs: list[Layers], n_layers: int, wanted: int) -> list[Layers]:
    """Each run with its share of ``wanted`` layers, whole patterns, once at the least."""
    return [
        Layers(blocks=run.blocks, repeat=max(1, round(wanted * run.repeat / n_layers))) for run in runs if run.blocks
    ]


def _block(block: Block, size: _Size, notes: list[str]) -> Block:
    if block.branches or block.cross is not None or block.shared:
        what = "layers that share their weights" if block.shared else "branches beside its layers"
        raise LehrError(f"the network has {what}, which a rehearsal cannot train yet")
    return msgspec.structs.replace(
        block,
        mixer=None if block.mixer is None else _mixer(block.mixer, size, notes),
        mlp=None if block.mlp is None else _channel_mixer(block.mlp, size),
    )


def eight(value: float) -> int:
    """The nearest multiple of 8, one at the least.

    >>> eight(257), eight(1)
    (256, 8)
    """
    return max(8, 8 * round(value / 8))


def _mixer(mixer: Any, size: _Size, notes: list[str]) -> Any:
    """The mixer with fewer and smaller heads. Raises ``LehrError`` for one that cannot be rehearsed."""
    changed = next((how(mixer, size) for kind, how in SMALLER.items() if isinstance(mixer, kind)), None)
    if changed is None:
        raise LehrError(
            f"its layers of {mixer.variant} cannot be rehearsed yet; attention (dense, grouped, windowed, latent), "
            "mixtures, Mamba, DeltaNet, retention and lightning attention can"
        )
    if isinstance(mixer, MLA) and mixer.indexer is not None:
        notes.append("its indexer is left out: it would choose all of so short a text")
    position = getattr(mixer, "position", None)
    if position is not None and type(position).__name__ not in ("Rope", "NoPosition", "Alibi"):
        raise LehrError(f"its positions of kind {type(position).__name__} cannot be rehearsed yet")
    if getattr(position, "scaling", None) is not None:
        notes.append("the rotary embedding is not stretched: the texts are short")
        assert isinstance(position, Rope)
        changed["position"] = msgspec.structs.replace(position, scaling=None)
    return msgspec.structs.replace(mixer, **changed)


class _Size(msgspec.Struct, frozen=True):
    """The recipe's width and this one's, the share of the context that a text has, and its length."""

    wide: int
    width: int
    reach: float
    length: int

    @property
    def n_heads(self) -> int:
        return max(1, self.width // HEAD)

    def shared(self, of: int, all_: int) -> int:
        """Heads of keys and values, shared by as many queries as ``of`` of ``all_`` are, where that divides."""
        most = max(1, round(self.n_heads * of / all_))
        return max(k for k in range(1, most + 1) if self.n_heads % k == 0)

    def scaled(self, features: int) -> int:
        return eight(features / self.wide * self.width)

    def window(self, tokens: int | None) -> int | None:
        """A quarter of the text at the least, so that a window still sees something."""
        return None if tokens is None else max(self.length // 4, min(self.length, round(tokens * self.reach)))


def _attention(mixer: Attention, size: _Size) -> dict[str, Any]:
    if mixer.differential or mixer.seen_by_all or mixer.keys != "own" or mixer.indexer is not None:
        said = "shares keys between layers, or chooses or subtracts scores"
        raise LehrError(f"its attention {said}, which a rehearsal cannot train yet")
    return {
        "n_heads": size.n_heads, "n_kv_heads": size.shared(mixer.n_kv_heads, mixer.n_heads), "d_head": HEAD,
        "d_value": None if mixer.d_value is None else HEAD, "window": size.window(mixer.window),
        "chunk": size.window(mixer.chunk),
    }  # fmt: skip


def _latent(mixer: MLA, size: _Size) -> dict[str, Any]:
    return {
        "n_heads": size.n_heads, "q_rank": None if mixer.q_rank is None else size.scaled(mixer.q_rank),
        "kv_rank": size.scaled(mixer.kv_rank), "d_nope": HEAD, "d_value": HEAD,
        "d_rope": HEAD // 2 if mixer.d_rope else 0,
        "indexer": None, "window": size.window(mixer.window),
    }  # fmt: skip


def _gated_delta(mixer: GatedDeltaNet, size: _Size) -> dict[str, Any]:
    keys = size.shared(mixer.n_k_heads, mixer.n_v_heads)
    return {"n_k_heads": keys, "n_v_heads": size.n_heads, "d_key": HEAD, "d_value": HEAD}


def _keyed(mixer: DeltaNet | Retention, size: _Size) -> dict[str, Any]:
    return {"n_heads": size.n_heads, "d_key": HEAD, "d_value": HEAD}


def _lightning(mixer: LightningAttention, size: _Size) -> dict[str, Any]:
    return {"n_heads": size.n_heads, "d_head": HEAD}


def _mamba2(mixer: Mamba2, size: _Size) -> dict[str, Any]:
    n_heads = max(1, round(mixer.d_inner / size.wide * size.width / HEAD))
    return {"n_heads": n_heads, "d_head": HEAD, "d_state": min(mixer.d_state, STATE), "n_groups": 1}


def _mamba(mixer: Mamba, size: _Size) -> dict[str, Any]:
    rank = max(1, round(mixer.dt_rank / size.wide * size.width))
    return {"d_inner": size.scaled(mixer.d_inner), "d_state": min(mixer.d_state, STATE), "dt_rank": rank}


def _convolution(mixer: GatedConvolution, size: _Size) -> dict[str, Any]:
    return {}


SMALLER: dict[Any, Any] = {
    Attention: _attention, MLA: _latent, GatedDeltaNet: _gated_delta, DeltaNet: _keyed, Retention: _keyed,
    LightningAttention: _lightning, Mamba2: _mamba2, Mamba: _mamba, GatedConvolution: _convolution,
}  # fmt: skip
"""What changes of each kind of mixer."""


def _channel_mixer(mlp: Any, size: _Size) -> Any:
    if isinstance(mlp, MLP):
        _known(mlp.activation)
        return msgspec.structs.replace(mlp, d_ff=size.scaled(mlp.d_ff))
    if not isinstance(mlp, MoE):
        raise LehrError(f"its layers of {mlp.variant} cannot be rehearsed yet; a plain or gated MLP and mixtures can")
    _known(mlp.activation)
    if mlp.d_latent is not None or mlp.branch_norms or mlp.router_scales or mlp.n_zero_experts:
        raise LehrError("its mixture has scaled routers, latent or empty experts, which a rehearsal cannot train yet")
    top_k = min(CHOSEN, mlp.top_k)
    return msgspec.structs.replace(
        mlp, n_experts=max(top_k, min(EXPERTS, mlp.n_experts)), top_k=top_k,
        d_ff_expert=size.scaled(mlp.d_ff_expert * mlp.top_k // top_k),
        n_shared_experts=min(1, mlp.n_shared_experts), router_bias_buffer=False,
        shared_d_ff=size.scaled(mlp.d_ff_shared) if mlp.d_ff_shared else None,
    )  # fmt: skip


def _known(activation: str) -> None:
    if activation in ("xielu", "situ"):
        raise LehrError(f"its activation {activation} cannot be rehearsed yet; gelu, silu, relu and their kin can")
