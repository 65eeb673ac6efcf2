"""Chinchilla's sum raised to a power (Videau et al. 2026, arXiv:2608.07222)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.laws.surfaces.chinchilla import additive_optimum
from lehr.simulators.quantities import Floats


class Skaling(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="skaling"):
    """L(N, D) = E + (A / N**alpha + B / D**beta)**k; k = 1 is Chinchilla's form.

    The optimum is Chinchilla's: a power of a sum is least where the sum is.

    >>> law = Skaling(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.0, A=4.0, B=9.0, alpha=0.5, beta=0.5, k=0.5)
    >>> round(float(law.loss(1e4, 1e4)), 6)
    1.360555
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    k: float

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        return np.asarray(self.E + (self.A * n**-self.alpha + self.B * d**-self.beta) ** self.k)

    def optimum(self, flops: float) -> tuple[float, float]:
        """Chinchilla's closed form with these A, B, alpha and beta [parameters], [tokens]."""
        positive(flops, "flops", "FLOP")
        return additive_optimum(flops, self.A, self.B, self.alpha, self.beta)
