"""Repeated data and excess parameters are worth less than fresh ones (Muennighoff et al. 2023, arXiv:2305.16264)."""

from __future__ import annotations

from itertools import product

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Draws, replicate
from lehr.simulators.laws.surfaces.base import Surface, least_loss, positive
from lehr.simulators.laws.surfaces.chinchilla import additive_optimum
from lehr.simulators.laws.surfaces.form import Form, centre, power
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import Model
from lehr.simulators.quantities import Floats


class DataConstrained(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="data_constrained"):
    """L(N, D, U) = E + A / N'**alpha + B / D'**beta with what N parameters and D tokens are worth, U of them unique.

    D' = U_D + U_D R_D* (1 - exp(-R_D / R_D*)) with U_D = min(U, D) and R_D = D / U_D - 1 repetitions (equation 5);
    N' alike with U_N = min(N, the optimal size for U_D tokens) and R_N = N / U_N - 1 (equation 6). After some R_D*
    repetitions more of them add nothing: D' stays below (1 + R_D*) U. ``stars`` says how sure R_D* and R_N* are where
    nothing is known of the other constants.

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
    stars: Draws | None = None

    def repeating(self) -> DataConstrained | None:
        """The law with arrays for constants, a set of what repeats are worth along the first of two axes: by the law's
        own uncertainty, or that of its ``stars`` alone; ``None`` where neither is known."""
        return replicate(self, 1) or replicate(msgspec.structs.replace(self, uncertainty=self.stars), 1)

    def loss(self, n: ArrayLike, d: ArrayLike, unique: ArrayLike | None = None) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]. ``unique`` of the tokens differ,
        all of them where it is ``None``; of more than ``d`` only ``d`` are seen."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        n_worth, d_worth = self.worth(n, d, unique)
        return np.asarray(self.E + self.A * n_worth**-self.alpha + self.B * d_worth**-self.beta)

    def at(self, runs: Runs) -> Floats:
        """The loss of each run (runs,) [loss_unit]."""
        return self.loss(runs.parameters, runs.tokens, runs.unique)

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


def _worth(count: Floats, useful: Floats, star: float | Floats) -> Floats:
    repetitions = np.maximum(count / useful - 1, 0.0)
    return np.asarray(useful - useful * star * np.expm1(-repetitions / star))


class DataConstrainedForm(Form):
    """log(E + A / N'**alpha + B / D'**beta) with all seven constants moved at once."""

    law_class = DataConstrained
    coordinates = ("log E", "log A", "log B", "alpha", "beta", "log R_D_star", "log R_N_star")
    low = (-50.0, -50.0, -50.0, 0.01, 0.01, -5.0, -5.0)
    high = (50.0, 200.0, 200.0, 5.0, 5.0, 12.0, 12.0)
    repeats = True

    def starts(self, runs: Runs) -> Floats:
        """Exponents, floor and shares at the mean run; repeats that are soon or late of no more use."""
        log_n, log_d, log_l = centre(runs)
        rows = []
        for alpha, beta, floor, share, data, size in product(
            (0.2, 0.35, 0.5), (0.2, 0.35, 0.5), (0.3, 0.6, 0.85), (0.3, 0.7), (3.0, 15.0, 60.0), (2.0, 8.0, 40.0)
        ):
            rest = np.log1p(-floor) + log_l
            rows.append([
                np.log(floor) + log_l, rest + np.log(share) + alpha * log_n, rest + np.log(1 - share) + beta * log_d,
                alpha, beta, np.log(data), np.log(size),
            ])  # fmt: skip
        return np.array(rows)

    def model(self, runs: Runs) -> Model:
        """Chinchilla's derivatives at N' and D', and how these move with their stars; the size beyond which parameters
        are in excess moves with A, B and both exponents (``size_for``)."""
        n, d = runs.parameters, runs.tokens
        u_d = d if runs.unique is None else np.minimum(runs.unique, d)
        log_u = np.log(u_d)

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            log_a, log_b, alpha, beta = (column[:, None] for column in theta[:, 1:5].T)
            data_star, size_star = np.exp(theta[:, 5:6]), np.exp(theta[:, 6:7])
            total, ratio = alpha + beta, beta / alpha
            log_g = (np.log(alpha / beta) + log_a - log_b) / total
            log_most = (1 + ratio) * log_g + ratio * log_u
            excess = log_most < np.log(n)
            u_n = np.where(excess, np.exp(np.minimum(log_most, np.log(n))), n)
            d_worth, d_star = _slope(d, u_d, data_star)
            n_worth, n_star = _slope(n, u_n, size_star)
            log_n, log_d = np.log(n_worth), np.log(d_worth)
            floor = np.exp(theta[:, 0])[:, None]
            size, data = power(theta[:, 1], theta[:, 3], log_n), power(theta[:, 2], theta[:, 4], log_d)
            loss = floor + size + data
            by_size, by_data = size / loss, data / loss
            # N' follows the size that is not in excess: U_N f(r), with f(r) - (1 + r) exp(-r / R) for each of it
            rest = n / u_n
            follows = np.where(excess, 1 - rest * np.exp(-(rest - 1) / size_star) * u_n / n_worth, 0.0)
            moves = -alpha * by_size * follows
            slopes = np.empty((len(theta), 7, len(n)))
            slopes[:, 0] = floor / loss
            slopes[:, 1] = by_size + moves * (1 + ratio) / total
            slopes[:, 2] = by_data - moves * (1 + ratio) / total
            slopes[:, 3] = -by_size * log_n + moves * (
                (1 + ratio) * (1 / alpha - log_g) / total - ratio / alpha * (log_g + log_u)
            )
            slopes[:, 4] = -by_data * log_d + moves * (
                (1 + ratio) * (-1 / beta - log_g) / total + (log_g + log_u) / alpha
            )
            slopes[:, 5] = -beta * by_data * d_star
            slopes[:, 6] = -alpha * by_size * n_star
            return np.log(loss), slopes

        return predict


def _slope(count: Floats, useful: Floats, star: Floats) -> tuple[Floats, Floats]:
    """What ``count`` is worth, and by how much its logarithm moves with that of ``star``."""
    worth = _worth(count, useful, star)
    repetitions = np.maximum(count / useful - 1, 0.0) / star
    moves = useful * star * (-np.expm1(-repetitions) - repetitions * np.exp(-repetitions))
    return worth, np.asarray(moves / worth)
