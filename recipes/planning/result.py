"""What a plan says."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.laws.base import Bounds, Law
from lehr.simulators.laws.hyper import HyperLaw
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.layout import Layout
from lehr.simulators.planning.budget import Bought
from lehr.simulators.planning.choosing import Demand, Plan
from lehr.simulators.planning.rates import Advice
from lehr.simulators.planning.reading import Rung
from lehr.simulators.projection.forecast import StageForecast
from lehr.simulators.projection.rollout_time import StageRollout
from lehr.simulators.quantities import Amount


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """What another law would choose, and what the plan's choice costs by that law [its loss_unit]."""

    plan: Plan
    regret_of_choice: float | None
    joint: bool


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Peak rate and batch by one law as it stands, ``None`` where it is silent, and where it leaves its range."""

    law: str
    peak_rate: float | None
    batch_tokens: float | None
    warnings: list[str]


class StageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One stage as it is to be trained: ``schedule``, ``optimizer``, ``objective`` and ``ramp`` as a recipe has them.

    ``flops`` is its model work [FLOP], ``hours`` accelerator-hours [h], ``days`` [d] and ``usd`` follow from it;
    ``layout`` is the fastest of its batches, where the devices are known, and ``fit`` says it; of reinforcement
    learning ``steps`` are those that its hours buy, each with a ``rollout``. ``evidence`` holds each hyper-parameter
    with what stands beside it, ``why`` a line for each thing assumed.
    """

    name: str
    kind: str
    share: float
    tokens: float
    sequence_length: int
    sequences: int
    peak: float
    final: float
    warmup_steps: int
    objective: dict[str, Any]
    schedule: dict[str, Any]
    optimizer: dict[str, Any]
    ramp: dict[str, Any] | None
    data: dict[str, float] | None
    flops: float
    hours: Amount
    days: Amount | None
    usd: Amount | None
    evidence: dict[str, Advice]
    why: dict[str, str]
    layout: Layout | None = None
    fit: str | None = None
    steps: int | None = None
    rollout: StageRollout | None = None


WorryKind = Literal[
    "harm", "utilisation", "unreachable", "long", "far", "machine", "heads", "base", "repeats", "bound", "vocabulary"
]
WORRIES: dict[WorryKind, str] = {
    "harm": "the base is forecast to be worse after the plan than before it",
    "utilisation": "the utilisation is more than the machine reaches, or than published runs did",
    "long": "the run lasts longer than any whose length was published",
    "unreachable": "no law was fitted anywhere near",
    "far": "the loss is read beyond the runs of its law",
    "machine": "the network, or one that the law would rather have, does not fit the devices, or may not",
    "heads": "the heads divide over few devices, share few keys and values, or are not as wide together as the network",
    "base": "less is known of the base than the plan reads",
    "repeats": "data is repeated more often than is known to be harmless",
    "bound": "a rule was asked outside its runs and is bound by what was published",
    "vocabulary": "another vocabulary would serve the budget better",
}
"""What a plan may be worried about."""


class Worry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to worry about, in a line."""

    kind: WorryKind
    says: str


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What the network would score on ``benchmark``, by a law of scores at the loss of the plan [metric]."""

    law: str
    metric: str
    benchmark: str
    score: Amount


class Rival(msgspec.Struct, frozen=True, kw_only=True):
    """The network that the law would rather have at the chosen one's utilisation, and by how much its ``loss`` at its
    own lies above the chosen one's [loss_unit]; ``None`` where no layout of it fits the devices."""

    key: tuple[int, int]
    loss: float | None


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """The ``best`` vocabulary of the network by a law, its ``interval`` (95 %) [entries], and by how much the plan's
    ``own`` costs more [nats/token]."""

    law: str
    best: int
    interval: Bounds | None
    above: float
    own: int

    @property
    def settled(self) -> bool:
        """Whether the law is sure that the plan's own is not the best."""
        return self.interval is None or not self.interval[0] <= self.own <= self.interval[1]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a plan says; ``spent`` is the work of all stages and of serving [FLOP], ``made`` where its
    network stands between the rungs of the ladder, ``forecast`` the end of pre-training under the plan's own schedules;
    ``layout`` is that of the first stage, ``rival`` what the law would rather have if its layout were as fast."""

    name: str
    bought: Bought
    spent: float
    hours: Amount
    days: Amount | None
    usd: Amount | None
    usd_per_hour: float | None
    accelerator: Accelerator
    precision: str
    devices: int | None
    law: Law
    surface: Surface | None
    plan: Plan
    architecture: Architecture
    made: bool
    base: str | None
    base_known: bool
    """Whether all of the base's tokens were published."""
    sequence_length: int
    stages: dict[str, StageSettings]
    demand: Demand
    network: str
    top_k: int
    seconds: list[Second]
    at_bounds: list[tuple[float, Plan]]
    rates: list[Rates]
    hyper: list[HyperLaw]
    replay: tuple[str, float] | None
    rungs: dict[tuple[int, int], Rung]
    own_optimum: tuple[float, float] | None
    vocabulary: Vocabulary | None
    given_mfu: float | None
    fit: str
    layout: Layout | None
    loss_interval: Bounds | None
    forecast: StageForecast | None
    score: Scored | None
    worries: list[Worry]
    rival: Rival | None = None
    size: tuple[float, float] | None = None
    """The range of all parameters that was asked for."""
