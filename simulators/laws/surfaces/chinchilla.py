"""The additive power law of Chinchilla (Hoffmann et al. 2022, arXiv:2203.15556)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer
from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.quantities import Floats, Positive


class Chinchilla(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="chinchilla"):
    """L(N, D) = E + A / N**alpha + B / D**beta (section 3.3, equation 2).

    E is the loss that no size and no data removes, and the least certain of the five: it is not the entropy of text.

    >>> law = Chinchilla(name="printed", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
    >>> round(float(law.loss(70e9, 1.4e12)), 4)
    1.9366
    """

    E: float
    A: Positive
    B: Positive
    alpha: Positive
    beta: Positive

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        return np.asarray(self.E + self.A * n**-self.alpha + self.B * d**-self.beta)

    def optimum(self, flops: float) -> tuple[float, float]:
        """N* = G (C/6)**(beta/(alpha+beta)), D* = (C/6)**(alpha/(alpha+beta)) / G, with
        G = (alpha A / (beta B))**(1/(alpha+beta)) (equation 4) [parameters], [tokens]."""
        positive(flops, "flops", "FLOP")
        return additive_optimum(flops, self.A, self.B, self.alpha, self.beta)

    def answers(self) -> dict[str, Answer]:
        """Those of every surface, and the exponent with which the optimal size grows: beta / (alpha + beta)."""
        return {**Surface.answers(self), "optimum.exponent": (lambda: self.beta / (self.alpha + self.beta), "")}


def additive_optimum(flops: float, a: float, b: float, alpha: float, beta: float) -> tuple[float, float]:
    """Where a / N**alpha + b / D**beta is least at 6 N D = ``flops`` [parameters], [tokens].

    >>> n, d = additive_optimum(5.76e23, 482.01, 2085.43, 0.3478, 0.3658)
    >>> f"{n:.3g} parameters, {d:.3g} tokens"
    '7.22e+10 parameters, 1.33e+12 tokens'
    """
    total = alpha + beta
    g = (alpha * a / (beta * b)) ** (1 / total)
    work = flops / 6
    return g * work ** (beta / total), work ** (alpha / total) / g
