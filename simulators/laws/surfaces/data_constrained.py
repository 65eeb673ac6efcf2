"""Repeated data and excess parameters are worth less than fresh ones (Muennighoff et al. 2023, arXiv:2305.16264)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer
from lehr.simulators.laws.surfaces.base import Surface, least_loss, positive
from lehr.simulators.laws.surfaces.chinchilla import additive_optimum
from lehr.simulators.quantities import Floats


class DataConstrained(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="data_constrained"):
    """L(N, D, U) = E + A / N'**alpha + B / D'**beta with what N parameters and D tokens are worth, U of them unique.

    D' = U_D + U_D R_D* (1 - exp(-R_D / R_D*)) with U_D = min(U, D) and R_D = D / U_D - 1 repetitions (equation 5);
    N' alike with U_N = min(N, the optimal size for U_D tokens) and R_N = N / U_N - 1 (equation 6). After some R_D*
    repetitions more of them add nothing: D' stays below (1 + R_D*) U.

    >>> law = DataConstrained(name="x", title="", n_convention="total", loss_unit="nats/token", E=1.86914, A=520.82,
    ...     B=1487.72, alpha=0.3526596, beta=0.3526596, R_D_star=15.387756, R_N_star=5.309743)
    >>> [round(float(law.loss(1e9, 20e9, unique)), 3) for unique in (20e9, 5e9, 1e9)]    # 1, 4 and 20 epochs
    [2.565, 2.597, 2.81]
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    R_D_star: float
    R_N_star: float

    def loss(self, n: ArrayLike, d: ArrayLike, unique: ArrayLike | None = None) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]. ``unique`` of the tokens differ,
        all of them where it is ``None``; of more than ``d`` only ``d`` are seen."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        n_worth, d_worth = self.worth(n, d, unique)
        return np.asarray(self.E + self.A * n_worth**-self.alpha + self.B * d_worth**-self.beta)

    def worth(self, n: ArrayLike, d: ArrayLike, unique: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """N' and D': as many useful parameters and fresh tokens would do the same [parameters], [tokens]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        u_d = d if unique is None else np.minimum(np.asarray(unique, dtype=float), d)
        u_n = np.minimum(n, self.size_for(u_d))
        return _worth(n, u_n, self.R_N_star), _worth(d, u_d, self.R_D_star)

    def size_for(self, tokens: ArrayLike) -> Floats:
        """The size whose optimal number of fresh tokens is ``tokens``: G (G D)**(beta/alpha) [parameters]."""
        g = (self.alpha * self.A / (self.beta * self.B)) ** (1 / (self.alpha + self.beta))
        return np.asarray(g * (g * np.asarray(tokens, dtype=float)) ** (self.beta / self.alpha))

    def optimum(self, flops: float, unique: float | None = None) -> tuple[float, float]:
        """The parameters and tokens of least loss at 6 N D = ``flops`` where only ``unique`` tokens differ
        [parameters], [tokens]; D / ``unique`` is the number of epochs.

        Raises ``ValueError`` where a budget is not positive.

        >>> law = DataConstrained(name="x", title="", n_convention="total", loss_unit="nats/token", E=1.86914, A=520.82,
        ...     B=1487.72, alpha=0.3526596, beta=0.3526596, R_D_star=15.387756, R_N_star=5.309743)
        >>> n, d = law.optimum(1e22, 25e9)
        >>> f"{n:.3g} parameters, {d / 25e9:.1f} epochs"
        '7.03e+09 parameters, 9.5 epochs'
        """
        budget = positive(flops, "flops", "FLOP")
        if unique is None:
            return additive_optimum(flops, self.A, self.B, self.alpha, self.beta)
        fresh = positive(unique, "unique", "tokens")
        n = least_loss(lambda n, d: self.loss(n, d, fresh), budget)
        d = budget / 6 / n
        return (float(n), float(d)) if n.ndim == 0 else (n, d)  # type: ignore[return-value]

    def answers(self) -> dict[str, Answer]:
        """Those of every surface, with ``unique`` among the inputs, and the epochs of the optimum."""
        return {
            **Surface.answers(self),
            "optimum.epochs": (lambda flops, unique: self.optimum(flops, unique)[1] / unique, "epochs"),
            "worth.tokens": (lambda n, d, unique: self.worth(n, d, unique)[1], "tokens"),
            "size_for": (self.size_for, "parameters"),
        }


def _worth(count: Floats, useful: Floats, star: float) -> Floats:
    repetitions = np.maximum(count / useful - 1, 0.0)
    return np.asarray(useful - useful * star * np.expm1(-repetitions / star))
