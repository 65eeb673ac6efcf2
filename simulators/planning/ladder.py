"""Networks of a sensible shape, from small to large: what a size stands for, instead of a bare number."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import Any, NamedTuple

from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.counting import count_parameters
from lehr.simulators.layers import MLP, Attention, Embedding, MoE, RMSNorm, Rope
from lehr.simulators.planning.reading import Key

STEP = 128
"""Features for which Llama 3's proportions have a layer; widths are multiples of it."""

RUNGS = (
    (512, 4, 1792), (640, 5, 2240), (768, 6, 2688), (896, 7, 3136), (1024, 8, 3584), (1152, 8, 4608),
    (1280, 10, 4480), (1408, 10, 5504), (1536, 12, 5376), (1664, 12, 6400), (1792, 14, 6272), (1920, 14, 7296),
    (2048, 16, 7168), (2176, 18, 7168), (2304, 16, 9216), (2432, 18, 8960), (2560, 20, 8960), (2688, 22, 8960),
    (2816, 20, 11008), (2944, 22, 10752), (3072, 24, 10752), (3200, 26, 10752), (3328, 28, 10752), (3584, 24, 12800),
    (3456, 32, 11520), (3968, 28, 12032), (3840, 28, 14336), (3968, 30, 14336), (4096, 32, 14336), (4096, 32, 16128),
    (4096, 34, 16384), (4608, 32, 16384), (4608, 32, 18176), (5120, 36, 15360), (5120, 38, 15872), (5120, 38, 17408),
    (5120, 40, 17920), (5120, 42, 18688), (5120, 42, 20224), (5120, 44, 20480), (6144, 42, 18432), (6144, 44, 18688),
    (6144, 46, 19456), (6144, 46, 20992), (6144, 48, 21504), (6144, 52, 22784), (7168, 50, 21760), (7168, 52, 23808),
    (7168, 56, 25088), (7168, 60, 26368), (7168, 62, 28416), (8192, 60, 27648), (8192, 64, 28672), (8192, 68, 29696),
    (8192, 72, 31232), (9216, 68, 31232), (9216, 72, 32256), (9216, 76, 33280), (9216, 80, 34816), (10240, 76, 34816),
    (10240, 80, 35840), (10240, 84, 36864), (10240, 88, 38400), (11264, 84, 38400), (11264, 88, 39424),
    (11264, 92, 40448), (11264, 96, 41984), (12288, 92, 41984), (12288, 96, 43008), (12288, 104, 45568),
    (13312, 104, 46592), (14336, 104, 48128), (14336, 112, 50176), (15360, 112, 51712), (15360, 120, 53760),
    (16384, 120, 55296), (16384, 128, 57344), (17408, 136, 60928), (18432, 144, 64512), (19456, 152, 68096),
    (20480, 160, 71680), (21504, 168, 75264), (22528, 176, 78848), (23552, 184, 82432), (24576, 192, 86016),
)  # fmt: skip
"""Width, layers and MLP's width of each rung: dense networks of 145M to 1.47T parameters at Llama 3's vocabulary, from
7B to 100B a tenth or little more apart. Each stands for a network of 512, 640, 768, ... features in Llama 3's
proportions, and has its size to 2 % and its FLOPs for each parameter to a third of a per cent: a choice of size would
else be one of shape. Heads are whole groups (``GROUPS``); from 1,024 features on layers are in pairs."""
SMALL = (256, 384)
"""Widths below those, in the same proportions."""
TINY = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224)
"""Features of networks that a CPU trains in a minute: two layers and two heads."""


class Heads(NamedTuple):
    """How a network below ``width`` features has its heads: so large, in groups of so many, and as many of keys and
    values."""

    width: float
    d_head: int
    group: int
    n_kv: int


GROUPS = (Heads(1024, 64, 2, 2), Heads(2048, 64, 4, 4), Heads(3072, 64, 8, 8), Heads(float("inf"), 128, 8, 8))
"""Heads of published networks of such a width (conf/model): of 64 features 14 with 2 of keys and values at 896
(Qwen2.5 0.5B), 20 with 4 at 1,280 (Granite Swash 3B) and 40 with 8 at 2,560 (Granite 4.1 3B); of 128 with 8 of keys and
values 24 at 3,072 (Apertus 4B), 32 at 4,096 (Llama 3 8B), 40 at 5,120 (Qwen3 14B), 48 at 6,144 (Codestral), 56 at 7,168
(DeepSeek-Coder 33B), 64 at 8,192 (Llama 3 70B), 96 at 12,288 (Devstral 2) and 128 at 16,384 (Llama 3 405B). So a wider
network never has the smaller cache of a token and layer."""

FILLED = 4096
"""Features from which on only widths that their heads fill stand between the rungs."""
NARROW, WIDE = 16, 64
"""Steps of width from which on layers are in pairs, and in fours."""
MLP_STEPS = ((NARROW, 64), (2 * NARROW, 128), (WIDE, 256), (float("inf"), 512))
"""Up to how many steps of width the MLP is a multiple of what."""
UNEVEN = 0.05
"""What layers that do not divide by four count for against proportions [log]."""
LAYERS = (0.8, 1.6)
"""Layers of networks of a given size, over Llama 3's one for each 128 features: 0.82 in PaLM 540B (arXiv:2204.02311),
1.6 in Qwen3 32B (arXiv:2505.09388)."""
MLP_WIDTH = (3.0, 4.0)
"""Of their MLPs, over ``d_model``: 3.0 in Qwen3 8B, 3.5 in Llama 3 8B, 4.0 in PaLM 540B."""


