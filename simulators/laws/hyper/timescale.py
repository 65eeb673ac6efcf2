"""Weight decay by AdamW's time scale (Power Lines, Bergsma et al. 2025, arXiv:2505.13738)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer
from lehr.simulators.laws.hyper.base import HyperLaw
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.quantities import Floats


def timescale(batch: ArrayLike, rate: ArrayLike, weight_decay: ArrayLike, tokens: ArrayLike) -> Floats:
    """tau = B / (eta lambda D): the share of a run over which AdamW's weights average their updates, broadcast [1].

    ``batch`` and ``tokens`` in one unit. Raises ``ValueError`` where one is not positive.

    >>> round(float(timescale(0.5e6, 1e-3, 0.1, 20e9)), 3)
    0.25
    """
    below = positive(rate, "rate", "1") * positive(weight_decay, "weight_decay", "1") * positive(tokens, "tokens", "1")
    return np.asarray(positive(batch, "batch", "tokens") / below)


class Timescale(HyperLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="timescale"):
    """tau* = coefficient (D / N)**exponent: the best time scale falls with tokens per parameter (equation 3).

    >>> law = Timescale(name="x", title="", coefficient=1.084, exponent=-0.527)
    >>> round(float(law.best(n=610e6, d=20 * 610e6)), 2)
    0.22
    """

    coefficient: float
    exponent: float

    def best(self, *, n: ArrayLike, d: ArrayLike) -> Floats:
        """tau* for ``n`` parameters and ``d`` tokens, broadcast [share of the run]."""
        ratio = positive(d, "d", "tokens") / positive(n, "n", "parameters")
        return np.asarray(self.coefficient * ratio**self.exponent)

    def weight_decay(self, *, batch: ArrayLike, rate: ArrayLike, n: ArrayLike, d: ArrayLike) -> Floats:
        """lambda = B / (tau* eta D): the weight decay for a batch [tokens] and a peak rate, broadcast [1].

        >>> law = Timescale(name="x", title="", coefficient=1.084, exponent=-0.527)
        >>> round(float(law.weight_decay(batch=0.5e6, rate=1e-3, n=1e9, d=20e9)), 3)
        0.112
        """
        return timescale(batch, rate, self.best(n=n, d=d), d)

    def answers(self) -> dict[str, Answer]:
        """Time scale and weight decay."""
        return {"timescale": (self.best, "of the run"), "weight_decay": (self.weight_decay, "")}
