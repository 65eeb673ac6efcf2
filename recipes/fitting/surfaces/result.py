"""What a fit of a surface is: its settings, its constants and optima, and everything that is said of them."""

from __future__ import annotations

import msgspec
import numpy as np

from lehr.recipes.reading.columns import Read, Reading
from lehr.simulators.laws.base import Bounds
from lehr.simulators.laws.fitting import Comparison, HeldOut, LawFit
from lehr.simulators.laws.fitting.isoflop import Allocation, ParabolaBias
from lehr.simulators.laws.surfaces import Surface


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says, checked."""

    law: str
    data: list[str]
    test: list[str]
    reading: Reading
    name: str
    delta: float
    starts: int | None
    bootstrap: int
    level: float
    forms: list[str]
    approach: int
    design: str | None = None
    outliers: str = "keep"
    profiles: bool = True
    pictures: bool = False
    hold: dict[str, float] = {}


class Constant(msgspec.Struct, frozen=True, kw_only=True):
    """A constant with its bootstrap interval, and its profile interval where the form moves it itself."""

    name: str
    value: float
    interval: Bounds | None
    profile: Bounds | None


class Optimum(msgspec.Struct, frozen=True, kw_only=True):
    """The best allocation of a budget, with intervals."""

    flops: float
    parameters: float
    tokens: float
    parameters_interval: Bounds | None
    tokens_interval: Bounds | None


class Without(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The fit without the runs that stand far apart: their labels, the law, and the optima beside those with them."""

    labels: list[str]
    law: Surface
    optima: list[Optimum]
    with_them: list[Optimum]


class Approach2(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What parabolas through isoFLOP profiles say, and their error were the fitted surface exact."""

    allocation: Allocation
    exponent: float
    bias: ParabolaBias


class Fitted(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All that a fit says."""

    settings: Settings
    read: Read
    fit: LawFit
    law: Surface
    constants: list[Constant]
    optima: list[Optimum]
    largest: HeldOut | None
    comparison: Comparison | None
    test: HeldOut | None
    approach_2: Approach2 | None
    without: Without | None
    notes: list[str]

    @property
    def r_squared(self) -> float:
        """Share of the variance of the loss that the law explains."""
        loss = self.fit.runs.loss
        error = loss - self.law.at(self.fit.runs)
        return float(1 - np.sum(error**2) / np.sum((loss - loss.mean()) ** 2))
