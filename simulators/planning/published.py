"""What others trained with: the settings of published stages, and those of the networks nearest in size."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from statistics import median
from typing import Literal

import msgspec

from lehr.simulators.laws.base import Bounds

Setting = Literal["peak", "batch_tokens", "batch_sequences", "weight_decay", "warmup_steps", "group_size"]
SETTINGS: dict[Setting, str] = {
    "peak": "peak rate",
    "batch_tokens": "batch in tokens",
    "batch_sequences": "batch in sequences",
    "weight_decay": "weight decay",
    "warmup_steps": "steps of warm-up",
    "group_size": "rollouts of a prompt",
}
"""What each setting is called."""

FACTOR = 2.0
"""Networks of a like size lie within this factor of parameters."""
ALIKE = 3
"""So many networks of one kind and a like size tell more than those of both kinds."""
FEWEST = 4
"""Where fewer are that near, so many of the nearest stand for them."""


class PublishedStage(msgspec.Struct, frozen=True, kw_only=True):
    """One published training stage; what is not public is ``None``.

    ``size`` counts every parameter, ``active`` those of a token, ``mixture`` says whether they are those of experts;
    ``tokens`` are those of the recipe's pre-training, as far as they are known. ``of_peak`` is its peak rate over that
    of the pre-training before it, ``of_last`` over the last rate before it [1].
    """

    model: str
    stage: str
    kind: str
    size: float
    active: float | None = None
    mixture: bool = False
    tokens: float | None = None
    peak: float | None = None
    batch_tokens: float | None = None
    batch_sequences: float | None = None
    weight_decay: float | None = None
    warmup_steps: float | None = None
    group_size: float | None = None
    of_peak: float | None = None
    of_last: float | None = None


def like_size(
    stages: Sequence[PublishedStage], kinds: Sequence[str], setting: Setting, size: float, active: float | None = None
) -> list[PublishedStage]:
    """The stages of these kinds that publish ``setting``, of networks within ``FACTOR`` of ``size``, and of ``active``
    parameters where they are given, or else the ``FEWEST`` nearest, the nearest first.

    >>> rows = [PublishedStage(model=str(n), stage="pt", kind="PT", size=n * 1e9, peak=1e-3 / n) for n in (1, 3, 7, 13)]
    >>> [row.model for row in like_size(rows, ["PT"], "peak", 8e9)]
    ['7', '13', '3', '1']
    """

    def far(stage: PublishedStage) -> float:
        total = abs(log(stage.size / size))
        return total if active is None or stage.active is None else max(total, abs(log(stage.active / active)))

    known = [s for s in stages if s.kind in kinds and getattr(s, setting) is not None]
    ordered = sorted(known, key=lambda s: (far(s), s.model, s.stage))
    near = [s for s in ordered if far(s) <= log(FACTOR) + 1e-9]
    return near if len(near) >= FEWEST else ordered[:FEWEST]


def of_kind(stages: Sequence[PublishedStage], setting: Setting, size: float, *, mixture: bool) -> list[PublishedStage]:
    """Those of mixtures for a mixture, where ``FEWEST`` of them publish ``setting`` and it is no smaller than them all
    by more than ``FACTOR``: no dense network is like one, which uses a tenth of its parameters for a token. For a dense
    network those of dense ones, where ``ALIKE`` of them lie within ``FACTOR`` of ``size``. Else all.

    >>> sizes = {"a": 2e11, "b": 3e11, "c": 4e11, "d": 5e9, "e": 6e9, "f": 7e9}
    >>> rows = [PublishedStage(model=m, stage="pt", kind="PT", size=n, mixture=n > 1e10, peak=1e-3)
    ...         for m, n in (*sizes.items(), ("g", 3e11))]
    >>> [len(of_kind(rows, "peak", n, mixture=kind)) for n, kind in ((1e11, True), (7e9, True), (7e9, False))]
    [4, 7, 3]
    """
    same = [s for s in stages if s.mixture == mixture and getattr(s, setting) is not None]
    if mixture:
        return same if len(same) >= FEWEST and size * FACTOR >= min(s.size for s in same) else list(stages)
    near = [s for s in same if abs(log(s.size / size)) <= log(FACTOR) + 1e-9]
    return same if len(near) >= ALIKE else list(stages)


def at_tokens(stages: Sequence[PublishedStage], tokens: float, exponent: float) -> list[PublishedStage]:
    """The stages with the batches that they would have had on so many ``tokens``, by a rule in which a batch grows as a
    power of them; those whose tokens are not known are left out.

    >>> row = PublishedStage(model="a", stage="pt", kind="PT", size=2e11, tokens=8e12, batch_tokens=4e7)
    >>> at_tokens([row], 2e12, 0.5)[0].batch_tokens
    20000000.0
    """
    return [
        msgspec.structs.replace(s, batch_tokens=s.batch_tokens * (tokens / s.tokens) ** exponent)
        for s in stages
        if s.batch_tokens is not None and s.tokens is not None
    ]


def values(stages: Sequence[PublishedStage], setting: Setting) -> list[float]:
    """The published values of one setting."""
    return [float(v) for s in stages if (v := getattr(s, setting)) is not None]


def extent(stages: Sequence[PublishedStage], setting: Setting) -> Bounds | None:
    """The least and the largest of them, ``None`` where there are none."""
    found = values(stages, setting)
    return (min(found), max(found)) if found else None


def middle(stages: Sequence[PublishedStage], setting: Setting) -> float | None:
    """Their median, ``None`` where there are none."""
    found = values(stages, setting)
    return float(median(found)) if found else None
