"""The loss of each rung by sets of constants as likely as the fits of all laws that it is read by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws import DataConstrained, VocabularyLaw
from lehr.simulators.laws.base import Law, replicate
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.planning.reading import REFERENCE_VOCABULARY, Key, Reading, Rung, read_surface
from lehr.simulators.quantities import Floats

ROWS = 1000
"""Sets of constants that are drawn, of each law on its own."""

L = TypeVar("L", bound=Law)


class Replicas(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Losses (replicas, rungs) [loss_unit], and what of them the laws of repetition and vocabulary move; ``None`` where
    they say nothing of how sure they are, or are not asked."""

    losses: Floats
    moved: Floats | None = None


def replicas(
    surface: Surface,
    rungs: Mapping[Key, Rung],
    tokens: Floats,
    reading: Reading,
    *,
    seen: float,
    unique: float | None,
    joint: JointMoe | None,
    repetition: DataConstrained | None,
    vocabulary: VocabularyLaw | None,
) -> Replicas:
    """The losses of ``rungs`` by replicas of ``surface``, and of the laws of repeated data and of vocabularies where
    tokens repeat and vocabularies differ from the reference's; one row where no law says how sure it is."""
    many = replicate(surface, 1)
    repeats = repetition.repeating() if repetition is not None else None
    if unique is None or not np.any(tokens > unique) or isinstance(surface, DataConstrained):
        repeats = None
    words = replicate(vocabulary, 1) if vocabulary is not None else None
    if all(rung.vocabulary == REFERENCE_VOCABULARY for rung in rungs.values()):
        words = None
    plain = np.atleast_2d(reading.loss(surface if many is None else many))
    if repeats is None and words is None:
        return Replicas(losses=plain)
    rng = np.random.default_rng(3)
    whole = read_surface(
        surface, rungs, tokens, seen=seen, unique=unique, joint=joint,
        repetition=repetition if repeats is None else some(repeats, rng.integers(count_of(repeats), size=ROWS)),
        vocabulary=vocabulary if words is None else some(words, rng.integers(count_of(words), size=ROWS)),
    )  # fmt: skip
    rows = np.arange(ROWS) % len(plain)
    losses = whole.loss(surface if many is None else some(many, rows))
    with np.errstate(invalid="ignore"):
        return Replicas(losses=losses, moved=losses - plain[rows])


def count_of(law: Law) -> int:
    """How many sets of constants a replicated law has."""
    return max(len(v) for f in msgspec.structs.fields(law) if isinstance(v := getattr(law, f.name), np.ndarray))


def some(law: L, rows: NDArray[np.int64]) -> L:
    """The sets of constants at ``rows`` of a replicated law."""
    arrays = {f.name: v[rows] for f in msgspec.structs.fields(law) if isinstance(v := getattr(law, f.name), np.ndarray)}
    return msgspec.structs.replace(law, **arrays)
