"""What is found of schedules: the best of a budget of steps, or what cool-downs from now would give."""

from __future__ import annotations

import msgspec

from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.scheduling.candidates import Budget, Search
from lehr.simulators.scheduling.cooldown import CoolDown


class Chosen(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The schedules of least final loss by ``law`` within ``budget``."""

    law: CurveLaw
    budget: Budget
    found: Search


class CooledDown(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What cool-downs after ``now`` steps at the rates ``so_far`` (now,) would give by ``law``."""

    law: CurveLaw
    now: int
    so_far: Floats
    downs: list[CoolDown]
    warnings: list[str]


Scheduled = Chosen | CooledDown
