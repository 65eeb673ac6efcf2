"""The rows of a log as one run: restarts, repeats and gaps resolved."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.digits import units_of


class Rows(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Steps that increase, each with its loss [nats/token or as logged]; a loss may be no number.

    ``restarts`` are steps at which the log went back, ``repeats`` counts rows that a later row of the same step
    replaced, ``gaps`` the steps that lie in gaps of more than one and a half usual distances. ``units`` are what one of
    the last printed digit is of each loss, ``None`` where only the losses themselves say so.
    """

    steps: NDArray[np.int_]
    losses: Floats
    restarts: list[int]
    repeats: int
    gaps: int
    units: Floats | None = None

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def last_digits(self) -> Floats:
        """What one of the last printed digit is of each loss (rows,), 0 where that is not known."""
        return units_of(self.losses) if self.units is None else self.units

    @property
    def spacing(self) -> float:
        """The usual distance of two rows [steps]; 1 where there are not two."""
        return float(np.median(np.diff(self.steps))) if len(self) > 1 else 1.0


def in_order(steps: ArrayLike, losses: ArrayLike, units: Floats | None = None) -> Rows:
    """The rows (n,) of a log, in the order in which they were written, as one run.

    A row at or before an earlier row's step replaces it and everything after it: a job that is restarted from a
    checkpoint writes those steps again, and what it wrote before came to nothing. Raises ``ValueError`` for negative
    steps and for columns of different lengths.

    >>> rows = in_order([10, 20, 30, 40, 20, 30], [5.0, 4.0, 9.9, 9.9, 4.1, 3.0])
    >>> rows.steps.tolist(), rows.losses.tolist(), rows.restarts
    ([10, 20, 30], [5.0, 4.1, 3.0], [20])
    """
    at, values = np.asarray(steps, dtype=int), np.asarray(losses, dtype=float)
    if at.shape != values.shape or at.ndim != 1:
        raise ValueError(f"steps have shape {at.shape} and losses {values.shape}; write one loss for each step")
    if at.size and at.min() < 0:
        raise ValueError(f"step {at.min()} is negative; write steps from 0")
    if at.size and (np.diff(at) > 0).all():
        return Rows(steps=at, losses=values, restarts=[], repeats=0, gaps=_gaps(at), units=units)
    kept: list[int] = []
    restarts: list[int] = []
    repeats = 0
    for i, step in enumerate(at.tolist()):
        if kept and step < at[kept[-1]]:
            restarts.append(step)
        while kept and at[kept[-1]] >= step:
            repeats += int(at[kept[-1]] == step)
            kept.pop()
        kept.append(i)
    at, values, units = at[kept], values[kept], None if units is None else units[kept]
    return Rows(steps=at, losses=values, restarts=restarts, repeats=repeats, gaps=_gaps(at), units=units)


def _gaps(steps: NDArray[np.int_]) -> int:
    """Steps that lie in gaps of more than one and a half usual distances."""
    distances = np.diff(steps)
    usual = float(np.median(distances)) if len(distances) else 1.0
    return int((distances[distances > 1.5 * usual] - usual).sum()) if len(distances) else 0
