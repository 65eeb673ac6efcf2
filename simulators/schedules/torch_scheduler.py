"""A curve as a torch learning-rate scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lehr.simulators.schedules.curve import Curve

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def as_lr_scheduler(curve: Curve, optimizer: Optimizer) -> LRScheduler:
    """A torch ``LRScheduler`` that gives every update of ``curve`` its rate and stays at the last one afterwards.

    Every parameter group has the same rate; the optimiser's own ``lr`` is replaced at once. State dicts work, so that a
    resumed run goes on where it was.
    """
    from torch.optim.lr_scheduler import LRScheduler

    rates = curve.values()

    class CurveLR(LRScheduler):
        """The rate of update ``last_epoch``."""

        def get_lr(self) -> list[float | Any]:
            """One rate a group."""
            rate = float(rates[min(self.last_epoch, len(rates) - 1)])
            return [rate for _ in self.optimizer.param_groups]

        def state_dict(self) -> dict[str, Any]:
            """What a checkpoint needs: the position alone."""
            return {"last_epoch": self.last_epoch, "_step_count": self._step_count}

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            """Go on at the position, whichever of optimiser and scheduler is restored first."""
            super().load_state_dict(state_dict)
            for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                group["lr"] = rate

    return CurveLR(optimizer)
