"""Loss by compute and tokens per parameter (Gadre et al. 2024, arXiv:2403.08540)."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.laws.surfaces.chinchilla import additive_optimum
from lehr.simulators.laws.surfaces.form import FLOORS, SHARES, Form, centre, power
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import Model
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


class OvertrainingForm(Form):
    """log(E + (a M**eta + b M**-eta) C**-eta): one exponent for size and data."""

    law_class = Overtraining
    coordinates = ("log E", "log a", "log b", "eta")
    low = (-50.0, -50.0, -50.0, -0.5)
    high = (50.0, 200.0, 200.0, 2.5)

    def starts(self, runs: Runs) -> Floats:
        """The exponent and the shares of the three terms at the mean run."""
        log_n, log_d, log_l = centre(runs)
        rows = []
        for eta, floor, share in product((0.05, 0.1, 0.15, 0.2, 0.3, 0.5), FLOORS, SHARES):
            rest = np.log1p(-floor) + log_l + eta * np.log(6)
            rows.append([
                np.log(floor) + log_l, rest + np.log(share) + 2 * eta * log_n,
                rest + np.log(1 - share) + 2 * eta * log_d, eta,
            ])  # fmt: skip
        return np.array(rows)

    def model(self, runs: Runs) -> Model:
        """Chinchilla's derivatives with alpha = beta = 2 eta, A = a 6**-eta, B = b 6**-eta."""
        log_n, log_d = np.log(runs.parameters), np.log(runs.tokens)

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            eta, six = theta[:, 3], np.log(6)
            size = power(theta[:, 1] - eta * six, 2 * eta, log_n)
            data = power(theta[:, 2] - eta * six, 2 * eta, log_d)
            floor = np.exp(theta[:, 0])[:, None]
            loss = floor + size + data
            slopes = np.empty((len(theta), 4, len(log_n)))
            slopes[:, 0], slopes[:, 1], slopes[:, 2] = floor / loss, size / loss, data / loss
            slopes[:, 3] = -slopes[:, 1] * (2 * log_n + six) - slopes[:, 2] * (2 * log_d + six)
            return np.log(loss), slopes

        return predict
