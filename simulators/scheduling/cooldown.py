"""Decay now: the loss that a cool-down from a step of a running schedule would give."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from lehr.simulators.laws.base import Bounds
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules.base import NEEDS_A_FLOOR, DecayShape
from lehr.simulators.schedules.shapes import rate_at
from lehr.simulators.scheduling.final import final_interval, final_loss


class CoolDown(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a cool-down of ``steps`` steps would give: its final ``loss`` and that of staying at the rate of now.

    Both by the law [loss_unit]; ``interval`` of the first, where the law says how sure it is.
    """

    steps: int
    shape: str
    loss: float
    interval: Bounds | None
    without: float
    rates: Floats

    @property
    def gain(self) -> float:
        """How much lower than without a cool-down [loss_unit]."""
        return self.without - self.loss


def cool_downs(
    law: CurveLaw,
    so_far: Floats,
    lengths: Sequence[int],
    shapes: Sequence[DecayShape] = ("linear", "cosine", "one_minus_sqrt"),
    *,
    final_ratio: float = 0.0,
    level: float = 0.95,
) -> list[CoolDown]:
    """The loss after a cool-down of each of ``lengths`` steps, in each of ``shapes``, that follows ``so_far`` (steps,).

    It falls from the last rate of ``so_far`` to ``final_ratio`` of it. Raises ``ValueError`` for a length of no step,
    for a last rate of zero and for a shape that cannot reach zero.

    >>> from lehr.simulators.laws.curves import Momentum
    >>> law = Momentum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, C=0.4, decay=0.999)
    >>> (one,) = cool_downs(law, np.full(9000, 1e-4), [1000], ["linear"])
    >>> round(one.loss, 4), round(one.gain, 4)
    (3.4983, 0.0017)
    """
    if not so_far.size or so_far[-1] <= 0:
        raise ValueError("the rate of now is zero; a cool-down begins at a rate above 0")
    now, out = float(so_far[-1]), []
    for steps in lengths:
        if steps < 1:
            raise ValueError(f"a cool-down of {steps} steps; write 1 or more")
        without = final_loss(law, np.concatenate([so_far, np.full(steps, now)]))
        for shape in shapes:
            if shape in NEEDS_A_FLOOR and final_ratio <= 0:
                raise ValueError(f"{shape} never reaches zero; write a final_ratio above 0")
            fall = rate_at(shape, np.arange(1.0, steps + 1) / steps, now, now * final_ratio)
            rates = np.concatenate([so_far, fall])
            out.append(
                CoolDown(
                    steps=steps,
                    shape=shape,
                    loss=final_loss(law, rates),
                    interval=final_interval(law, rates, level),
                    without=without,
                    rates=rates,
                )
            )
    return out
