"""Loss by compute and tokens per parameter (Gadre et al. 2024, arXiv:2403.08540)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.laws.surfaces.chinchilla import additive_optimum
from lehr.simulators.quantities import Floats


class Overtraining(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="overtraining"):
    """L(C, M) = E + (a M**eta + b M**-eta) C**-eta with C = 6 N D and M = D / N (equation 4).

    The same as E + a 6**-eta / N**(2 eta) + b 6**-eta / D**(2 eta): Chinchilla's form with one exponent for both.

    >>> law = Overtraining(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.5, a=50.0, b=90.0, eta=0.12)
    >>> n, d = law.optimum(6e20)
    >>> round(d / n, 2) == round((90 / 50) ** (1 / 0.24), 2)       # M* = (b / a)**(1 / (2 eta)) at every budget
    True
    """

    E: float
    a: float
    b: float
    eta: float

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        flops, ratio = 6 * n * d, d / n
        return np.asarray(self.E + (self.a * ratio**self.eta + self.b * ratio**-self.eta) * flops**-self.eta)

    def optimum(self, flops: float) -> tuple[float, float]:
        """N = sqrt(C / (6 M*)), D = M* N [parameters], [tokens]."""
        positive(flops, "flops", "FLOP")
        return additive_optimum(flops, self.a, self.b, 2 * self.eta, 2 * self.eta)
