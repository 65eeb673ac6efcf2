"""Weight decay that changes over a stage."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from lehr.simulators.quantities import Floats, NonNegative
from lehr.simulators.schedules.duration import Duration, TokenClock
from lehr.simulators.schedules.shapes import rate_at


class WeightDecay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From ``start`` to ``end`` over a duration, by default the stage, then constant [1 / (learning rate x update)].

    As Megatron-LM's ``--weight-decay-incr-style``, whose update i stands at i; ``cosine`` begins and ends flat.

    >>> WeightDecay(start=0.0, end=0.1, over=Duration(steps=4)).values(6).round(3).tolist()
    [0.0, 0.025, 0.05, 0.075, 0.1, 0.1]
    """

    start: NonNegative
    end: NonNegative
    shape: Literal["linear", "cosine"] = "linear"
    over: Duration | None = None

    def values(self, n_steps: int, clock: TokenClock | None = None) -> Floats:
        """The weight decay of every update; shape (n_steps,). Raises ``ValueError`` for a duration of no step."""
        length = self.over.in_steps(n_steps, clock) if self.over else n_steps
        if length < 1:
            raise ValueError("weight decay changes over 0 steps; write a longer `over`, or one number")
        return rate_at(self.shape, np.minimum(np.arange(float(n_steps)) / length, 1.0), self.start, self.end)
