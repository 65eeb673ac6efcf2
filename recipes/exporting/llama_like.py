"""Networks that pre-training frameworks build from a few sizes: RMSNorm, rotary positions, gated SiLU, no biases."""

from __future__ import annotations

import msgspec

from lehr.recipes.exporting.rates import RefusedError
from lehr.simulators.architecture import Architecture
from lehr.simulators.layers import MLP, Attention, RMSNorm
from lehr.simulators.layers.position import Llama3, Rope

USUAL_EPSILON = 1e-5
"""What the norms of OLMo-core, Megatron-LM, LitGPT and torchtitan add below the root told nothing [1]."""


class LlamaLike(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes of such a network."""

    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_head: int
    d_ff: int
    vocab_size: int
    tied: bool
    rope_base: float
    qk_norm: bool
    qkv_bias: bool
    context_length: int
    norm_epsilon: float
    rope_scaling: Llama3 | None = None


def llama_like(
    architecture: Architecture | None, *, qk_norm: bool = False, qkv_bias: bool = False, scaled: bool = False
) -> LlamaLike:
    """The sizes of ``architecture``; ``qk_norm``, ``qkv_bias`` and ``scaled`` (rotary positions stretched as Llama
    3.1's) say which of these may be there.

    Raises ``RefusedError`` for a network of another kind, and names what is another.
    """
    if architecture is None:
        raise RefusedError("random weights need the network, which is not public")
    a = architecture
    stack = a.stack()
    if (
        len(stack) != 1
        or a.encoder
        or a.mtp
        or a.output
        or a.embedding_norm
        or a.embedding.learned_positions
        or not a.causal
    ):
        raise RefusedError("its network is no stack of one kind of block, which is all that this exporter describes")
    (block, n_layers) = stack[0]
    mixer, mlp = block.mixer, block.mlp
    if not isinstance(mixer, Attention) or not isinstance(mlp, MLP):
        raise RefusedError("its blocks are not attention with an MLP, which is all that this exporter describes")
    turned = mixer.position
    scaling = turned.scaling if scaled and isinstance(turned, Rope) and isinstance(turned.scaling, Llama3) else None
    if not isinstance(turned, Rope) or turned.scaling is not scaling or turned.fraction != 1.0:
        raise RefusedError("its positions are not plain rotary ones, which is all that this exporter describes")
    plain = Attention(
        n_heads=mixer.n_heads,
        n_kv_heads=mixer.n_kv_heads,
        d_head=mixer.d_head,
        position=turned,
        qk_norm=mixer.qk_norm if qk_norm and mixer.qk_norm == "head" else None,
        qkv_bias=mixer.qkv_bias if qkv_bias else False,
    )
    if mixer != plain:
        raise RefusedError("its attention has more than this exporter describes (biases, windows or norms)")
    if (
        mlp != MLP(d_ff=mlp.d_ff, activation="silu", gated=True)
        or not isinstance(block.norm, RMSNorm)
        or block.norm_placement != "pre"
        or block.branches
    ):
        raise RefusedError("its MLP or norms are not LLaMA's, which is all that this exporter describes")
    return LlamaLike(
        d_model=a.d_model,
        n_layers=n_layers,
        n_heads=mixer.n_heads,
        n_kv_heads=mixer.n_kv_heads,
        d_head=mixer.d_head,
        d_ff=mlp.d_ff,
        vocab_size=a.embedding.vocab_size,
        tied=a.embedding.tied,
        rope_base=turned.base,
        qk_norm=mixer.qk_norm == "head",
        qkv_bias=mixer.qkv_bias,
        context_length=a.context_length,
        norm_epsilon=USUAL_EPSILON if a.norm_epsilon is None else a.norm_epsilon,
        rope_scaling=scaling,
    )
