"""The best warm-up, stable, decay schedule of every shape by a curve law, beside what people use by default."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import numpy as np

from lehr.simulators.laws.base import Bounds
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.numerics.search import compass
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import WSD, Cosine, Decay, Schedule, Warmup
from lehr.simulators.schedules.base import NEEDS_A_FLOOR, Convention, DecayShape
from lehr.simulators.schedules.shapes import rate_at
from lehr.simulators.scheduling.final import (
    central_interval,
    final_interval,
    final_loss,
    final_losses,
    replicas,
)
from lehr.simulators.scheduling.free import free_form
from lehr.simulators.scheduling.pieces import pieces_of, plateau
from lehr.simulators.scheduling.stairs import MOST_STAIRS, stairs

SHAPES: tuple[DecayShape, ...] = get_args(DecayShape)
SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Of the steps after warm-up, at which a search begins its look."""
RATIOS = (0.1, 0.02, 0.003)
"""Of the peak, at which the search begins its look at the final rate."""
LOOK_PIECES = 600
"""Pieces of constant rate that stand for a decay while a search looks; what it finds is then read step by step."""
LEAST_RATIO = 1e-5
"""A final rate of less is written as zero by the shapes that reach zero."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One schedule with its final loss by the law [loss_unit] and how much that is above the free form's.

    ``schedule`` is ``None`` for the free form. ``interval`` and ``excess_interval`` are ``None`` where the law does
    not say how sure it is.
    """

    name: str
    schedule: Schedule | None
    rates: Floats
    loss: float
    excess: float
    interval: Bounds | None
    excess_interval: Bounds | None


