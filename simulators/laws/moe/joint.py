"""One law for dense models and mixtures (Ludziejewski et al. 2025, arXiv:2502.05172)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit, Outside
from lehr.simulators.laws.moe.base import saturating
from lehr.simulators.laws.moe.memory import best_under_memory
from lehr.simulators.laws.points import PointForm
from lehr.simulators.laws.surfaces.chinchilla import Chinchilla
from lehr.simulators.laws.surfaces.form import HIGHEST_LOG
from lehr.simulators.numerics.levenberg import Model
from lehr.simulators.numerics.search import solve_monotonic
from lehr.simulators.quantities import Floats

LARGEST = 1e18
"""A dense model of more parameters is none."""


class JointMoe(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="joint_moe"):
    """L = a E_hat**delta N**(alpha + gamma ln E_hat) + b E_hat**omega D**(beta + zeta ln E_hat) + c (equation 6).

    N are the parameters that a token uses, both tables included; E the experts of a layer, one of them used, and E = 1
    a dense model. E_hat saturates from ``E_start`` to ``E_max``. The logarithm is natural: Table 4 follows from no
    other. ``rmse`` is the root mean square error of the fit [loss_unit].

    >>> law = JointMoe(name="x", title="", n_convention="active", loss_unit="nats/token", a=35.91, alpha=-0.1889,
    ...     delta=-0.2285, gamma=0.0098, b=35.98, beta=-0.1775, omega=0.5529, zeta=-0.0259, c=1.3637,
    ...     E_start=2.0732, E_max=290.4521)
    >>> n, d = law.optimum(1e21, experts=8)                               # Table 1: 3.8B, 44.3B
    >>> f"{n:.2g} active parameters, {d:.3g} tokens, loss {float(law.loss(n, d, 8)):.3f}"
    '3.8e+09 active parameters, 4.4e+10 tokens, loss 2.295'
    """

    n_convention: NConvention
    loss_unit: LossUnit
    a: float
    alpha: float
    delta: float
    gamma: float
    b: float
    beta: float
    omega: float
    zeta: float
    c: float
    E_start: float
    E_max: float
    rmse: float | None = None

    def loss(self, n: ArrayLike, d: ArrayLike, experts: ArrayLike = 1.0) -> Floats:
        """The loss at ``n`` active parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        e = saturating(experts, self.E_start, self.E_max)
        size = self.a * e**self.delta * n ** (self.alpha + self.gamma * np.log(e))
        data = self.b * e**self.omega * d ** (self.beta + self.zeta * np.log(e))
        return np.asarray(size + data + self.c)

    def with_experts(self, experts: float) -> Chinchilla:
        """The surface of active parameters and tokens that a number of experts leaves (Table 4)."""
        e = float(saturating(experts, self.E_start, self.E_max))
        return Chinchilla(
            name=f"{self.name}, E = {experts:g}", title=self.title, n_convention=self.n_convention,
            loss_unit=self.loss_unit, range=self.range, E=self.c, A=self.a * e**self.delta, B=self.b * e**self.omega,
            alpha=-(self.alpha + self.gamma * float(np.log(e))), beta=-(self.beta + self.zeta * float(np.log(e))),
        )  # fmt: skip

    def optimum(self, flops: float, experts: float = 1.0) -> tuple[float, float]:
        """The active parameters and tokens of least loss at 6 N D = ``flops`` [parameters], [tokens]."""
        return self.with_experts(experts).optimum(flops)

    def dense_size(self, n: ArrayLike, d: ArrayLike, experts: ArrayLike) -> Floats:
        """The dense model that reaches the same loss on the same tokens, broadcast [parameters]; NaN where no size
        does: with A / N**alpha and B / D**beta the terms of a dense model, N = (A / (L - c - B / D**beta))**(1/alpha).

        >>> law = JointMoe(name="x", title="", n_convention="active", loss_unit="nats/token", a=35.91, alpha=-0.1889,
        ...     delta=-0.2285, gamma=0.0098, b=35.98, beta=-0.1775, omega=0.5529, zeta=-0.0259, c=1.3637,
        ...     E_start=2.0732, E_max=290.4521)
        >>> f"{law.dense_size(1e9, 20e9, 8):.2g}"
        '1.8e+09'
        """
        dense = self.with_experts(1)
        left = self.loss(n, d, experts) - self.c - dense.B * np.asarray(d, dtype=float) ** -dense.beta
        size = (dense.A / np.where(left > 0, left, np.nan)) ** (1 / dense.alpha)
        return np.asarray(np.where(size <= LARGEST, size, np.nan))

    def dense_flops(self, n: float, d: float, experts: float) -> float | None:
        """The least work with which a dense model reaches the same loss, its size and tokens chosen freely [FLOP]."""
        loss = float(self.loss(n, d, experts))
        dense = self.with_experts(1)

        def least(flops: float) -> float:
            return float(dense.loss(*dense.optimum(flops)))

        return solve_monotonic(least, 1e12, 1e32, loss)

    def answers(self) -> dict[str, Answer]:
        """The loss, the optimum at a budget, the experts of least loss at a budget and a memory (Table 2), and the
        constants that a number of experts leaves (Table 4)."""
        return {
            "loss": (self.loss, self.loss_unit),
            "optimum.parameters": (lambda flops, experts: self.optimum(flops, experts)[0], "parameters"),
            "optimum.tokens": (lambda flops, experts: self.optimum(flops, experts)[1], "tokens"),
            "experts": (lambda flops, memory: best_under_memory(self, flops, memory)[0].experts, "experts"),
            "m": (lambda experts: self.with_experts(experts).A, ""),
            "mu": (lambda experts: -self.with_experts(experts).alpha, ""),
            "n": (lambda experts: self.with_experts(experts).B, ""),
            "nu": (lambda experts: -self.with_experts(experts).beta, ""),
        }

    def outside(self, n: float, d: float, experts: float) -> list[Outside]:
        """The inputs that lie outside the runs that the law was fitted on."""
        ratio = {"tokens_per_parameter": d / n} if self.range.tokens_per_parameter else {}
        return self.range.outside(parameters=n, tokens=d, experts=experts, **ratio)

    def warnings(self, n: float, d: float, experts: float) -> list[str]:
        """As ``outside``, a line each."""
        return [str(one) for one in self.outside(n, d, experts)]


