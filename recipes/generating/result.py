"""A projected step of reinforcement learning."""

from __future__ import annotations

import msgspec

from lehr.simulators.machine.rollout import Plant, RolloutStep, Share
from lehr.simulators.quantities import Amount


class Rolled(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and what a step takes; ``speed`` is that of an engine that serves alone [token/s and device],
    ``splits`` how a step answers to more generators, ``hours`` those of all ``steps``."""

    model: str
    accelerator: str
    plant: Plant
    step: RolloutStep
    speed: Amount
    splits: list[Share]
    steps: float | None
    hours: Amount | None
    usd_per_hour: float | None

    @property
    def best(self) -> Share | None:
        """The split of least seconds."""
        return min(self.splits, key=lambda share: share.seconds, default=None)

    @property
    def saturates(self) -> int | None:
        """Generators beyond which twice as many shorten generation by less than a tenth; ``None`` where none do."""
        by = {share.generators: share.generating for share in self.splits}
        for generators, seconds in sorted(by.items()):
            if (twice := by.get(2 * generators)) is not None and twice > 0.9 * seconds:
                return generators
        return None
