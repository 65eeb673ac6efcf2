"""Measured losses by the share of replay: a table where no form has been fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.quantities import Floats


class ReplayTable(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="replay_table"):
    """Final losses on the old and on the new data by the share of old data that is replayed.

    Between two measured shares the losses are read off a straight line in the share's square root, which the steep
    rise towards no replay asks for; outside them there is no answer.

    >>> law = ReplayTable(name="x", title="", parameters=405e6, tokens=200e9, loss_unit="nats/token",
    ...     shares=[0.0, 0.05, 0.5], old=[3.56, 2.57, 2.24], new=[1.11, 1.12, 1.22], old_before=2.17)
    >>> float(law.old_loss(0.05)), round(law.least_share(rise=0.2), 3)
    (2.57, 0.047)

    Raises ``ValueError`` for columns of unequal length or shares that do not rise.
    """

    parameters: float
    tokens: float
    loss_unit: LossUnit
    shares: list[float]
    old: list[float]
    new: list[float]
    old_before: float

    def __post_init__(self) -> None:
        if not len(self.shares) == len(self.old) == len(self.new) >= 2:
            raise ValueError("shares, old and new are columns of one table; write as many numbers in each, 2 or more")
        if any(b <= a for a, b in zip(self.shares, self.shares[1:], strict=False)):
            raise ValueError("shares must rise; write the rows in the order of their share of replay")

    def old_loss(self, share: ArrayLike) -> Floats:
        """The loss on the old data [loss_unit]; NaN outside the table."""
        return self._read(share, self.old)

    def new_loss(self, share: ArrayLike) -> Floats:
        """The loss on the new data [loss_unit]; NaN outside the table."""
        return self._read(share, self.new)

    def _read(self, share: ArrayLike, column: list[float]) -> Floats:
        x = np.sqrt(np.asarray(share, dtype=float))
        return np.asarray(np.interp(x, np.sqrt(self.shares), column, left=np.nan, right=np.nan))

    def least_share(self, rise: float) -> float | None:
        """The least share of replay with which the old loss stays within ``rise`` of what it was before; ``None``
        where no measured share keeps it [1]."""
        grid = np.linspace(self.shares[0] ** 0.5, self.shares[-1] ** 0.5, 10_001) ** 2
        kept = np.flatnonzero(self.old_loss(grid) <= self.old_before * (1 + rise))
        return float(grid[kept[0]]) if len(kept) else None

    def answers(self) -> dict[str, Answer]:
        """Both losses, and the least share of replay within a rise."""
        return {
            "old_loss": (self.old_loss, self.loss_unit),
            "new_loss": (self.new_loss, self.loss_unit),
            "least_share": (self.least_share, "1"),
        }
