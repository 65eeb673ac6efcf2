"""The loss by size and optimiser steps where data never runs short (Kaplan et al. 2020, arXiv:2001.08361)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.numerics.search import bisect
from lehr.simulators.quantities import Floats


class StepsLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="steps"):
    """L(N, S) = (N_c / N)**alpha_N + (S_c / S_min)**alpha_S (equation 1.6), S_min = S / (1 + B_crit(L) / B) and
    B_crit(L) = B* / L**(1 / alpha_B) (equations 5.3 and 5.4).

    S_min are the steps that a batch far beyond the critical one would need; steps after warm-up, the rate as tuned.

    >>> law = StepsLaw(name="x", title="", n_convention="non_embedding", loss_unit="nats/token",
    ...     N_c=6.5e13, alpha_N=0.077, S_c=2.1e3, alpha_S=0.76, B_star=2e8, alpha_B=0.21)
    >>> round(float(law.loss(1e9, 2.5e5)), 3), round(float(law.loss(1e9, 2.5e5, batch=0.5e6)), 3)
    (2.374, 2.458)
    """

    n_convention: NConvention
    loss_unit: LossUnit
    N_c: float
    alpha_N: float  # noqa: N815  (the paper's name)
    S_c: float
    alpha_S: float  # noqa: N815
    B_star: float
    alpha_B: float  # noqa: N815

    def loss(self, n: ArrayLike, steps: ArrayLike, batch: ArrayLike | None = None) -> Floats:
        """The loss of ``n`` parameters after ``steps`` of ``batch`` tokens, broadcast [loss_unit]; without ``batch``
        one far beyond the critical batch. Raises ``ValueError`` where an input is not positive."""
        size = (self.N_c / positive(n, "n", "parameters")) ** self.alpha_N
        s = positive(steps, "steps", "steps")
        fastest = np.asarray(size + (self.S_c / s) ** self.alpha_S)
        if batch is None:
            return fastest
        b = positive(batch, "batch", "tokens")

        def slowed(loss: Floats) -> Floats:
            return np.asarray(
                size + (self.S_c / s * (1 + self.B_star / loss ** (1 / self.alpha_B) / b)) ** self.alpha_S
            )

        # the right side falls with the loss: one crossing, between the loss without slowing and what that gives
        low, high = fastest + 0 * b, slowed(fastest)
        return bisect(lambda loss: slowed(loss) > loss, low, high, rounds=60)

    def answers(self) -> dict[str, Answer]:
        """The loss."""
        return {"loss": (self.loss, self.loss_unit)}

    def warnings(self, n: float) -> list[str]:
        """One line where ``n`` lies outside the runs that the law was fitted on."""
        return self.range.warnings(parameters=n)