class Search(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a search found: the best of each shape, best first; the defaults beside it; the free form as a bound."""

    chosen: list[Candidate]
    defaults: list[Candidate]
    free: Candidate
    warnings: list[str]

    @property
    def best(self) -> Candidate:
        """The best schedule that a recipe can name."""
        return self.chosen[0]


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """The steps, the peak rate and the warm-up that are not to be chosen."""

    steps: int
    peak: float
    warmup_steps: int = 0
    convention: Convention = "start"

    def __post_init__(self) -> None:
        if self.steps < 2 or not self.peak > 0:
            raise ValueError(f"steps {self.steps}, peak rate {self.peak:g}; write 2 steps or more and a rate above 0")
        if self.warmup_steps < 0:
            raise ValueError(f"warmup_steps {self.warmup_steps} is negative; write 0 or more")
        if not 0 <= self.warmup_steps < self.steps - 1:
            raise ValueError(
                f"warm-up of {self.warmup_steps} steps leaves nothing of {self.steps}; write a shorter one"
            )

    @property
    def rest(self) -> int:
        """Steps after warm-up [steps]."""
        return self.steps - self.warmup_steps

    @property
    def warmup(self) -> Warmup | None:
        """The warm-up as a schedule has it."""
        return Warmup(steps=self.warmup_steps) if self.warmup_steps else None

    def cosine(self, ratio: float) -> Cosine:
        """A cosine over the whole budget to ``ratio`` of the peak."""
        return Cosine(peak=self.peak, floor_ratio=ratio, warmup=self.warmup, convention=self.convention)

    def wsd(self, decay_steps: int, shape: DecayShape, ratio: float, power: float = 1.0) -> WSD:
        """A decay of the last ``decay_steps`` to ``ratio`` of the peak."""
        return WSD(
            peak=self.peak,
            floor_ratio=ratio,
            warmup=self.warmup,
            decay=Decay(steps=decay_steps, shape=shape, power=power),
            convention=self.convention,
        )


def default_schedules(budget: Budget) -> dict[str, Schedule]:
    """What people use by default, by name.

    >>> list(default_schedules(Budget(steps=1000, peak=3e-4)))[:2]
    ['cosine to a tenth', 'cosine to zero']
    """
    return {
        "cosine to a tenth": budget.cosine(0.1),
        "cosine to zero": budget.cosine(0.0),
        # MiniCPM, arXiv:2404.06395: a tenth of the steps decays, exponentially, to a tenth of the peak
        "default WSD: last 10 %, exponential to a tenth": budget.wsd(
            min(round(0.1 * budget.steps), budget.rest), "exponential", 0.1
        ),
        # Haegele et al., arXiv:2405.18392: a fifth of the steps cools down as 1 - sqrt to zero
        "default WSD: last 20 %, 1-sqrt to zero": budget.wsd(
            min(round(0.2 * budget.steps), budget.rest), "one_minus_sqrt", 0.0
        ),
    }


def search(law: CurveLaw, budget: Budget, *, shapes: tuple[DecayShape, ...] = SHAPES, level: float = 0.95) -> Search:
    """The best decay start, final rate and, for ``power``, exponent of each of ``shapes`` by ``law``.

    Excesses are against the free form. Raises ``ValueError`` for a form of law that has no final loss.

    >>> from lehr.simulators.laws.curves import MultiPower
    >>> law = MultiPower(name="x", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641)
    >>> found = search(law, Budget(steps=2000, peak=3e-4), shapes=("linear",))
    >>> [(one.name[:6], round(one.loss, 2)) for one in (found.best, found.defaults[0])], round(found.best.excess, 3)
    ([('linear', 3.78), ('cosine', 3.98)], 0.005)
    """
    found = {shape: best_of_shape(law, budget, shape) for shape in shapes}
    ranked = sorted(found.items(), key=lambda item: final_loss(law, item[1].resolve(budget.steps).values()))
    starts = [schedule.resolve(budget.steps).values() for _, schedule in ranked[:1]]
    starts.append(budget.cosine(0.01).resolve(budget.steps).values())
    warm_up = starts[0][: budget.warmup_steps]
    rates = min(
        free_form(law, warm_up, budget.peak, budget.steps, starts),
        stairs(law, warm_up, budget.peak, budget.steps),
        key=lambda values: final_loss(law, values),
    )
    free_loss = final_loss(law, rates)

    many = replicas(law)
    # one schedule's band serves all of the same steps and peak
    around = final_interval(law, starts[0], level)
    centre = final_loss(law, starts[0])
    by_free = np.array(final_losses(many, rates))

    def candidate(name: str, schedule: Schedule | None, values: Floats) -> Candidate:
        loss = final_loss(law, values)
        by_each = np.array(final_losses(many, values))
        return Candidate(
            name=name,
            schedule=schedule,
            rates=values,
            loss=loss,
            excess=loss - free_loss,
            interval=None if around is None else (loss * around[0] / centre, loss * around[1] / centre),
            # both are read from the same sets of constants, so that what they share cancels
            excess_interval=central_interval(by_each - by_free, level) if many and schedule is not None else None,
        )

    def listed(named: dict[str, Any]) -> list[Candidate]:
        return [candidate(name, s, s.resolve(budget.steps).values()) for name, s in named.items()]

    chosen = listed({described(schedule, budget): schedule for _, schedule in ranked})
    warnings = law.range.curve_warnings(rates)
    if law.linear_in_drops:
        warnings.append("the momentum law is linear in the drops of the rate: its free form is a sudden drop to zero")
    else:
        falls = budget.warmup_steps + 1 + np.flatnonzero(np.diff(rates[budget.warmup_steps :]) < 0)
        if len(falls) <= MOST_STAIRS and chosen[0].excess > 0:
            told = ", ".join(f"{rates[at]:.2g} at step {at:,}" for at in falls.tolist())
            warnings.append(f"by this law sudden drops are better than a smooth fall: the free form drops to {told}")
    return Search(
        chosen=chosen,
        defaults=listed(default_schedules(budget)),
        free=candidate("free form", None, rates),
        warnings=warnings,
    )


def described(schedule: WSD, budget: Budget) -> str:
    """A decay in words: its shape, its length and its end.

    >>> budget = Budget(steps=1000, peak=3e-4)
    >>> described(budget.wsd(250, "power", 0.0, 1.5), budget)
    'power 1.5, last 25.0 %, to 0'
    """
    decay = schedule.decay
    shape = {"one_minus_sqrt": "1-sqrt", "one_minus_square": "1-square"}.get(decay.shape, decay.shape.replace("_", " "))
    power = f" {decay.power:g}" if decay.shape in ("power", "inverse_root") else ""
    return f"{shape}{power}, last {(decay.steps or 0) / budget.steps:.1%}, to {schedule.lowest:.3g}".replace("%", " %")


def best_of_shape(law: CurveLaw, budget: Budget, shape: DecayShape) -> WSD:
    """The decay in ``shape`` of least final loss: a look over lengths and final rates, then a search along each.

    Lengths are real numbers in the search and whole steps in the answer.

    >>> from lehr.simulators.laws.curves import MultiPower
    >>> law = MultiPower(name="x", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641)
    >>> budget = Budget(steps=2000, peak=3e-4)
    >>> schedule = best_of_shape(law, budget, "linear")
    >>> round(final_loss(law, schedule.resolve(2000).values()), 2)       # the cosine to a tenth: 3.98
    3.78
    """
    offset = 1.0 if budget.convention in ("end", "end_in_decay") else 0.0
    begin, ones = pieces_of(budget.cosine(0.0).resolve(budget.steps).values()[: budget.warmup_steps])
    powers = (1.0, 2.0) if shape in ("power", "inverse_root") else (1.0,)

    def loss(point: Floats) -> float:
        share, ratio = float(np.exp(point[0])), float(np.exp(point[1]))
        power = float(np.exp(point[2])) if len(powers) > 1 else 1.0
        if not 1 / budget.rest <= share <= 1 or not LEAST_RATIO <= ratio <= 1 or not 0.2 <= power <= 10:
            return float("inf")
        length = share * budget.rest
        pieces = min(LOOK_PIECES, max(int(length), 1))
        # the steps of each piece stand about its middle
        middle = (np.arange(pieces) + 0.5) / pieces + (offset - 0.5) / length
        fall = rate_at(shape, np.clip(middle, 0.0, 1.0), budget.peak, ratio * budget.peak, power)
        held, longer = plateau(budget.peak, budget.rest - length)
        steps = np.concatenate([ones, longer, np.full(pieces, length / pieces)])
        return law.final_loss(np.concatenate([begin, held, fall]), steps)

    looks = [
        np.log([max(share, 1 / budget.rest), ratio, power][: 1 + len(powers)])
        for share in SHARES
        for ratio in RATIOS
        for power in powers
    ]
    start = min(looks, key=loss)
    point = np.exp(compass(loss, start, step=0.4, least=0.01)[0])
    steps = int(np.clip(round(point[0] * budget.rest), 1, budget.rest))
    ratio = float(f"{point[1]:.3g}")
    if ratio < 2 * LEAST_RATIO and shape not in NEEDS_A_FLOOR:
        ratio = 0.0
    power = float(f"{point[2]:.3g}") if len(powers) > 1 else 1.0
    return budget.wsd(steps, shape, ratio, power)
