"""What every schedule has: a peak, a floor, a warm-up and the convention by which a step is placed in a phase."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from lehr.simulators.quantities import Share
from lehr.simulators.schedules.curve import Curve, Phase
from lehr.simulators.schedules.duration import Duration, TokenClock, tokens_before
from lehr.simulators.schedules.shapes import SHAPES, Shape

Rate = Annotated[float, msgspec.Meta(ge=0.0, le=1e3)]
PositiveRate = Annotated[float, msgspec.Meta(gt=0.0, le=1e3)]
"""A learning rate or an exponent; no optimiser is given a thousand, and what is above was meant otherwise (0.42m)."""
DecayShape = Literal[
    "linear",
    "cosine",
    "exponential",
    "one_minus_sqrt",
    "one_minus_square",
    "mirror_cosine",
    "half_cosine",
    "inverse_linear",
    "inverse_root",
    "megatron_exponential",
    "power",
]
DECAY_SHAPES: dict[DecayShape, str] = {shape: SHAPES[shape] for shape in get_args(DecayShape)}
"""What is left of the way to the floor."""
NEEDS_A_FLOOR = ("exponential", "inverse_linear")
"""Shapes that never reach zero."""

Convention = Literal["start", "end", "end_in_warmup", "end_in_decay"]
STEP_CONVENTIONS: dict[Convention, str] = {
    "start": "of n updates, update i (from 0) has the rate at i / n, in warm-up and in decay",
    "end": "of n updates, update i (from 0) has the rate at (i + 1) / n, in warm-up and in decay",
    "end_in_warmup": "of n updates, update i (from 0) has the rate at (i + 1) / n in warm-up and at i / n in decay",
    "end_in_decay": "of n updates, update i (from 0) has the rate at i / n in warm-up and at (i + 1) / n in decay",
}
"""Where an update stands in its phase of the schedule.

``start`` is what transformers, Megatron-LM, LitGPT and verl do, ``end`` OLMo-core and transformers'
cosine_warmup_with_min_lr, ``end_in_warmup`` torchtitan, ``end_in_decay`` DeepSpeed's WarmupCosineLR, by its own count
of batches, one behind the updates. No parameter makes them equal."""


class Warmup(Duration, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rise to the peak: a duration, the rate it starts from and its shape; ``log`` is DeepSpeed's default, which
    reaches the peak on its last update."""

    start: Rate = 0.0
    shape: Literal["linear", "cosine", "log"] = "linear"


class Decay(Duration, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fall to the floor: a duration and a shape; ``power`` is the exponent of ``power``, the steepness of
    ``inverse_root``."""

    shape: DecayShape = "linear"
    power: PositiveRate = 1.0


def steps_before(decay: Decay, end: int, n_steps: int, clock: TokenClock | None) -> int:
    """How many steps a decay takes that ends at step ``end``; tokens are counted back from there [steps].

    >>> steps_before(Decay(fraction=0.1), 1000, 1000, None)
    100
    """
    if decay.tokens is not None and clock is not None:
        return end - round(float(clock.step_at(tokens_before(clock, end) - decay.tokens)))
    return decay.in_steps(n_steps, clock)


class ScheduleBase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A rule for the learning rate. The floor is absolute or a share of the peak; without either it is zero.

    Raises ``ValueError`` where both are given, or where the floor is above the peak.
    """

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
        if self.warmup and self.warmup.shape == "log" and rise == 1:
            raise ValueError("a warm-up of shape log takes 2 steps or more; write a longer one, or shape: linear")
        phases = self.after_warmup(rise, n_steps, clock)
        if self.warmup and rise:
            up = Phase(
                name="warm-up",
                shape=self.warmup.shape,
                steps=rise,
                start=self.warmup.start,
                end=self.peak,
                offset=1.0 if self.convention in ("end", "end_in_warmup") else 0.0,
                power=float(rise) if self.warmup.shape == "log" else 1.0,
            )
            phases = [up, *phases]
        return Curve(tuple(phase for phase in phases if phase.steps))

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The phases that follow a warm-up of ``rise`` steps; they fill the rest of ``n_steps``."""
        raise NotImplementedError

    @property
    def offset(self) -> float:
        """Where update 0 of a decay stands [steps]."""
        return 1.0 if self.convention in ("end", "end_in_decay") else 0.0

    def hold(self, steps: int, rate: float | None = None, name: str = "constant") -> Phase:
        """A constant phase, by default at the peak."""
        rate = self.peak if rate is None else rate
        return Phase(name=name, shape="constant", steps=steps, start=rate, end=rate)

    def fall(self, shape: Shape, steps: int, *, power: float = 1.0, length: float | None = None) -> Phase:
        """A decay from peak to floor, the first ``steps`` of ``length``.

        Raises ``ValueError`` for a shape that cannot reach a floor of zero.
        """
        if shape in NEEDS_A_FLOOR and self.lowest <= 0:
            raise ValueError(f"{shape} needs a floor above 0; write floor or floor_ratio")
        return Phase(
            name="decay",
            shape=shape,
            steps=steps,
            start=self.peak,
            end=self.lowest,
            offset=self.offset,
            power=power,
            length=length,
        )
