"""The schedules that a recipe can name by ``kind``, each resolved into a curve."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from simulators.schedules.curve import Curve, Phase
from simulators.schedules.duration import Duration, TokenClock, tokens_before
from simulators.schedules.shapes import Shape

Rate = Annotated[float, msgspec.Meta(ge=0.0)]
PositiveRate = Annotated[float, msgspec.Meta(gt=0.0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
DecayShape = Literal["linear", "cosine", "exponential", "one_minus_sqrt", "one_minus_square"]
Convention = Literal["start", "end", "end_in_warmup"]
"""Where update i of a phase stands: at i (transformers, Megatron-LM, LitGPT, verl), at i + 1 (OLMo-core), or at
i + 1 in the warm-up alone (torchtitan). No parameter makes the three equal."""


class Warmup(Duration, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rise to the peak: a duration, the rate it starts from and its shape."""

    start: Rate = 0.0
    shape: Literal["linear", "cosine"] = "linear"


class ScheduleBase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every schedule has: a peak, a floor (absolute or of the peak; neither is zero), a warm-up, a convention."""

    peak: PositiveRate
    floor: Rate | None = None
    floor_ratio: Share | None = None
    warmup: Warmup | None = None
    convention: Convention = "start"

    def __post_init__(self) -> None:
        if self.floor is not None and self.floor_ratio is not None:
            raise ValueError("floor and floor_ratio are both given; write one of them")
        if self.lowest > self.peak:
            raise ValueError(f"floor {self.lowest:g} is above peak {self.peak:g}; write a floor of at most the peak")

    @property
    def lowest(self) -> float:
        """The floor as a rate."""
        return self.floor if self.floor is not None else self.peak * (self.floor_ratio or 0.0)

    def resolve(self, n_steps: int, clock: TokenClock | None = None) -> Curve:
        """The learning rates of ``n_steps`` updates; ``clock`` is needed where durations are in tokens.

        Raises ``ValueError`` where warm-up or phases do not fit into the stage.
        """
        if n_steps < 1:
            raise ValueError(f"a schedule needs at least one step; the stage has {n_steps}")
        rise = self.warmup.in_steps(n_steps, clock) if self.warmup else 0
        if rise > n_steps:
            raise ValueError(f"warm-up of {rise} steps is longer than the stage's {n_steps}; write a shorter warmup")
        phases = self._after_warmup(rise, n_steps, clock)
        if self.warmup and rise:
            offset = 0.0 if self.convention == "start" else 1.0
            up = Phase(
                name="warm-up",
                shape=self.warmup.shape,
                steps=rise,
                start=self.warmup.start,
                end=self.peak,
                offset=offset,
            )
            phases = [up, *phases]
        return Curve(tuple(phase for phase in phases if phase.steps))

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        raise NotImplementedError

    @property
    def _offset(self) -> float:
        return 1.0 if self.convention == "end" else 0.0

    def _hold(self, steps: int, rate: float | None = None, name: str = "constant") -> Phase:
        rate = self.peak if rate is None else rate
        return Phase(name=name, shape="constant", steps=steps, start=rate, end=rate)

    def _decay_to_end(  # noqa: PLR0917  (one caller a shape; named at none of them)
        self, shape: Shape, rise: int, n_steps: int, clock: TokenClock | None, over: Duration | None, power: float = 1.0
    ) -> list[Phase]:
        """A decay from the warm-up to ``over`` (the stage's end without one), and the floor after it."""
        if shape == "exponential" and self.lowest <= 0:
            raise ValueError("an exponential decay needs a floor above 0; write floor or floor_ratio")
        whole = (over.in_steps(n_steps, clock) if over else n_steps) - rise
        if whole < 1 and n_steps > rise:
            raise ValueError(f"`over` ends within the warm-up of {rise} steps; write a longer one")
        seen = min(whole, n_steps - rise)
        decay = Phase(
            name="decay",
            shape=shape,
            steps=seen,
            start=self.peak,
            end=self.lowest,
            offset=self._offset,
            power=power,
            length=float(whole),
        )
        return [decay, self._hold(n_steps - rise - seen, self.lowest, "floor")]


class Constant(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="constant"):
    """The peak throughout."""

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        return [self._hold(n_steps - rise)]


class Cosine(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cosine"):
    """Half a cosine from peak to floor (Loshchilov and Hutter, arXiv:1608.03983, equation 5).

    >>> curve = Cosine(peak=3e-4, floor=3e-5, warmup=Warmup(steps=2000)).resolve(250_000)
    >>> curve.at([0, 2000, 126_000]).round(9).tolist()
    [0.0, 0.0003, 0.000165]
    """

    over: Duration | None = None

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        return self._decay_to_end("cosine", rise, n_steps, clock, self.over)


class Linear(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="linear"):
    """A straight line from peak to floor."""

    over: Duration | None = None

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        return self._decay_to_end("linear", rise, n_steps, clock, self.over)


class Polynomial(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="polynomial"):
    """floor + (peak - floor) (1 - p)**power."""

    power: Annotated[float, msgspec.Meta(gt=0.0)] = 1.0
    over: Duration | None = None

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        return self._decay_to_end("polynomial", rise, n_steps, clock, self.over, self.power)


class Exponential(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exponential"):
    """Geometric from peak to a floor above zero."""

    over: Duration | None = None

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        return self._decay_to_end("exponential", rise, n_steps, clock, self.over)


class InverseSqrt(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="inverse_sqrt"):
    """peak / sqrt(1 + i / timescale), i counted from the warm-up's end; ``timescale`` is by default its length."""

    timescale: Duration | None = None

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        scale = self.timescale.in_steps(n_steps, clock) if self.timescale else rise
        if scale < 1:
            raise ValueError("inverse_sqrt without a warm-up needs a `timescale: {steps: n}`")
        return [
            Phase(
                name="decay",
                shape="inverse_sqrt",
                steps=n_steps - rise,
                start=self.peak,
                end=0.0,
                offset=self._offset,
                length=float(scale),
            )
        ]


class Milestone(Duration, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From this position on, ``ratio`` of the peak."""

    ratio: Share


class MultiStep(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="multi_step"):
    """Constant rates that drop at milestones (DeepSeek LLM, arXiv:2401.02954, section 2.3)."""

    milestones: list[Milestone]

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        edges = [rise, *(m.in_steps(n_steps, clock) for m in self.milestones), n_steps]
        if edges != sorted(edges):
            raise ValueError(f"milestones at steps {edges[1:-1]} are not in order between {rise} and {n_steps}")
        ratios = [1.0, *(m.ratio for m in self.milestones)]
        return [
            self._hold(b - a, self.peak * ratio, f"{ratio:g} of peak")
            for a, b, ratio in zip(edges, edges[1:], ratios, strict=False)
        ]


class Decay(Duration, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last part of a WSD schedule."""

    shape: DecayShape = "linear"


class WSD(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="wsd"):
    """Warm-up, stable, decay (MiniCPM, arXiv:2404.06395, section 4)."""

    decay: Decay

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        if self.decay.shape == "exponential" and self.lowest <= 0:
            raise ValueError("an exponential decay needs a floor above 0; write floor or floor_ratio")
        if self.decay.tokens is not None and clock is not None:
            begin = clock.step_at(tokens_before(clock, n_steps) - self.decay.tokens)
            fall = n_steps - round(begin)
        else:
            fall = self.decay.in_steps(n_steps, clock)
        if rise + fall > n_steps:
            raise ValueError(f"warm-up of {rise} and decay of {fall} steps are longer than the stage's {n_steps}")
        return [
            self._hold(n_steps - rise - fall, name="stable"),
            Phase(
                name="decay", shape=self.decay.shape, steps=fall, start=self.peak, end=self.lowest, offset=self._offset
            ),
        ]


class Stretch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One phase: how long, which shape, and the rate it ends at (a constant one jumps there)."""

    steps: Annotated[int, msgspec.Meta(ge=0)] | None = None
    tokens: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    fraction: Share | None = None
    shape: DecayShape | Literal["constant"] = "constant"
    to: Rate | None = None


class Phases(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="phases"):
    """Phases that fill the stage in order; the warm-up is the beginning of the first, the last may leave its
    duration out."""

    phases: list[Stretch]

    def _after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        out: list[Phase] = []
        position, rate = 0, self.peak
        for i, stretch in enumerate(self.phases):
            last = i == len(self.phases) - 1
            given = (stretch.steps, stretch.tokens, stretch.fraction)
            if last and given == (None, None, None):
                steps = n_steps - position
            else:
                duration = Duration(steps=stretch.steps, tokens=stretch.tokens, fraction=stretch.fraction)
                steps = duration.in_steps(n_steps, clock, after=float(position))
            if last and abs(position + steps - n_steps) <= len(self.phases):
                # durations in tokens are rounded to steps one by one; the last one takes what is left
                steps = n_steps - position
            if position + steps > n_steps:
                raise ValueError(f"phases of {position + steps} steps are longer than the stage's {n_steps}")
            end = rate if stretch.to is None else stretch.to
            position += steps
            taken = min(rise, steps) if i == 0 else 0
            if stretch.shape == "constant":
                out.append(self._hold(steps - taken, end))
            else:
                out.append(
                    Phase(
                        name=f"{stretch.shape} decay",
                        shape=stretch.shape,
                        steps=steps - taken,
                        start=rate,
                        end=end,
                        offset=self._offset,
                    )
                )
            rate = end
        if position < n_steps:
            raise ValueError(f"phases end after {position} of {n_steps} steps; leave out the duration of the last one")
        return out


Schedule = Constant | Cosine | Linear | Polynomial | Exponential | InverseSqrt | MultiStep | WSD | Phases
"""Every schedule that a recipe may name."""
