"""The additive power law of Chinchilla (Hoffmann et al. 2022, arXiv:2203.15556)."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer
from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.laws.surfaces.form import Form, power
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import Model
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


class ChinchillaForm(Form):
    """log(E + A / N**alpha + B / D**beta), started from Hoffmann et al.'s grid of 4,500 points (appendix D.3)."""

    law_class = Chinchilla
    coordinates = ("log E", "log A", "log B", "alpha", "beta")
    low = (-50.0, -50.0, -50.0, -1.0, -1.0)
    high = (50.0, 200.0, 200.0, 5.0, 5.0)

    def starts(self, runs: Runs) -> Floats:
        """alpha, beta in {0, .5, .., 2}, log E in {-1, -.5, .., 1}, log A, log B in {0, 5, .., 25}."""
        exponents, scales = np.arange(5) * 0.5, np.arange(6) * 5.0
        return np.array(list(product(np.arange(5) * 0.5 - 1, scales, scales, exponents, exponents)))

    def model(self, runs: Runs) -> Model:
        """Derivatives are the shares of the three terms, times -log N or -log D for the exponents."""
        log_n, log_d = np.log(runs.parameters), np.log(runs.tokens)

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            size = power(theta[:, 1], theta[:, 3], log_n)
            data = power(theta[:, 2], theta[:, 4], log_d)
            floor = np.exp(theta[:, 0])[:, None]
            loss = floor + size + data
            slopes = np.empty((len(theta), 5, len(log_n)))
            np.divide(floor, loss, out=slopes[:, 0])
            np.divide(size, loss, out=slopes[:, 1])
            np.divide(data, loss, out=slopes[:, 2])
            np.multiply(slopes[:, 1], -log_n, out=slopes[:, 3])
            np.multiply(slopes[:, 2], -log_d, out=slopes[:, 4])
            return np.log(loss), slopes

        return predict
