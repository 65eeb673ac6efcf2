"""Schedules of one decay: constant, cosine, linear, polynomial, exponential, inverse square root."""

from __future__ import annotations

from simulators.schedules.base import PositiveRate, ScheduleBase
from simulators.schedules.curve import Phase
from simulators.schedules.duration import Duration, TokenClock
from simulators.schedules.shapes import Shape


class Constant(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="constant"):
    """The peak throughout."""

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The peak."""
        return [self.hold(n_steps - rise)]


class OneDecay(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decay from the warm-up's end to the stage's end, or to ``over``, counted from the stage's beginning.

    Where ``over`` is longer than the stage the decay is cut off; where it is shorter the floor follows. ``elapsed`` is
    what an earlier stage has already spent of ``over``.
    """

    over: Duration | None = None
    elapsed: Duration | None = None

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
        return [fall, self.hold(n_steps - rise - seen, self.lowest, "floor")]

    @property
    def exponent(self) -> float:
        """The power of a polynomial decay."""
        return 1.0


class Cosine(OneDecay, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cosine"):
    """Half a cosine from peak to floor (Loshchilov and Hutter, arXiv:1608.03983, equation 5).

    >>> from simulators.schedules import Warmup
    >>> curve = Cosine(peak=3e-4, floor=3e-5, warmup=Warmup(steps=2000)).resolve(250_000)
    >>> curve.at([0, 2000, 126_000]).round(9).tolist()
    [0.0, 0.0003, 0.000165]
    """

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The cosine."""
        return self.decay("cosine", rise, n_steps, clock)


class Linear(OneDecay, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="linear"):
    """A straight line from peak to floor."""

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The line."""
        return self.decay("linear", rise, n_steps, clock)


class Polynomial(OneDecay, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="polynomial"):
    """floor + (peak - floor) (1 - p)**power."""

    power: PositiveRate = 1.0

    @property
    def exponent(self) -> float:
        """The power of the decay."""
        return self.power

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The polynomial."""
        return self.decay("power", rise, n_steps, clock)


class Exponential(OneDecay, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exponential"):
    """Geometric from peak to a floor above zero."""

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The geometric decay."""
        return self.decay("exponential", rise, n_steps, clock)


class InverseSqrt(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="inverse_sqrt"):
    """peak / sqrt(1 + i / timescale), i counted from the warm-up's end; ``timescale`` is by default its length
    (Vaswani et al., arXiv:1706.03762, equation 3)."""

    timescale: Duration | None = None

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The decay. Raises ``ValueError`` without a warm-up or a timescale."""
        scale = self.timescale.in_steps(n_steps, clock) if self.timescale else rise
        if scale < 1:
            raise ValueError("inverse_sqrt without a warm-up needs a `timescale: {steps: n}`")
        return [self.fall("inverse_sqrt", n_steps - rise, length=float(scale))]
