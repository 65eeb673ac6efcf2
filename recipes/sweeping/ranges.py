"""What of a sweep's points lies outside the range of the law that gives their loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lehr.recipes.projecting.job import ProjectedJob
from lehr.simulators.counting import ParameterCount
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.projection.project import StageProjection
from lehr.simulators.quantities import Floats

Words = tuple[str, ...]


def read(job: ProjectedJob) -> list[StageProjection]:
    """The stages after which the first law gives a loss."""
    return [s for s in job.projection.stages if job.laws[0].name in s.loss and s.cumulative_tokens]


def outside(law: ScalingLaw, count: ParameterCount, stage: StageProjection, tokens: float) -> Words:
    """What lies outside the range of ``law`` after ``tokens``, the last of them those of ``stage``."""
    n = count.at(law.n_convention, stage.flops_per_token)[0]
    return tuple(f"{law.name}: {one}" for one in law.outside(n, tokens))


def warnings(job: ProjectedJob) -> str:
    """What a row says of its job: what lies outside the law's range, and what its devices do not hold, each once."""
    law, count = job.laws[0], job.projection.parameters
    return joined([*(outside(law, count, s, s.cumulative_tokens or 0.0) for s in read(job)), unfit(job)])


def warnings_over(job: ProjectedJob, tokens: Sequence[Floats]) -> Any:
    """The same of every point of a sweep: ``tokens`` are those seen after each stage that ``read`` names, arrays that
    broadcast with one another. One text where all points have it, else an array of them."""
    law, count = job.laws[0], job.projection.parameters
    found: list[Words] = [()]
    at: Any = np.zeros((), np.int64)
    for stage, seen in zip(read(job), tokens, strict=True):
        codes, texts = along(lambda one, of=stage: outside(law, count, of, one), seen)  # type: ignore[misc]
        pairs, at = np.unique(at * len(texts) + codes, return_inverse=True)
        found = [(*found[pair // len(texts)], *texts[pair % len(texts)]) for pair in pairs.tolist()]
    said = [joined([words, unfit(job)]) for words in found]
    return said[0] if len(said) == 1 else np.array(said, object)[at]


def unfit(job: ProjectedJob) -> Words:
    """What the devices do not hold."""
    return tuple(f"{s.name} {s.unfit}" for s in job.projection.stages if s.unfit is not None)


def joined(parts: Sequence[Words]) -> str:
    """All words in order, each once.

    >>> joined([("a", "b"), ("b", "c")])
    'a; b; c'
    """
    return "; ".join(dict.fromkeys(word for words in parts for word in words))


def along(says: Callable[[float], Words], values: Floats) -> tuple[NDArray[np.int64], list[Words]]:
    """What is said at each of ``values`` (any shape): a code for each, and what each code says.

    Not every value is asked: what is said tells a value that lies outside a range, in digits that rise with it, so that
    two values of which the same is said have nothing else between them.

    >>> codes, texts = along(lambda v: (f"{v:.1g}",) if v > 30 else (), np.array([1.0, 41.0, 20.0, 42.0]))
    >>> codes.tolist(), texts
    ([0, 1, 0, 1], [(), ('4e+01',)])
    """
    distinct, at = np.unique(values, return_inverse=True)
    texts: dict[Words, int] = {}
    codes = np.zeros(distinct.size, np.int64)

    def ask(i: int) -> int:
        return texts.setdefault(says(float(distinct[i])), len(texts))

    between = [(0, ask(0), distinct.size - 1, ask(distinct.size - 1))]
    while between:
        low, low_code, high, high_code = between.pop()
        codes[low], codes[high] = low_code, high_code
        if low_code == high_code:
            codes[low : high + 1] = low_code
        elif high - low > 1:
            middle = (low + high) // 2
            code = ask(middle)
            between += [(low, low_code, middle, code), (middle, code, high, high_code)]
    return codes[at].reshape(values.shape), list(texts)
