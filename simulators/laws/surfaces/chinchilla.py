"""The additive power law of Chinchilla (Hoffmann et al. 2022, arXiv:2203.15556)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from simulators.laws.surfaces.base import Floats, Surface


class Chinchilla(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="chinchilla"):
    """L(N, D) = E + A / N**alpha + B / D**beta (section 3.3, equation 2); N counts every parameter.

    >>> from simulators.laws.surfaces.base import ValidRange
    >>> law = Chinchilla(name="printed", title="", n_convention="total", loss_unit="nats/token",
    ...     range=ValidRange(parameters=(7e7, 1.6e10), tokens=(5e9, 5e11)),
    ...     E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
    >>> round(float(law.loss(70e9, 1.4e12)), 4)
    1.9366
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        return np.asarray(self.E + self.A * n**-self.alpha + self.B * d**-self.beta)

    def optimum(self, flops: float) -> tuple[float, float]:
        """N* = G (C/6)**(beta/(alpha+beta)), D* = (C/6)**(alpha/(alpha+beta)) / G, with
        G = (alpha A / (beta B))**(1/(alpha+beta)) (equation 4) [parameters], [tokens]."""
        total = self.alpha + self.beta
        g = (self.alpha * self.A / (self.beta * self.B)) ** (1 / total)
        work = flops / 6
        return g * work ** (self.beta / total), work ** (self.alpha / total) / g
