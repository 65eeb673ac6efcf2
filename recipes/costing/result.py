"""What a recipe costs, as a structure."""

from __future__ import annotations

import msgspec

from lehr.simulators.machine.failures import Finish, Uptime
from lehr.simulators.quantities import Amount, Relation
from lehr.simulators.sensitivity import Spread


class StageCost(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: accelerator-hours of its work [h], devices, what failures leave of their time, and from what its hours
    are. ``generating`` is the share of them that generates [1]; published hours are billed as they are, and
    ``projected`` stands beside them [h]. ``bound`` tells how the true hours lie to these. Of
    published hours without a number of devices neither days nor failures follow."""

    name: str
    kind: str
    accelerator: str
    devices: int | None
    hours: Amount
    generating: float
    uptime: Uptime | None
    basis: str
    projected: Amount | None = None
    bound: Relation | None = None


class Costed(msgspec.Struct, frozen=True, kw_only=True):
    """The whole: days of pure work and by the calendar, where all devices are known, billed hours, energy [MWh], carbon
    [t] and money [USD], each with its 90 % interval; ``finish`` is the distribution of the last day that failures alone
    make. ``left_out`` are stages whose hours nobody knows; ``published`` are hours, money, energy and carbon that were
    printed of the whole recipe; ``checkpoint_bytes`` are weights and optimiser states [byte]; ``rests`` says on
    what the figures rest, by what they are."""

    model: str
    stages: list[StageCost]
    work_days: float | None
    days: Spread | None
    finish: Finish | None
    billed: Spread
    energy: Spread | None
    carbon: Spread | None
    dollars: Spread | None
    usd_per_hour: float | None
    grid: str
    checkpoint_bytes: float
    published: list[str]
    left_out: list[str]
    assumed: list[str]
    rests: dict[str, str] = {}

    @property
    def bound(self) -> Relation | None:
        """How the true days, hours, energy and money lie to these, where all stages' bounds lie on one side; of a sum
        with rollouts no most is known."""
        found = {s.bound for s in self.stages if s.bound is not None}
        if "at most" in found and any(s.basis == "rollouts" for s in self.stages):
            return None
        return found.pop() if len(found) == 1 else None
