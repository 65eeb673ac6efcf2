"""The first joint law of size and data (Kaplan et al. 2020, arXiv:2001.08361)."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.laws.surfaces.form import SHARES, Form, centre
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import Model
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


class KaplanForm(Form):
    """alpha_D log((N_c / N)**(alpha_N / alpha_D) + D_c / D)."""

    law_class = Kaplan
    coordinates = ("log N_c", "log D_c", "alpha_N", "alpha_D")
    low = (-50.0, -50.0, 1e-3, 1e-3)
    high = (300.0, 300.0, 5.0, 5.0)

    def starts(self, runs: Runs) -> Floats:
        """Exponents, and the share of the size term at the mean run."""
        log_n, log_d, log_l = centre(runs)
        rows = []
        for size, data, share in product((0.03, 0.06, 0.1, 0.2, 0.4), (0.03, 0.06, 0.1, 0.2, 0.4), SHARES):
            total = log_l / data
            rows.append([
                log_n + (total + np.log(share)) * data / size, log_d + total + np.log(1 - share), size, data,
            ])  # fmt: skip
        return np.array(rows)

    def model(self, runs: Runs) -> Model:
        """With u = r (log N_c - log N), v = log D_c - log D and their log-sum."""
        log_n, log_d = np.log(runs.parameters), np.log(runs.tokens)

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            size_exponent, data_exponent = theta[:, 2, None], theta[:, 3, None]
            ratio = size_exponent / data_exponent
            above = theta[:, 0, None] - log_n
            u = ratio * above
            v = theta[:, 1, None] - log_d
            log_sum = np.logaddexp(u, v)
            share = np.exp(u - log_sum)
            slopes = np.empty((len(theta), 4, len(log_n)))
            slopes[:, 0] = size_exponent * share
            slopes[:, 1] = data_exponent * (1 - share)
            slopes[:, 2] = share * above
            slopes[:, 3] = log_sum - share * u
            return data_exponent * log_sum, slopes

        return predict
