"""Networks of a sensible shape, from small to large: what a size stands for, instead of a bare number."""

from __future__ import annotations

from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.layers import MLP, Attention, Embedding, MoE, RMSNorm, Rope

D_HEAD = 128

WIDTHS = tuple(128 * n for n in (*range(4, 48), *range(48, 96, 2), *range(96, 132, 4), *range(136, 200, 8)))
"""Features of each rung, 512 to 24,576: dense networks of 147M to 1.46T parameters at Llama 3's vocabulary, from 7B to
100B a tenth or less apart."""


def dense(d_model: int, *, vocab_size: int, context_length: int) -> Architecture:
    """A decoder in the proportions of Llama 3 (Grattafiori et al. 2024, arXiv:2407.21783, Table 3): a layer for each
    128 features, heads of 128, a gated MLP 3.5 times as wide; keys and values for 8 heads, or for the most that divide
    the heads of a narrow one. Both tables are apart. Raises ``ValueError`` where ``d_model`` is no multiple of 128.

    >>> from lehr.simulators.counting import count_parameters
    >>> count_parameters(dense(4096, vocab_size=128256, context_length=8192)).total       # Llama 3 8B
    8030261248
    """
    _check(d_model)
    mlp = MLP(d_ff=d_model * 7 // 2, activation="silu", gated=True)
    return _decoder(d_model, mlp, vocab_size, context_length)


def mixture(d_model: int, *, expansion: int, top_k: int, vocab_size: int, context_length: int) -> Architecture:
    """The dense decoder of that width with its MLP cut into ``top_k`` experts, ``expansion`` times as many to choose
    from: one token uses as many parameters as in the dense one, but for the router. No experts are shared.

    Raises ``ValueError`` where the MLP does not divide.

    >>> from lehr.simulators.counting import count_parameters
    >>> count = count_parameters(mixture(4096, expansion=8, top_k=8, vocab_size=128256, context_length=8192))
    >>> f"{count.total:.3g} in all, {count.active['all']:.3g} for a token"
    '4.75e+10 in all, 8.04e+09 for a token'
    """
    _check(d_model)
    if d_model * 7 // 2 % top_k:
        raise ValueError(f"an MLP of {d_model * 7 // 2:,} does not divide into {top_k} experts; write another top_k")
    mlp = MoE(
        n_experts=expansion * top_k, top_k=top_k, d_ff_expert=d_model * 7 // 2 // top_k, activation="silu", gated=True
    )
    return _decoder(d_model, mlp, vocab_size, context_length)


def ladder(
    expansions: tuple[int, ...] = (1,), *, top_k: int = 8, vocab_size: int, context_length: int
) -> dict[tuple[int, int], Architecture]:
    """Every rung at every expansion, by (width, expansion); expansion 1 is dense.

    >>> len(WIDTHS), len(ladder((1, 8), vocab_size=128256, context_length=8192))
    (85, 170)
    """
    return {
        (width, expansion): dense(width, vocab_size=vocab_size, context_length=context_length)
        if expansion == 1
        else mixture(width, expansion=expansion, top_k=top_k, vocab_size=vocab_size, context_length=context_length)
        for expansion in expansions
        for width in WIDTHS
    }


def _check(d_model: int) -> None:
    if d_model < D_HEAD or d_model % D_HEAD:
        raise ValueError(f"d_model is {d_model}; write a multiple of {D_HEAD}")


def _decoder(d_model: int, mlp: MLP | MoE, vocab_size: int, context_length: int) -> Architecture:
    n_heads = d_model // D_HEAD
    n_kv_heads = next(n for n in (8, 4, 2, 1) if n_heads % n == 0)
    mixer = Attention(n_heads=n_heads, n_kv_heads=n_kv_heads, d_head=D_HEAD, position=Rope(base=500_000.0))
    return Architecture(
        d_model=d_model,
        context_length=context_length,
        embedding=Embedding(vocab_size=vocab_size, tied=False),
        blocks={"decoder": Block(mixer=mixer, mlp=mlp, norm=RMSNorm())},
        layers=[Layers(blocks=["decoder"], repeat=n_heads)],
        final_norm=RMSNorm(),
    )
