"""The learning rates of a schedule, in the hands of a training loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def lr_scheduler(schedule: str | Mapping[str, Any], optimizer: Optimizer) -> LRScheduler:
    """A torch scheduler that gives every update of ``optimizer`` the rate of ``schedule``: a file with ``steps`` and
    ``schedule``, such as ``lehr plan schedule`` writes, or a schedule written out with its ``steps``.

    Call its ``step()`` after each update; a resumed run goes on from its state dict. Needs torch (``lehr[torch]``).
    Raises ``LehrError`` that says where the schedule is wrong.

    >>> lr_scheduler({"kind": "cosine", "peak": 3e-4}, optimizer=None)
    Traceback (most recent call last):
    lehr.recipes.errors.LehrError: schedule: `steps` is missing; write the number of updates, such as steps: 50000
    """
    # the library imports this module, and a count must not pay for numpy
    from lehr.recipes.projecting.schedules import read_schedule
    from lehr.simulators.schedules.torch_scheduler import as_lr_scheduler

    return as_lr_scheduler(read_schedule(schedule if isinstance(schedule, str) else dict(schedule)), optimizer)
