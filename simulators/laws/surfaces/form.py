"""What every form that can be fitted has: coordinates, bounds, starts, and the log loss with its derivatives."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from lehr.simulators.laws.base import split_log
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import Model
from lehr.simulators.quantities import Floats

HIGHEST_LOG = 300.0
"""Exponents are cut here, so that a hopeless start is finite."""
SHARES = (0.25, 0.5, 0.75)
FLOORS = (0.1, 0.4, 0.7, 0.9)


class Form:
    """One functional form: its coordinates, their bounds, where to start, and its derivatives.

    ``coordinates`` are what the fit moves; ``log A`` is the logarithm of the law's constant A. Set beside other forms
    it needs ``fewest_sizes`` different sizes. ``repeats`` says whether it tells repeated tokens from new ones.
    """

    law_class: ClassVar[type[Surface]]
    coordinates: ClassVar[tuple[str, ...]]
    low: ClassVar[tuple[float, ...]]
    high: ClassVar[tuple[float, ...]]
    fewest_sizes: ClassVar[int] = 2
    repeats: ClassVar[bool] = False

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


def centre(runs: Runs) -> tuple[float, float, float]:
    """Means of log N, log D and log L."""
    return float(np.log(runs.parameters).mean()), float(np.log(runs.tokens).mean()), float(np.log(runs.loss).mean())


def power(log_scale: Floats, exponent: Floats, log_x: Floats) -> Floats:
    """exp(log_scale - exponent * log_x), a row each."""
    return np.asarray(np.exp(np.minimum(log_scale[:, None] - exponent[:, None] * log_x, HIGHEST_LOG)))
