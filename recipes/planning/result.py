"""What a plan is: the choice, the ranking behind it, and what other laws say."""

from __future__ import annotations

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.planning.choosing import Demand, Plan, Rung
from lehr.simulators.quantities import Amount


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """What another law would choose, and what the plan's choice costs by that law [its loss_unit]."""

    plan: Plan
    regret_of_choice: float | None
    joint: bool


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Peak rate and batch by one law, ``None`` where it is silent, and where it leaves its range."""

    law: str
    peak_rate: float | None
    batch_tokens: float | None
    warnings: list[str]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a plan says."""

    name: str
    work: Amount
    hours: float | None
    accelerator: Accelerator
    precision: str
    devices: int | None
    law: ScalingLaw
    plan: Plan
    architecture: Architecture
    base: str | None
    sequence_length: int
    stages: dict[str, float]
    demand: Demand
    network: str
    top_k: int
    seconds: list[Second]
    at_bounds: list[tuple[float, Plan]]
    rates: list[Rates]
    replay: tuple[str, float] | None
    rungs: dict[tuple[int, int], Rung]


def kind_of(stage: str) -> str:
    """The kind of a stage by its name: ``pt`` is PT, ``repo_sft`` REPO_SFT."""
    return stage.upper()
