"""What a design says: the runs, the forecast that they leave, and the same of a plain grid."""

from __future__ import annotations

import msgspec

from lehr.recipes.planning.result import StageSettings
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import NConvention
from lehr.simulators.designing import Sharpness
from lehr.simulators.laws.base import LossUnit
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.quantities import Amount


class SmallRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run to make: ``parameters`` by the law's convention, ``tokens``, ``flops`` [FLOP], and how it is trained."""

    name: str
    architecture: Architecture
    parameters: float
    tokens: float
    flops: float
    stage: StageSettings


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """A plain grid of isoFLOP profiles for the same money: how many runs, the largest [FLOP], and its forecast."""

    runs: int
    largest: float
    sharpness: Sharpness


class Designed(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a design says. The target is ``parameters`` on ``tokens`` with ``loss`` by what is believed now;
    ``made`` are runs that exist already; ``noise`` and ``misfit`` are in log loss [1];
    ``before`` is what the belief is within now, where no runs exist (95 %) [1]."""

    name: str
    budget: float
    parameters: float
    tokens: float
    loss: float
    believed: str
    n_convention: NConvention
    loss_unit: LossUnit
    noise: float
    misfit: float
    made: int
    runs: list[SmallRun]
    sharpness: Sharpness
    before: float | None
    grid: Grid | None
    hours: Amount
    usd: Amount | None
    accelerator: Accelerator
    precision: str
    worries: list[str]

    @property
    def target_flops(self) -> float:
        """6 N D of the target [FLOP]."""
        return 6 * self.parameters * self.tokens

    @property
    def spent(self) -> float:
        """Of all runs [FLOP]."""
        return plain_sum(run.flops for run in self.runs)
