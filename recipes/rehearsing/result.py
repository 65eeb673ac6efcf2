"""What a rehearsal found: its logs, and what was planned or forecast beside what was measured."""

from __future__ import annotations

import msgspec

from lehr.recipes.rehearsing.small_recipe import Rehearsal
from lehr.simulators.laws.curves import CurveLaw

COLUMNS = ("step", "tokens", "lr", "loss", "held_out_before", "held_out_after")


class Row(msgspec.Struct, frozen=True):
    """One update: its number from 0, its tokens, the rate that the optimiser had, and what was trained on [nats/byte];
    what was measured on what was held out before and after it, where it was measured."""

    step: int
    tokens: int
    lr: float
    loss: float
    before: float | None = None
    after: float | None = None

    def line(self) -> str:
        """As a line of a table; numbers at full precision."""
        shown = ["" if v is None else repr(v) for v in msgspec.structs.astuple(self)]
        return ",".join(shown) + "\n"


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """The updates of a stage."""

    name: str
    rows: list[Row]

    @property
    def measured(self) -> list[tuple[int, float]]:
        """Updates done and what was measured then."""
        found = [(row.step, row.before) for row in self.rows if row.before is not None]
        found += [(row.step + 1, row.after) for row in self.rows if row.after is not None]
        return found


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage would end at, told from its first half and from what came before, beside what it ended at.

    ``quantity`` [``unit``] is measured on what was held out; ``low`` to ``high`` is the 95 % interval. ``why`` says
    what the forecast rests on, or why there is none.
    """

    stage: str
    quantity: str
    unit: str
    began: float
    measured: float
    forecast: float | None
    low: float | None
    high: float | None
    why: str

    @property
    def inside(self) -> bool | None:
        """Does the measured value lie in the interval?"""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.measured <= self.high


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """The learning rates of a stage: updates whose rate and whose tokens were not the plan's, and the worst rate."""

    stage: str
    updates: int
    other_rate: int
    other_tokens: int
    worst: float


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Work and memory of one text of a stage: by the count, and by torch."""

    stage: str
    flops_counted: float
    flops_by_torch: float
    kept_counted: float
    kept_by_torch: float

    @property
    def flops_apart(self) -> float:
        """The count over torch's, less one [1]."""
        return self.flops_counted / self.flops_by_torch - 1.0


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens a second of the first stage on this machine, beside what a layout on it expects with its interval.
    ``load`` are programs that ran or waited, this one among them, in the minute before, and ``cores`` those that can
    run at once, where the system says."""

    measured: float
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    machine: str = ""
    load: float | None = None
    cores: int = 1

    @property
    def busy(self) -> bool:
        """Had others more than half a core of those that this program could have used?"""
        return self.load is not None and self.load > self.cores + 0.5


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All that a rehearsal says. ``law`` is the curve law of the pre-training's first half, where one was fitted."""

    name: str
    of: str
    scale: str
    small: Rehearsal
    parameters: int
    of_parameters: int
    corpus: str
    logs: list[Log]
    forecasts: list[Forecast]
    rates: list[Rates]
    work: list[Work]
    speed: Speed | None
    torch: str
    seconds: float
    law: CurveLaw | None = None

    @property
    def sound(self) -> bool:
        """Are all rates and tokens the plan's?"""
        return not any(r.other_rate or r.other_tokens for r in self.rates)
