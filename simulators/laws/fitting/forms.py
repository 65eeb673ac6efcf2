"""The forms that can be fitted: the log loss and its derivatives for many parameter sets at once."""

from __future__ import annotations

from itertools import product
from typing import Any, ClassVar

import numpy as np

from lehr.simulators.laws.base import split_log
from lehr.simulators.laws.fitting.runs import Runs
from lehr.simulators.laws.surfaces import Chinchilla, Farseer, Kaplan, Overtraining, Skaling, Surface
from lehr.simulators.numerics.levenberg import Model
from lehr.simulators.quantities import Floats

HIGHEST_LOG = 300.0
"""Exponents are cut here, so that a hopeless start is finite."""
SHARES = (0.25, 0.5, 0.75)
FLOORS = (0.1, 0.4, 0.7, 0.9)


class Form:
    """One functional form: its coordinates, their bounds, where to start, and its derivatives.

    ``coordinates`` are what the fit moves; ``log A`` is the logarithm of the law's constant A. Set beside other forms
    it needs ``fewest_sizes`` different sizes.
    """

    law_class: ClassVar[type[Surface]]
    coordinates: ClassVar[tuple[str, ...]]
    low: ClassVar[tuple[float, ...]]
    high: ClassVar[tuple[float, ...]]
    fewest_sizes: ClassVar[int] = 2

    def starts(self, runs: Runs) -> Floats:
        """Starting points (starts, coordinates)."""
        raise NotImplementedError

    def model(self, runs: Runs) -> Model:
        """The log loss of every run and its derivatives."""
        raise NotImplementedError

    def constants(self, theta: Floats, runs: Runs) -> dict[str, Floats]:
        """The law's constants at ``theta``, whose last axis are the coordinates."""
        values: dict[str, Floats] = {}
        for i, name in enumerate(self.coordinates):
            log, constant = split_log(name)
            values[constant] = np.exp(theta[..., i]) if log else np.asarray(theta[..., i])
        return values

    def law(self, theta: Floats, runs: Runs, **common: Any) -> Surface:
        """The law at one parameter set; ``common`` are the fields of every law."""
        numbers: dict[str, Any] = {name: float(value) for name, value in self.constants(theta, runs).items()}
        return self.law_class(n_convention=runs.n_convention, loss_unit=runs.loss_unit, **numbers, **common)


def _centre(runs: Runs) -> tuple[float, float, float]:
    """Means of log N, log D and log L."""
    return float(np.log(runs.parameters).mean()), float(np.log(runs.tokens).mean()), float(np.log(runs.loss).mean())


def _power(log_scale: Floats, exponent: Floats, log_x: Floats) -> Floats:
    """exp(log_scale - exponent * log_x), a row each."""
    return np.asarray(np.exp(np.minimum(log_scale[:, None] - exponent[:, None] * log_x, HIGHEST_LOG)))


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
            size = _power(theta[:, 1], theta[:, 3], log_n)
            data = _power(theta[:, 2], theta[:, 4], log_d)
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


class SkalingForm(Form):
    """log(E + (A / N**alpha + B / D**beta)**k)."""

    law_class = Skaling
    coordinates = ("log E", "log A", "log B", "alpha", "beta", "k")
    low = (-50.0, -50.0, -50.0, -1.0, -1.0, 0.01)
    high = (50.0, 200.0, 200.0, 5.0, 5.0, 2.0)

    def starts(self, runs: Runs) -> Floats:
        """Exponents, k, the share of E in the mean loss and the share of the size term in the rest."""
        log_n, log_d, log_l = _centre(runs)
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
            size = _power(theta[:, 1], theta[:, 3], log_n)
            data = _power(theta[:, 2], theta[:, 4], log_d)
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


class OvertrainingForm(Form):
    """log(E + (a M**eta + b M**-eta) C**-eta): one exponent for size and data."""

    law_class = Overtraining
    coordinates = ("log E", "log a", "log b", "eta")
    low = (-50.0, -50.0, -50.0, -0.5)
    high = (50.0, 200.0, 200.0, 2.5)

    def starts(self, runs: Runs) -> Floats:
        """The exponent and the shares of the three terms at the mean run."""
        log_n, log_d, log_l = _centre(runs)
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
            size = _power(theta[:, 1] - eta * six, 2 * eta, log_n)
            data = _power(theta[:, 2] - eta * six, 2 * eta, log_d)
            floor = np.exp(theta[:, 0])[:, None]
            loss = floor + size + data
            slopes = np.empty((len(theta), 4, len(log_n)))
            slopes[:, 0], slopes[:, 1], slopes[:, 2] = floor / loss, size / loss, data / loss
            slopes[:, 3] = -slopes[:, 1] * (2 * log_n + six) - slopes[:, 2] * (2 * log_d + six)
            return np.log(loss), slopes

        return predict


