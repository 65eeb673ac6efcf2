"""The first joint law of size and data (Kaplan et al. 2020, arXiv:2001.08361)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.quantities import Floats


class Kaplan(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="kaplan"):
    """L(N, D) = ((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D (equation 1.5); N without embeddings.

    It has no irreducible loss, and early stopping where data is short. Superseded: counting the head, warming up in
    proportion and tuning the optimiser move its exponent .73 of the optimal size to about .5 (arXiv:2406.19146).

    >>> law = Kaplan(name="x", title="", n_convention="non_embedding", loss_unit="nats/token",
    ...     N_c=6.4e13, D_c=1.8e13, alpha_N=0.076, alpha_D=0.103)
    >>> round(float(law.loss(1.5e9, 23e9)), 2)
    2.31
    """

    N_c: float
    D_c: float
    alpha_N: float  # noqa: N815  (the paper's name)
    alpha_D: float  # noqa: N815

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        return np.asarray(((self.N_c / n) ** (self.alpha_N / self.alpha_D) + self.D_c / d) ** self.alpha_D)

    def optimum(self, flops: float) -> tuple[float, float]:
        """Where the inner sum is least: N**(1 + r) = r N_c**r C / (6 D_c), r = alpha_N / alpha_D
        [parameters], [tokens].

        This is the optimum of the joint law at convergence, not of the paper's L(C_min), which stops early.
        """
        positive(flops, "flops", "FLOP")
        ratio = self.alpha_N / self.alpha_D
        work = flops / 6
        n = (ratio * self.N_c**ratio * work / self.D_c) ** (1 / (1 + ratio))
        return n, work / n
