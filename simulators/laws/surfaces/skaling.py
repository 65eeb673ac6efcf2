"""Chinchilla's sum raised to a power (Videau et al. 2026, arXiv:2608.07222)."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.laws.surfaces.chinchilla import additive_optimum
from lehr.simulators.laws.surfaces.form import FLOORS, HIGHEST_LOG, SHARES, Form, centre, power
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import Model
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


class SkalingForm(Form):
    """log(E + (A / N**alpha + B / D**beta)**k)."""

    law_class = Skaling
    coordinates = ("log E", "log A", "log B", "alpha", "beta", "k")
    low = (-50.0, -50.0, -50.0, -1.0, -1.0, 0.01)
    high = (50.0, 200.0, 200.0, 5.0, 5.0, 2.0)

    def starts(self, runs: Runs) -> Floats:
        """Exponents, k, the share of E in the mean loss and the share of the size term in the rest."""
        log_n, log_d, log_l = centre(runs)
        rows = []
        for alpha, beta, k, floor, share in product(
            (0.2, 0.4, 0.6, 0.9), (0.2, 0.4, 0.6, 0.9), (0.3, 0.6, 1.0), FLOORS, SHARES
        ):
            inner = (np.log1p(-floor) + log_l) / k
            rows.append([
                np.log(floor) + log_l, inner + np.log(share) + alpha * log_n,
                inner + np.log(1 - share) + beta * log_d, alpha, beta, k,
            ])  # fmt: skip
        return np.array(rows)

    def model(self, runs: Runs) -> Model:
        """With S the inner sum: shares of E and S**k, times k and the shares within S."""
        log_n, log_d = np.log(runs.parameters), np.log(runs.tokens)

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            size = power(theta[:, 1], theta[:, 3], log_n)
            data = power(theta[:, 2], theta[:, 4], log_d)
            k = theta[:, 5, None]
            log_sum = np.log(size + data)
            reducible = np.exp(np.minimum(k * log_sum, HIGHEST_LOG))
            floor = np.exp(theta[:, 0])[:, None]
            loss = floor + reducible
            slopes = np.empty((len(theta), 6, len(log_n)))
            slopes[:, 0] = floor / loss
            share = reducible / loss
            slopes[:, 1] = share * k * size / (size + data)
            slopes[:, 2] = share * k * data / (size + data)
            slopes[:, 3] = -log_n * slopes[:, 1]
            slopes[:, 4] = -log_d * slopes[:, 2]
            slopes[:, 5] = share * log_sum
            return np.log(loss), slopes

        return predict