class KaplanForm(Form):
    """alpha_D log((N_c / N)**(alpha_N / alpha_D) + D_c / D)."""

    law_class = Kaplan
    coordinates = ("log N_c", "log D_c", "alpha_N", "alpha_D")
    low = (-50.0, -50.0, 1e-3, 1e-3)
    high = (300.0, 300.0, 5.0, 5.0)

    def starts(self, runs: Runs) -> Floats:
        """Exponents, and the share of the size term at the mean run."""
        log_n, log_d, log_l = _centre(runs)
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


class FarseerForm(Form):
    """log(exp(h1(N)) + exp(h2(N) - exp(h3(N)) log D)), each h a Box-Cox function of x = log(N / N0):
    h = centre + slope (exp(bend x) - 1) / bend, which tends to a straight line where the paper's constants diverge."""

    law_class = Farseer
    coordinates = (
        "floor centre", "floor slope", "floor bend", "data centre", "data slope", "data bend",
        "exponent centre", "exponent slope", "exponent bend",
    )  # fmt: skip
    low = (-50.0, -3.0, -1.0, -50.0, -10.0, -1.0, -6.0, -3.0, -1.0)
    high = (50.0, 3.0, 1.0, 100.0, 10.0, 1.0, 2.0, 3.0, 1.0)
    fewest_sizes = 6
    """Twice the three constants of each function. From five sizes of Clark et al.'s dense runs (arXiv:2202.01169) the
    largest one's loss came out 65 % off, where the other forms were within 1 %."""

    def starts(self, runs: Runs) -> Floats:
        """Floor and exponent at the mean run, and the slopes of all three functions."""
        _, log_d, log_l = _centre(runs)
        rows = []
        for share, falls, exponent, steeper, less in product(
            (0.5, 0.7, 0.85), (-0.05, -0.15), (0.2, 0.35, 0.5), (-0.1, 0.0, 0.1), (-0.4, 0.0, 0.4)
        ):
            data = np.log1p(-share) + log_l + exponent * log_d
            rows.append([np.log(share) + log_l, falls, 0.1, data, less, -0.1, np.log(exponent), steeper, 0.05])
        return np.array(rows)

    def model(self, runs: Runs) -> Model:
        """The chain rule through the three functions."""
        log_n, log_d = np.log(runs.parameters), np.log(runs.tokens)
        x = log_n - log_n.mean()

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            floor, floor_slopes = _box_cox(theta[:, 0:3], x)
            data, data_slopes = _box_cox(theta[:, 3:6], x)
            exponent, exponent_slopes = _box_cox(theta[:, 6:9], x)
            power = np.exp(np.minimum(exponent, 3.0))
            reducible = data - power * log_d
            log_loss = np.logaddexp(floor, reducible)
            share = np.exp(reducible - log_loss)[:, None]
            slopes = np.empty((len(theta), 9, len(x)))
            slopes[:, 0:3] = (1 - share) * floor_slopes
            slopes[:, 3:6] = share * data_slopes
            slopes[:, 6:9] = -share * (power * log_d)[:, None] * exponent_slopes
            return log_loss, slopes

        return predict

    def constants(self, theta: Floats, runs: Runs) -> dict[str, Floats]:
        """centre + slope (exp(bend x) - 1) / bend is s N**q + S with q = bend, s = slope / (q N0**q), S = centre -
        slope / q; a straight line (q = 0) is taken at q = 1e-6."""
        log_n0 = np.log(runs.parameters).mean()
        values: dict[str, Floats] = {}
        for i, (scale, bend, offset) in enumerate((("s", "q", "S"), ("B", "b", "Q"), ("A", "a", "E"))):
            centre, slope, q = (np.asarray(theta[..., 3 * i + j]) for j in range(3))
            q = np.where(np.abs(q) < 1e-6, 1e-6, q)
            values |= {scale: slope / q * np.exp(-q * log_n0), bend: q, offset: centre - slope / q}
        return values


def _box_cox(theta: Floats, x: Floats) -> tuple[Floats, Floats]:
    """centre + slope (exp(bend x) - 1) / bend and its derivatives (starts, 3, n)."""
    centre, slope, bend = (theta[:, i, None] for i in range(3))
    # below this the function is its straight line to within a double's rounding of the third digit of its bend
    bend = np.where(np.abs(bend) < 1e-6, 1e-6, bend)
    grown = np.exp(bend * x)
    shape = np.expm1(bend * x) / bend
    slopes = np.empty((len(theta), 3, len(x)))
    slopes[:, 0] = 1.0
    slopes[:, 1] = shape
    slopes[:, 2] = slope * (x * grown - shape) / bend
    return centre + slope * shape, slopes


FORMS: dict[str, Form] = {
    "chinchilla": ChinchillaForm(),
    "skaling": SkalingForm(),
    "overtraining": OvertrainingForm(),
    "kaplan": KaplanForm(),
    "farseer": FarseerForm(),
}
"""Every form that can be fitted, by the ``kind`` of its law."""


def form_called(name: str) -> Form:
    """The form of this name. Raises ``ValueError`` with the names there are."""
    if name not in FORMS:
        raise ValueError(f"no form is called {name!r}; write one of {', '.join(FORMS)}")
    return FORMS[name]
