"""At which N and D a law of the loss is read for each rung of a ladder: mixtures, repeated data, other vocabularies."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from lehr.simulators.counting import NConvention, ParameterCount
from lehr.simulators.laws import DataConstrained, VocabularyLaw
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.planning.repeating import as_if_even
from lehr.simulators.quantities import Floats

Key = tuple[int, int]
"""All parameters and the expansion of a rung."""

REFERENCE_VOCABULARY = 128_256
"""The vocabulary at which laws of the loss are read, Llama 3's (Grattafiori et al. 2024, arXiv:2407.21783, section
3.2). Their N counts tables, so that a larger one would be a better network for nothing, and losses per token of
different vocabularies do not compare."""


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """What a network costs, counted once: parameters, FLOPs per token and bytes of cache per token; its width and
    layers, its vocabulary's entries and the parameters of all its tables."""

    count: ParameterCount
    training: float
    forward: float
    cache: float
    width: int = 0
    layers: int = 0
    vocabulary: int = REFERENCE_VOCABULARY
    tables: int = 0


class Reading(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where a law is read, an entry a rung: N, tokens, those that differ (``None`` where all do), and what other
    vocabularies add [loss_unit]. NaN in ``sizes`` where the laws say nothing."""

    sizes: Floats
    tokens: Floats
    unique: float | None
    shift: Floats

    @property
    def usable(self) -> np.ndarray:
        """Where the laws say something."""
        return np.asarray(np.isfinite(self.sizes))

    def loss(self, law: Surface) -> Floats:
        """The loss of each rung by ``law``, infinite where it says nothing, behind any axis of its constants."""
        n = np.where(self.usable, self.sizes, 1e9)
        unique = {"unique": self.unique} if isinstance(law, DataConstrained) else {}
        loss = law.loss(n, self.tokens, **unique)
        return np.where(self.usable, loss + self.shift, np.inf)


def size_at(rung: Rung, convention: NConvention, *, every_expert: bool = False) -> float:
    """The N of ``rung`` by ``convention`` [parameters]; of a mixture that of one token, or all of it.

    >>> from lehr.simulators.planning.choosing import rung_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> llama = rung_of(dense(4096, vocab_size=128256, context_length=8192), 8192)
    >>> f"{size_at(llama, 'non_embedding'):.3g}, {size_at(llama, 'total'):.3g}"
    '6.98e+09, 8.03e+09'
    """
    used, whole = rung.count.at(convention, rung.training)
    return whole if every_expert else used


def size_for(law: Surface, rung: Rung, *, neutral: bool = False) -> float:
    """The N of ``law``'s convention for one token's parameters [parameters]; with ``neutral`` its tables are those of
    ``REFERENCE_VOCABULARY``.

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.planning.choosing import rung_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> law = Chinchilla(name="x", title="", n_convention="non_embedding", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> f"{size_for(law, rung_of(dense(4096, vocab_size=128256, context_length=8192), 8192)):.3g}"      # Llama 3 8B
    '6.98e+09'
    """
    own = size_at(rung, law.n_convention)
    if not neutral or rung.vocabulary == REFERENCE_VOCABULARY or law.n_convention == "non_embedding":
        return own
    counted = rung.tables if law.n_convention in ("total", "active") else rung.tables / 2
    return own + counted * (REFERENCE_VOCABULARY / rung.vocabulary - 1)


def equivalent_sizes(
    law: Surface, rungs: Mapping[Key, Rung], tokens: Floats, joint: JointMoe | None, *, neutral: bool = False
) -> Floats:
    """The N at which ``law``, a law of dense models, is read for each rung [parameters]: a mixture stands for the dense
    model that reaches its loss on the same tokens by ``joint``; NaN where no size does.

    Raises ``ValueError`` for a mixture without ``joint``.

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.planning.choosing import rung_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> rungs = {(4096, 1): rung_of(dense(4096, vocab_size=128256, context_length=8192), 8192)}
    >>> equivalent_sizes(law, rungs, np.array([1e12]), None).tolist()      # a dense model stands for itself
    [8030261248.0]
    """
    sizes = np.array([size_for(law, rung, neutral=neutral) for rung in rungs.values()])
    expansions = np.array([expansion for _, expansion in rungs], dtype=float)
    mixed = expansions > 1
    if not mixed.any():
        return sizes
    if joint is None:
        raise ValueError("a mixture of experts needs a law that knows mixtures; write moe_law=ludziejewski_joint")
    active = np.array([float(rung.count.active["all"]) for rung in rungs.values()])
    trained = np.where(tokens > 0, tokens, np.nan)
    sizes[mixed] *= joint.dense_size(active[mixed], trained[mixed], expansions[mixed]) / active[mixed]
    return sizes


def read_surface(
    law: Surface,
    rungs: Mapping[Key, Rung],
    tokens: Floats,
    *,
    seen: float = 0.0,
    unique: float | None = None,
    joint: JointMoe | None = None,
    repetition: DataConstrained | None = None,
    vocabulary: VocabularyLaw | None = None,
) -> Reading:
    """Where ``law`` is read for ``tokens`` of each rung, after ``seen`` tokens that all differ.

    Of repeated data both worths count, that of tokens and that of parameters: by ``law`` itself where it is a law of
    repeated data, else by ``repetition``. With a law of
    ``vocabulary`` every network is read as if it had the reference's, and its own adds what that law says that it
    changes at the same budget.

    Raises ``ValueError`` where tokens repeat and no law speaks of it.
    """
    neutral = vocabulary is not None
    shift = np.stack(np.broadcast_arrays(*(
        vocabulary_shift(vocabulary, rung, float(d)) for rung, d in zip(rungs.values(), tokens, strict=True)
    )), axis=-1)  # fmt: skip
    if neutral:
        tokens = tokens * np.array([r.training / (r.training + head_flops(r)) for r in rungs.values()])
    sizes = equivalent_sizes(law, rungs, tokens, joint, neutral=neutral)
    if isinstance(law, DataConstrained):
        even = tokens + seen if unique is None else as_if_even(tokens, unique, seen, law.R_D_star)
        whole = None if unique is None else unique + seen
        found = Reading(sizes=sizes, tokens=even, unique=whole, shift=np.zeros(len(sizes)))
    else:
        scale = np.ones(len(sizes))
        if repetition is not None:
            scale = np.array([
                size_for(repetition, r, neutral=neutral) / size_for(law, r, neutral=neutral) for r in rungs.values()
            ])  # fmt: skip
        safe = np.where(np.isfinite(sizes), sizes, 1e9) * scale
        useful, worth = worths(repetition, safe, tokens, unique, seen)
        found = Reading(sizes=sizes * (useful / safe), tokens=worth, unique=None, shift=np.zeros(len(sizes)))
    enough = found.tokens >= law.fewest_tokens_per_parameter * np.where(found.usable, found.sizes, 0.0)
    return msgspec.structs.replace(found, sizes=np.where(enough, found.sizes, np.nan), shift=shift)


def worths(
    repetition: DataConstrained | None, sizes: Floats, tokens: Floats, unique: float | None, seen: float = 0.0
) -> tuple[Floats, Floats]:
    """What each size is worth where its tokens repeat [parameters], and how many fresh tokens all are worth [tokens],
    those that were ``seen`` before and do not repeat among them: as they are, where none repeats.

    Both are the law's own N' and D', not a share of what fresh tokens would leave: beyond what the different tokens can
    teach, parameters add nothing. Of parameters that is so once tokens have been repeated, in the logarithm by
    1 - exp(-R) after R repeats: of fresh ones the law of the loss has its own word, which the law of repetition would
    take back in one step at the first. Raises ``ValueError`` where tokens repeat and no law speaks of it.
    """
    if unique is None or not np.any(tokens > unique):
        return sizes, tokens + seen
    if repetition is None:
        raise ValueError("tokens repeat, which needs a law of repeated data; write repetition_law=muennighoff")
    even = as_if_even(tokens, unique, seen, repetition.R_D_star)
    n_short, d_short = repetition.worth(sizes, even, unique + seen)
    settled = -np.expm1(-np.maximum(even / (unique + seen) - 1, 0.0))
    return sizes * (n_short / sizes) ** settled, d_short


def head_flops(rung: Rung) -> float:
    """What the head would cost more with the reference's vocabulary [FLOP/token]: 6 for each weight."""
    return 6.0 * rung.width * (REFERENCE_VOCABULARY - rung.vocabulary)


def vocabulary_shift(law: VocabularyLaw | None, rung: Rung, tokens: float) -> Floats:
    """What the rung's vocabulary changes against the reference at the work that ``tokens`` cost, behind any axis of the
    law's constants [nats/token]."""
    if law is None or rung.vocabulary == REFERENCE_VOCABULARY:
        return np.zeros(())
    n = float(rung.count.active["excl_embeddings"])
    flops = rung.training * tokens
    found = law.at_budget(n, rung.width, [rung.vocabulary, REFERENCE_VOCABULARY], flops)
    return np.asarray(found[..., 0] - found[..., 1])