class JointForm(PointForm):
    """The logarithm of the loss, with all eleven constants moved at once."""

    law_class = JointMoe
    inputs = ("parameters", "tokens", "experts")
    varied = ("parameters", "tokens", "experts")
    coordinates = (
        "log a", "alpha", "delta", "gamma", "log b", "beta", "omega", "zeta", "log c", "log E_start", "log E_max",
    )  # fmt: skip
    low = (-50.0, -2.0, -3.0, -0.3, -50.0, -2.0, -3.0, -0.3, -10.0, 0.01, 2.0)
    high = (50.0, -0.01, 3.0, 0.3, 50.0, -0.01, 3.0, 0.3, 10.0, 3.0, 12.0)

    def starts(self, at: Mapping[str, Floats], target: Floats) -> Floats:
        """Chinchilla's terms at the mean run, with experts that help a little or not at all."""
        log_n, log_d, log_l = (float(np.log(v).mean()) for v in (at["parameters"], at["tokens"], target))
        rows = []
        for alpha, beta, floor, share, delta, most in product(
            (0.15, 0.3), (0.15, 0.3), (0.2, 0.5, 0.8), (0.3, 0.7), (-0.3, 0.0), (5.0, 8.0)
        ):
            rest = np.log1p(-floor) + log_l
            rows.append([
                rest + np.log(share) + alpha * log_n - delta, -alpha, delta, 0.0,
                rest + np.log(1 - share) + beta * log_d, -beta, 0.0, 0.0, np.log(floor) + log_l, 0.7, most,
            ])  # fmt: skip
        return np.array(rows)

    def model(self, at: Mapping[str, Floats]) -> Model:
        """Equation 6 and its derivatives; E_hat moves with both of its ends (equation 5)."""
        log_n, log_d, experts = np.log(at["parameters"]), np.log(at["tokens"]), at["experts"]

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            columns = [column[:, None] for column in theta.T]
            log_a, alpha, delta, gamma, log_b, beta, omega, zeta, log_c, log_start, log_most = columns
            start, most = np.exp(log_start), np.exp(np.maximum(log_most, log_start + 0.1))
            ends = 1 / (1 / start - 1 / most)
            inner = experts - 1 + ends
            hat = 1 / (1 / inner + 1 / most)
            log_e = np.log(hat)
            size = np.exp(np.minimum(log_a + delta * log_e + (alpha + gamma * log_e) * log_n, HIGHEST_LOG))
            data = np.exp(np.minimum(log_b + omega * log_e + (beta + zeta * log_e) * log_d, HIGHEST_LOG))
            floor = np.exp(log_c)
            loss = size + data + floor
            by_size, by_data = size / loss, data / loss
            by_hat = by_size * (delta + gamma * log_n) + by_data * (omega + zeta * log_d)
            # d log hat / d log start and / d log most
            by_ends = hat / inner**2
            from_start = by_ends * ends**2 / start
            from_most = hat / most - by_ends * ends**2 / most
            slopes = np.stack(
                [by_size, by_size * log_n, by_size * log_e, by_size * log_e * log_n,
                 by_data, by_data * log_d, by_data * log_e, by_data * log_e * log_d,
                 floor / loss, by_hat * from_start, by_hat * from_most], axis=1,
            )  # fmt: skip
            return np.log(loss), slopes

        return predict

    def law(self, theta: Floats, **common: Any) -> JointMoe:
        """The law at one set of coordinates."""
        numbers: dict[str, Any] = {name: float(value) for name, value in self.constants(theta).items()}
        said = {"name": "fit", "title": "fit", "n_convention": "active", "loss_unit": "nats/token"}
        return JointMoe(**{**said, **numbers, **common})
