"""Schedules of one decay: constant, cosine, linear, polynomial, exponential, inverse square root."""

from __future__ import annotations

from math import ceil
from typing import Literal

import msgspec
import numpy as np

from lehr.simulators.schedules.base import Decay, PositiveRate, Rate, ScheduleBase, steps_before
from lehr.simulators.schedules.curve import Phase
from lehr.simulators.schedules.duration import Duration, TokenClock
from lehr.simulators.schedules.shapes import Shape


class Constant(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="constant"):
    """The peak throughout.

    >>> from lehr.simulators.schedules import Warmup
    >>> Constant(peak=1.0, warmup=Warmup(steps=2)).resolve(4).values().tolist()
    [0.0, 0.5, 1.0, 1.0]
    """

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The peak."""
        return [self.hold(n_steps - rise)]


class OneDecay(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decay from the warm-up's end to the stage's end, or to ``over``, counted from the stage's beginning.

    Where ``over`` is longer than the stage the decay is cut off; where it is shorter the floor follows. ``elapsed`` is
    what an earlier stage has already spent of ``over``. A ``tail`` cuts the decay off before the stage's end and goes
    down from there to ``tail_floor``.
    """

    over: Duration | None = None
    elapsed: Duration | None = None
    tail: Decay | None = None
    tail_floor: Rate = 0.0

    def decay(self, shape: Shape, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The decay in ``shape`` and the floor after it."""
        spent = self.elapsed.in_steps(n_steps, clock) if self.elapsed else 0
        whole = (self.over.in_steps(n_steps, clock) if self.over else n_steps + spent) - rise
        left = whole - spent
        if left < 1 and n_steps > rise:
            raise ValueError(f"`over` ends within the warm-up of {rise} steps; write a longer one")
        seen = min(left, n_steps - rise)
        fall = self.fall(shape, seen, power=self.exponent, length=float(whole))
        if spent:
            fall = Phase(
                name=fall.name,
                shape=shape,
                steps=seen,
                start=fall.start,
                end=fall.end,
                offset=fall.offset + spent,
                power=fall.power,
                length=fall.length,
            )
        phases = [fall, self.hold(n_steps - rise - seen, self.lowest, "floor")]
        return phases if self.tail is None else cut(phases, self.tail, self.tail_floor, n_steps, clock)

    @property
    def exponent(self) -> float:
        """The power of a polynomial decay."""
        return 1.0


class Cosine(OneDecay, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cosine"):
    """Half a cosine from peak to floor (Loshchilov and Hutter, arXiv:1608.03983, equation 5).

    >>> from lehr.simulators.schedules import Warmup
    >>> curve = Cosine(peak=3e-4, floor=3e-5, warmup=Warmup(steps=2000)).resolve(250_000)
    >>> curve.at([0, 2000, 126_000]).round(9).tolist()
    [0.0, 0.0003, 0.000165]
    """

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The cosine."""
        return self.decay("cosine", rise, n_steps, clock)


class Linear(OneDecay, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="linear"):
    """A straight line from peak to floor.

    >>> Linear(peak=1.0).resolve(4).values().tolist(), Linear(peak=1.0, convention="end").resolve(4).values().tolist()
    ([1.0, 0.75, 0.5, 0.25], [0.75, 0.5, 0.25, 0.0])
    """

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The line."""
        return self.decay("linear", rise, n_steps, clock)


class Polynomial(OneDecay, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="polynomial"):
    """floor + (peak - floor) (1 - p)**power, p the share of the decay that is over.

    >>> Polynomial(peak=1.0, power=2.0).resolve(4).values().tolist()
    [1.0, 0.5625, 0.25, 0.0625]
    """

    power: PositiveRate = 1.0

    @property
    def exponent(self) -> float:
        """The power of the decay."""
        return self.power

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The polynomial."""
        return self.decay("power", rise, n_steps, clock)


class Exponential(OneDecay, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exponential"):
    """Geometric from peak to a floor above zero.

    >>> Exponential(peak=1.0, floor_ratio=0.0625).resolve(4).values().tolist()
    [1.0, 0.5, 0.25, 0.125]
    """

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The geometric decay."""
        return self.decay("exponential", rise, n_steps, clock)


class InverseSqrt(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="inverse_sqrt"):
    """peak / sqrt(1 + i / timescale), i counted from the warm-up's end; ``timescale`` is by default its length
    (Vaswani et al., arXiv:1706.03762, equation 3).

    >>> InverseSqrt(peak=1.0, timescale=Duration(steps=1)).resolve(9).at([0, 3, 8]).round(4).tolist()
    [1.0, 0.5, 0.3333]
    """

    timescale: Duration | None = None
    floor_is: Literal["cut", "limit"] = "cut"

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The decay. Raises ``ValueError`` without a warm-up or a timescale."""
        scale = self.timescale.in_steps(n_steps, clock) if self.timescale else rise
        if scale < 1:
            raise ValueError("inverse_sqrt without a warm-up needs a `timescale: {steps: n}`")
        steps, end = n_steps - rise, self.lowest
        if self.floor_is == "cut" and self.lowest > 0:
            # the first update whose rate would lie below the floor
            last = scale * ((self.peak / self.lowest) ** 2 - 1) - self.offset
            steps, end = min(steps, max(ceil(last - 1e-9), 0)), 0.0
        fall = msgspec.structs.replace(self.fall("inverse_sqrt", steps, length=float(scale)), end=end)
        return [fall, self.hold(n_steps - rise - steps, self.lowest, "floor")]


class PowerLaw(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="power_law"):
    """peak (i / warm-up)**-exponent, i counted from the stage's beginning, and a decay at the end where ``decay`` is
    given (the power scheduler, Shen et al., arXiv:2408.13359; OLMo-core's PowerLR).

    >>> from lehr.simulators.schedules import Warmup
    >>> PowerLaw(peak=1.0, exponent=0.5, warmup=Warmup(steps=2)).resolve(8).values().round(3).tolist()
    [0.0, 0.5, 1.0, 0.816, 0.707, 0.632, 0.577, 0.535]
    """

    exponent: PositiveRate = 0.51
    decay: Decay | None = None

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The power law and the decay. Raises ``ValueError`` without a warm-up, and where they do not fit."""
        if rise < 1:
            raise ValueError("power_law is counted in warm-ups; write a `warmup: {steps: n}`")
        fall = Phase(
            name="power law",
            shape="power_law",
            steps=n_steps - rise,
            start=self.peak,
            end=0.0,
            offset=self.offset,
            power=self.exponent,
            length=float(rise),
        )
        return [fall] if self.decay is None else cut([fall], self.decay, self.lowest, n_steps, clock)


def cut(phases: list[Phase], tail: Decay, floor: float, n_steps: int, clock: TokenClock | None) -> list[Phase]:
    """``phases`` at the end of a stage of ``n_steps``, with a decay to ``floor`` in place of their end.

    Raises ``ValueError`` where the tail is longer than they are.
    """
    last, steps = steps_before(tail, n_steps, n_steps, clock), sum(phase.steps for phase in phases)
    if last > steps:
        raise ValueError(f"a tail of {last} steps is longer than the {steps} after warm-up; write a shorter one")
    kept, left = [], steps - last
    start = phases[0].start
    for phase in phases:
        taken = min(phase.steps, left)
        left -= taken
        whole = phase.length if phase.length is not None else float(phase.steps)
        kept.append(msgspec.structs.replace(phase, steps=taken, length=whole))
        # where the phase has come to by then, whichever way its updates stand
        start = float(kept[-1].rates(np.asarray(float(taken)) - phase.offset)) if taken else start
    down = Phase(
        name="tail", shape=tail.shape, steps=last, start=start, end=floor, offset=phases[0].offset, power=tail.power
    )
    return [*kept, down]
