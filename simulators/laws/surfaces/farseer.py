"""Farseer: the exponent and the prefactor of the data term depend on the size (arXiv:2506.10972)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.numerics.search import golden_section
from lehr.simulators.quantities import Floats


class Farseer(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="farseer"):
    """L(N, D) = exp(s N**q + S) + exp(B N**b + Q) * D**(-exp(A N**a + E)); N without embeddings.

    Names of constants are the paper's; E is no irreducible loss here. The optimum is searched.

    >>> law = Farseer(name="x", title="", n_convention="non_embedding", loss_unit="bits/char",
    ...     s=-0.0625, q=0.13, S=0.128, B=230.7, b=-0.1729, Q=-1.544, A=-1.6656, a=0.0459, E=3.1333)
    >>> round(float(law.loss(1e9, 20e9)), 3)
    0.539
    """

    fewest_tokens_per_parameter: ClassVar[float] = 1.0

    s: float
    q: float
    S: float
    B: float
    b: float
    Q: float
    A: float
    a: float
    E: float

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        exponent = np.exp(self.A * n**self.a + self.E)
        with np.errstate(over="ignore"):  # far below its range the loss is infinite
            data = np.exp(self.B * n**self.b + self.Q - exponent * np.log(d))
        return np.asarray(np.exp(self.s * n**self.q + self.S) + data)

    def optimum(self, flops: float) -> tuple[float, float]:
        """The parameters and tokens of least loss at 6 N D = ``flops`` [parameters], [tokens]: the best hollow of the
        loss between 1 and 10**5 tokens per parameter, or the best end where there is none.

        Towards no data the exponent of the data vanishes and the form falls without end, where no run was ever.
        """
        work = np.atleast_1d(positive(flops, "flops", "FLOP")) / 6
        lowest = np.log(self.fewest_tokens_per_parameter)
        log_ratio = np.linspace(lowest, np.log(1e5), 400)[:, None] + np.zeros_like(work)

        def at(log_ratio: Floats) -> Floats:
            n = np.sqrt(work / np.exp(log_ratio))
            return self.loss(n, work / n)

        losses = at(log_ratio)
        hollow = np.zeros(losses.shape, dtype=bool)
        hollow[1:-1] = (losses[1:-1] <= losses[:-2]) & (losses[1:-1] <= losses[2:])
        hollow |= ~hollow.any(axis=0)
        best = np.argmin(np.where(hollow, losses, np.inf), axis=0)
        columns = np.arange(work.size)
        low, high = log_ratio[np.maximum(best - 1, 0), columns], log_ratio[np.minimum(best + 1, 399), columns]
        n = np.sqrt(work / np.exp(golden_section(at, low, high))).reshape(np.shape(flops))
        d = np.asarray(flops) / 6 / n
        return (float(n), float(d)) if np.ndim(flops) == 0 else (n, d)  # type: ignore[return-value]
