"""Schedules with a long constant part: warm-up, stable, decay; its repeated form; the infinite schedule."""

from __future__ import annotations

from lehr.simulators.schedules.base import NEEDS_A_FLOOR, Decay, PositiveRate, ScheduleBase, steps_before
from lehr.simulators.schedules.curve import Phase
from lehr.simulators.schedules.duration import Duration, TokenClock


class WSD(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="wsd"):
    """Warm-up, stable, decay (MiniCPM, arXiv:2404.06395, section 4); the trapezoid is its linear form.

    >>> print(WSD(peak=1.0, decay=Decay(fraction=0.2)).resolve(10))
    10 steps: stable constant 1 over 8, decay linear 1 to 0 over 2
    """

    decay: Decay

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """The stable phase and the decay. Raises ``ValueError`` where they do not fit."""
        steps = steps_before(self.decay, n_steps, n_steps, clock)
        if rise + steps > n_steps:
            raise ValueError(f"warm-up of {rise} and decay of {steps} steps are longer than the stage's {n_steps}")
        return [
            self.hold(n_steps - rise - steps, name="stable"),
            self.fall(self.decay.shape, steps, power=self.decay.power),
        ]


class WSDS(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="wsd_s"):
    """WSD-S: decays that end at each of ``ends``, each followed by the peak again (Wen et al., arXiv:2410.05192).

    >>> wsds = WSDS(peak=1.0, floor=0.1, decay=Decay(steps=2), ends=[Duration(steps=5), Duration(steps=10)])
    >>> wsds.resolve(10).values().round(2).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.55, 1.0, 1.0, 1.0, 1.0, 0.55]
    """

    decay: Decay
    ends: list[Duration]

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """Stable and decaying phases in turn. Raises ``ValueError`` where a decay does not fit before its end."""
        out: list[Phase] = []
        position = rise
        for duration in self.ends:
            end = duration.in_steps(n_steps, clock)
            steps = steps_before(self.decay, end, n_steps, clock)
            if end > n_steps or end - steps < position:
                raise ValueError(
                    f"a decay of {steps} steps to step {end} does not fit between {position} and {n_steps}"
                )
            out.append(self.hold(end - steps - position, name="stable"))
            out.append(self.fall(self.decay.shape, steps, power=self.decay.power))
            position = end
        return [*out, self.hold(n_steps - position, name="stable")]


class Infinite(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="infinite"):
    """Warm-up, cool-down to a plateau, the plateau, and an annealing at the end where ``decay`` is given
    (Ibrahim et al., arXiv:2403.08763, section 6.4, whose cool-downs are a cosine and an inverse square root).

    >>> schedule = Infinite(peak=1.0, plateau=0.5, cooldown=Decay(steps=4, shape="linear"), decay=Decay(steps=2))
    >>> schedule.resolve(8).values().tolist()
    [1.0, 0.875, 0.75, 0.625, 0.5, 0.5, 0.5, 0.25]
    """

    plateau: PositiveRate
    cooldown: Decay
    decay: Decay | None = None

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """Cool-down, plateau and annealing. Raises ``ValueError`` where they do not fit."""
        if not self.lowest <= self.plateau <= self.peak:
            raise ValueError(f"plateau {self.plateau:g} is not between floor {self.lowest:g} and peak {self.peak:g}")
        cool = self.cooldown.in_steps(n_steps, clock)
        last = steps_before(self.decay, n_steps, n_steps, clock) if self.decay else 0
        if rise + cool + last > n_steps:
            raise ValueError(f"warm-up, cool-down and decay of {rise + cool + last} steps are longer than {n_steps}")
        down = Phase(
            name="cool-down",
            shape=self.cooldown.shape,
            steps=cool,
            start=self.peak,
            end=self.plateau,
            offset=self.offset,
            power=self.cooldown.power,
        )
        out = [down, self.hold(n_steps - rise - cool - last, self.plateau, "plateau")]
        if self.decay:
            if self.decay.shape in NEEDS_A_FLOOR and self.lowest <= 0:
                raise ValueError(f"{self.decay.shape} needs a floor above 0; write floor or floor_ratio")
            out.append(
                Phase(
                    name="decay",
                    shape=self.decay.shape,
                    steps=last,
                    start=self.plateau,
                    end=self.lowest,
                    offset=self.offset,
                    power=self.decay.power,
                )
            )
        return out
