"""Schedules that are spelled out: constant rates that drop at milestones, and phases of any shape."""

from __future__ import annotations

from typing import Literal

import msgspec

from lehr.simulators.quantities import Extent, Positive, Share
from lehr.simulators.schedules.base import NEEDS_A_FLOOR, DecayShape, Rate, ScheduleBase
from lehr.simulators.schedules.curve import Phase
from lehr.simulators.schedules.duration import Duration, TokenClock


class Milestone(Duration, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From this position on, ``ratio`` of the peak."""

    ratio: Share


class MultiStep(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="multi_step"):
    """Constant rates that drop at milestones (DeepSeek LLM, arXiv:2401.02954, section 2.3).

    >>> drops = [Milestone(fraction=0.8, ratio=0.316), Milestone(fraction=0.9, ratio=0.1)]
    >>> MultiStep(peak=1.0, milestones=drops).resolve(10).values().tolist()[6:]
    [1.0, 1.0, 0.316, 0.1]
    """

    milestones: list[Milestone]

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """A constant phase for each rate. Raises ``ValueError`` where milestones are not in order."""
        edges = [rise, *(m.in_steps(n_steps, clock) for m in self.milestones), n_steps]
        if edges != sorted(edges):
            raise ValueError(f"milestones at steps {edges[1:-1]} are not in order between {rise} and {n_steps}")
        ratios = [1.0, *(m.ratio for m in self.milestones)]
        return [
            self.hold(b - a, self.peak * ratio, f"{ratio:g} of peak")
            for a, b, ratio in zip(edges, edges[1:], ratios, strict=False)
        ]


class Stretch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One phase: how long, which shape, and the rate it ends at (a constant one jumps there)."""

    steps: Extent | None = None
    tokens: Positive | None = None
    fraction: Share | None = None
    shape: DecayShape | Literal["constant"] = "constant"
    power: float = 1.0
    to: Rate | None = None

    @property
    def duration(self) -> Duration | None:
        """How long, or ``None`` where it takes what is left."""
        if self.steps is self.tokens is self.fraction is None:
            return None
        return Duration(steps=self.steps, tokens=self.tokens, fraction=self.fraction)


class Phases(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="phases"):
    """Phases that fill the stage in order; the warm-up is the beginning of the first, the last may leave its
    duration out.

    >>> two = Phases(peak=2e-4, phases=[Stretch(steps=90, shape="cosine", to=2e-5), Stretch(to=7e-6)])
    >>> print(two.resolve(100))
    100 steps: cosine decay cosine 0.0002 to 2e-05 over 90, constant constant 7e-06 over 10
    """

    phases: list[Stretch]

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The phases in steps. Raises ``ValueError`` where they are longer or shorter than the stage."""
        out: list[Phase] = []
        position, rate = 0, self.peak
        for i, stretch in enumerate(self.phases):
            steps = self._steps(i, position, n_steps, clock)
            if position + steps > n_steps:
                raise ValueError(f"phases of {position + steps} steps are longer than the stage's {n_steps}")
            end = rate if stretch.to is None else stretch.to
            taken = min(rise, steps) if i == 0 else 0
            if stretch.shape == "constant":
                out.append(self.hold(steps - taken, end))
            else:
                if stretch.shape in NEEDS_A_FLOOR and end <= 0:
                    raise ValueError(f"{stretch.shape} needs an end above 0; write to: ...")
                decay = Phase(
                    name=f"{stretch.shape} decay",
                    shape=stretch.shape,
                    steps=steps - taken,
                    start=rate,
                    end=end,
                    offset=self.offset,
                    power=stretch.power,
                )
                out.append(decay)
            position, rate = position + steps, end
        if position < n_steps:
            raise ValueError(f"phases end after {position} of {n_steps} steps; leave out the duration of the last one")
        return out

    def _steps(self, index: int, position: int, n_steps: int, clock: TokenClock | None) -> int:
        duration = self.phases[index].duration
        last = index == len(self.phases) - 1
        if duration is None:
            if not last:
                raise ValueError("only the last phase may leave out its duration; write steps, tokens or fraction")
            return n_steps - position
        steps = duration.in_steps(n_steps, clock, after=float(position))
        # durations are rounded to steps one by one; the last one takes what that leaves
        return n_steps - position if last and abs(position + steps - n_steps) <= len(self.phases) else steps
