"""Networks of a sensible shape, from small to large: what a size stands for, instead of a bare number."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.counting import count_parameters
from lehr.simulators.layers import MLP, Attention, Embedding, MoE, RMSNorm, Rope

D_HEAD = 128

WIDTHS = tuple(128 * n for n in (*range(4, 48), *range(48, 96, 2), *range(96, 132, 4), *range(136, 200, 8)))
"""Features of each rung, 512 to 24,576: dense networks of 147M to 1.46T parameters at Llama 3's vocabulary, from 7B to
100B a tenth or less apart."""
SMALL = (256, 384)
"""Widths below those, in the same proportions."""
TINY = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224)
"""Features of networks that a CPU trains in a minute: two layers and two heads, as the one of 256 features has."""

NARROW, WIDE = 16, 64
"""Heads from which on networks of a given size have heads in fours, from twice as many in eights, over which tensor
groups divide; and from which on layers are in fours."""
MLP_STEPS = ((NARROW, 64), (2 * NARROW, 128), (WIDE, 256), (float("inf"), 512))
"""Up to how many heads the MLP is a multiple of what."""
UNEVEN = 0.05
"""What heads that do not divide by eight, or layers not by four, count for against proportions [log]."""
LAYERS = (0.8, 1.6)
"""Layers of networks of a given size, over Llama 3's one for each 128 features: 0.82 in PaLM 540B (arXiv:2204.02311),
1.6 in Qwen3 32B (arXiv:2505.09388)."""
MLP_WIDTH = (3.0, 4.0)
"""Of their MLPs, over ``d_model``: 3.0 in Qwen3 8B, 3.5 in Llama 3 8B, 4.0 in PaLM 540B."""


def dense(
    d_model: int, *, layers: int | None = None, d_ff: int | None = None, vocab_size: int, context_length: int
) -> Architecture:
    """A decoder in the proportions of Llama 3 (Grattafiori et al. 2024, arXiv:2407.21783, Table 3): a layer for each
    128 features, heads of 128, a gated MLP 3.5 times as wide, or ``layers`` and ``d_ff``; keys and values for 8 heads,
    or for the most that divide the heads of a narrow one. Both tables are apart. A width of ``TINY`` has two layers and
    two heads, as 256 features have. Raises ``ValueError`` where ``d_model`` is neither such a width nor a multiple of
    128.

    >>> from lehr.simulators.counting import count_parameters
    >>> count_parameters(dense(4096, vocab_size=128256, context_length=8192)).total       # Llama 3 8B
    8030261248
    >>> count_parameters(dense(64, vocab_size=256, context_length=128)).total
    151872
    """
    if d_model not in TINY:
        _check(d_model)
    mlp = MLP(d_ff=d_ff or d_model * 7 // 2, activation="silu", gated=True)
    return _decoder(d_model, layers, mlp, vocab_size, context_length)


def mixture(
    d_model: int, *, expansion: int, top_k: int, layers: int | None = None, d_ff: int | None = None, vocab_size: int,
    context_length: int,
) -> Architecture:  # fmt: skip
    """The dense decoder of that width with its MLP cut into ``top_k`` experts, ``expansion`` times as many to choose
    from: one token uses as many parameters as in the dense one, but for the router. No experts are shared.

    Raises ``ValueError`` where the MLP does not divide.

    >>> from lehr.simulators.counting import count_parameters
    >>> count = count_parameters(mixture(4096, expansion=8, top_k=8, vocab_size=128256, context_length=8192))
    >>> f"{count.total:.3g} in all, {count.active['all']:.3g} for a token"
    '4.75e+10 in all, 8.04e+09 for a token'
    """
    _check(d_model)
    width = d_ff or d_model * 7 // 2
    if width % top_k:
        raise ValueError(f"an MLP of {width:,} does not divide into {top_k} experts; write another top_k")
    mlp = MoE(n_experts=expansion * top_k, top_k=top_k, d_ff_expert=width // top_k, activation="silu", gated=True)
    return _decoder(d_model, layers, mlp, vocab_size, context_length)


def ladder(
    expansions: tuple[int, ...] = (1,), *, top_k: int = 8, vocab_size: int, context_length: int
) -> dict[tuple[int, int], Architecture]:
    """Every rung at every expansion, by (width, expansion); expansion 1 is dense, and has the widths of ``below`` too.

    >>> len(WIDTHS), len(ladder((1, 8), vocab_size=128256, context_length=8192))
    (85, 170)
    >>> len(ladder((1, 8), vocab_size=256, context_length=128))
    184
    """
    small = below(vocab_size=vocab_size, context_length=context_length)
    return {
        (width, expansion): dense(width, vocab_size=vocab_size, context_length=context_length)
        if expansion == 1
        else mixture(width, expansion=expansion, top_k=top_k, vocab_size=vocab_size, context_length=context_length)
        for expansion in expansions
        for width in (*(small if expansion == 1 else ()), *WIDTHS)
    }


def shapes(
    d_model: int, expansion: int = 1, *, top_k: int = 8, vocab_size: int, context_length: int
) -> Iterator[tuple[float, Architecture]]:
    """Networks of sizes about that of the rung as wide as ``d_model`` that divide over devices: heads in eights or
    fours (in pairs in a narrow network), layers in pairs, an MLP in 64s to 512s, experts in 64s. Each with how far it
    leaves Llama 3's proportions [log], and ``UNEVEN`` for what does not divide by eight and four.

    >>> found = shapes(4096, vocab_size=128256, context_length=8192)
    >>> apart, nearest = min(found, key=lambda one: one[0])
    >>> apart, nearest == dense(4096, vocab_size=128256, context_length=8192)               # Llama 3 8B itself
    (0.0, True)
    """
    for heads in _heads(d_model // D_HEAD):
        width = heads * D_HEAD
        step = 64 * top_k if expansion > 1 else next(by for most, by in MLP_STEPS if heads < most)
        by = 2 if heads < WIDE else 4
        few, most = (int(heads * bound / by) for bound in LAYERS)
        narrow, wide = (int(width * bound / step) for bound in MLP_WIDTH)
        for layers in range(by * max(1, few), by * most + 1, by):
            uneven = UNEVEN * ((heads >= NARROW and heads % 8 > 0) + (layers % 4 > 0))
            for d_ff in range(step * max(1, narrow), step * wide + 1, step):
                apart = abs(log(layers / heads)) + abs(log(d_ff / (3.5 * width))) + uneven
                if expansion == 1:
                    yield (
                        apart,
                        dense(width, layers=layers, d_ff=d_ff, vocab_size=vocab_size, context_length=context_length),
                    )
                else:
                    yield apart, mixture(
                        width, expansion=expansion, top_k=top_k, layers=layers, d_ff=d_ff, vocab_size=vocab_size,
                        context_length=context_length,
                    )  # fmt: skip


def _heads(near: int) -> list[int]:
    """Numbers of heads that divide well, to both sides of ``near``."""
    by = 2 if near < NARROW else 4 if near < 2 * NARROW else 8
    # below the ladder's widths a network is one of the rungs
    return [n for n in (near // by * by, near // by * by + by) if n >= 2 and near >= WIDTHS[0] // D_HEAD]


def below(*, vocab_size: int, context_length: int) -> tuple[int, ...]:
    """The widths below ``WIDTHS`` whose tables are no more than half of the network: what is mostly tables tells
    nothing of larger ones.

    >>> below(vocab_size=256, context_length=128)[:3], below(vocab_size=32000, context_length=4096)
    ((32, 40, 48), ())
    """
    found = []
    for width in (*TINY, *SMALL):
        shape = dense(width, vocab_size=vocab_size, context_length=context_length)
        if 4 * vocab_size * width <= count_parameters(shape).total:
            found.append(width)
    return tuple(found)


def _check(d_model: int) -> None:
    if d_model < D_HEAD or d_model % D_HEAD:
        raise ValueError(f"d_model is {d_model}; write a multiple of {D_HEAD}")


def _decoder(d_model: int, layers: int | None, mlp: MLP | MoE, vocab_size: int, context_length: int) -> Architecture:
    n_heads = 2 if d_model in TINY else d_model // D_HEAD
    n_kv_heads = next(n for n in (8, 4, 2, 1) if n_heads % n == 0)
    d_head = d_model // n_heads
    mixer = Attention(n_heads=n_heads, n_kv_heads=n_kv_heads, d_head=d_head, position=Rope(base=500_000.0))
    return Architecture(
        d_model=d_model,
        context_length=context_length,
        embedding=Embedding(vocab_size=vocab_size, tied=False),
        blocks={"decoder": Block(mixer=mixer, mlp=mlp, norm=RMSNorm())},
        layers=[Layers(blocks=["decoder"], repeat=layers or n_heads)],
        final_norm=RMSNorm(),
    )