def dense(
    d_model: int, *, layers: int | None = None, d_ff: int | None = None, vocab_size: int, context_length: int
) -> Architecture:
    """A decoder in the proportions of Llama 3 (Grattafiori et al. 2024, arXiv:2407.21783, Table 3): a layer for each
    128 features, a gated MLP 3.5 times as wide, or ``layers`` and ``d_ff``; heads as ``GROUPS`` says, the whole groups
    that come nearest to the width. Both tables are apart. A width of ``TINY`` has two layers and two heads. Raises
    ``ValueError`` where ``d_model`` is neither such a width nor a multiple of 128.

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
) -> dict[Key, Architecture]:
    """Every rung at every expansion, by all its parameters and the expansion; expansion 1 is dense, and has the widths
    of ``below`` too.

    >>> len(RUNGS), len(ladder((1, 8), vocab_size=128256, context_length=8192))
    (85, 170)
    >>> len(ladder((1, 8), vocab_size=256, context_length=128))
    184
    """
    sizes: dict[str, Any] = {"vocab_size": vocab_size, "context_length": context_length}
    small = [dense(width, **sizes) for width in below(**sizes)]
    found: dict[Key, Architecture] = {}
    for expansion in expansions:
        at = [
            dense(width, layers=layers, d_ff=d_ff, **sizes)
            if expansion == 1
            else mixture(width, expansion=expansion, top_k=top_k, layers=layers, d_ff=d_ff, **sizes)
            for width, layers, d_ff in RUNGS
        ]
        rungs = [*small, *at] if expansion == 1 else at
        found |= {(count_parameters(rung).total, expansion): rung for rung in rungs}
    return found


def shapes(
    d_model: int, expansion: int = 1, *, top_k: int = 8, vocab_size: int, context_length: int
) -> Iterator[tuple[float, Architecture]]:
    """Networks of sizes about that of the rung as wide as ``d_model`` that divide over devices: whole groups of heads,
    layers in pairs or fours, an MLP in 64s to 512s, experts in 64s. Each with how far it leaves Llama 3's proportions
    [log], heads that fill the width among them, and ``UNEVEN`` for layers that do not divide by four.

    >>> found = shapes(4096, vocab_size=128256, context_length=8192)
    >>> apart, nearest = min(found, key=lambda one: one[0])
    >>> apart, nearest == dense(4096, vocab_size=128256, context_length=8192)               # Llama 3 8B itself
    (0.0, True)
    """
    for width in _near(d_model):
        usual = width // STEP
        full = abs(log(n_heads(width) * _heads(width).d_head / width))
        step = 64 * top_k if expansion > 1 else next(by for most, by in MLP_STEPS if usual < most)
        by = 1 if usual < NARROW else 2 if usual < WIDE else 4
        few, most = (int(usual * bound / by) for bound in LAYERS)
        narrow, wide = (int(width * bound / step) for bound in MLP_WIDTH)
        for layers in range(by * max(1, few), by * most + 1, by):
            uneven = UNEVEN * (layers % 4 > 0)
            for d_ff in range(step * max(1, narrow), step * wide + 1, step):
                apart = abs(log(layers / usual)) + abs(log(d_ff / (3.5 * width))) + uneven + full
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


def _near(d_model: int) -> list[int]:
    """Widths from one that whole groups of heads fill to the next, about ``d_model``; those alone where a network is
    so wide that their tables and its attention weigh little."""
    if d_model < RUNGS[0][0]:
        # below the ladder's widths a network is one of the rungs
        return []
    filled = [width for width in range(STEP, 2 * d_model + 1, STEP) if _heads(width).d_head * n_heads(width) == width]
    first = max(width for width in filled if width <= d_model)
    last = filled[filled.index(first) + 1]
    return [first, last] if first >= FILLED else [*range(first, last + 1, STEP)]


def n_heads(width: int) -> int:
    """Heads of a network: the whole groups whose features come nearest to its width, of two as near the more.

    >>> n_heads(896), n_heads(4096), n_heads(4608)
    (14, 32, 40)
    """
    if width in TINY:
        return 2
    of = _heads(width)
    return of.group * int(width / of.d_head / of.group + 0.5)


def _heads(width: int) -> Heads:
    return next(of for of in GROUPS if width < of.width)


def below(*, vocab_size: int, context_length: int) -> tuple[int, ...]:
    """The widths below the rungs' whose tables are no more than half of the network: what is mostly tables tells
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
    if d_model < STEP or d_model % STEP:
        raise ValueError(f"d_model is {d_model}; write a multiple of {STEP}")


def _decoder(d_model: int, layers: int | None, mlp: MLP | MoE, vocab_size: int, context_length: int) -> Architecture:
    tiny, of = d_model in TINY, _heads(d_model)
    mixer = Attention(
        n_heads=n_heads(d_model),
        n_kv_heads=2 if tiny else of.n_kv,
        d_head=d_model // 2 if tiny else of.d_head,
        position=Rope(base=500_000.0),
    )
    return Architecture(
        d_model=d_model,
        context_length=context_length,
        embedding=Embedding(vocab_size=vocab_size, tied=False),
        blocks={"decoder": Block(mixer=mixer, mlp=mlp, norm=RMSNorm())},
        layers=[Layers(blocks=["decoder"], repeat=layers or (2 if tiny else d_model // STEP))],
        final_norm=RMSNorm(),
    )
