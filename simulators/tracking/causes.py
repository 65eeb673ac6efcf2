"""What the log's other columns show where the loss goes wrong: gradient norm, loss scale, batch and epoch."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats

Beside = Literal["gradient", "scale", "batch", "epoch"]
BESIDE: dict[Beside, str] = {
    "gradient": "the norm of the gradient",
    "scale": "the loss scale of mixed precision",
    "batch": "the batch of a step",
    "epoch": "passes over the data, with their share",
}
"""Columns that may say why a loss goes wrong."""
Columns = Mapping[Beside, tuple[NDArray[np.int_], Floats]]
"""Steps and values of each that the log has."""

BEFORE = 200
"""Rows before, that say what is usual."""
FEWEST = 8
TIMES, DEVIATIONS = 3.0, 6.0
"""A gradient norm is out of the usual where it is so many times its median, and so many deviations [log] off."""
HALVINGS = 4.0
"""A loss scale that falls by this factor, two halvings at once, says that gradients overflow."""
CHANGES = 0.01
LEAST_NEAR, SHARE_NEAR = 2, 0.05
"""Rows before the last rate that agrees, at least and of all, in which a batch that changed is why later ones leave."""


TIMES_OFF: dict[float, str] = {
    **{float(n): f"as one that is summed over {n} micro-batches or devices" for n in (2, 3, 4, 8, 16, 32, 64, 128)},
    **{1.0 / n: f"as one that is divided by {n} once too often" for n in (2, 3, 4, 8, 16, 32, 64, 128)},
    1.0 / log(2.0): "as bits are to nats",
    log(2.0): "as nats are to bits",
}
"""Ratios of a loss to its forecast that a slip gives, and in words."""
CLOSE = 0.02


def scale_of(residuals: Floats) -> str:
    """What slip gives a loss whose ``residuals`` (rows,) [log loss] are those of one ratio throughout; empty without.

    >>> scale_of(np.log(4.0) + np.array([0.001, -0.002, 0.001]))
    'the loss is 4 times the forecast throughout, as one that is summed over 4 micro-batches or devices'
    >>> scale_of(np.array([0.3, 0.2, 0.1]))
    ''
    """
    finite = residuals[np.isfinite(residuals)]
    if not len(finite):
        return ""
    low, middle, high = np.quantile(finite, (0.1, 0.5, 0.9))
    for ratio, words in TIMES_OFF.items():
        if max(abs(float(q) - log(ratio)) for q in (low, middle, high)) < CLOSE:
            return f"the loss is {ratio:.3g} times the forecast throughout, {words}"
    return ""


def cause_of(columns: Columns, first: int, last: int) -> str:
    """What ``columns`` show from step ``first`` to ``last``, in words; empty where they show nothing.

    >>> steps = np.arange(0, 300, 10)
    >>> norms = np.where(steps == 250, 9.0, 0.5) * (1 + 0.01 * np.sin(steps))
    >>> cause_of({"gradient": (steps, norms)}, 240, 260)
    'the gradient norm is 8.91 at step 250, 0.5 before'
    >>> cause_of({"batch": (steps, np.where(steps < 250, 512.0, 256.0))}, 240, 260)
    'the batch is 256 from step 250 on, 512 before'
    >>> cause_of({"gradient": (steps, norms)}, 100, 120)
    ''
    """
    told = []
    for name, (steps, values) in columns.items():
        within = (steps >= first) & (steps <= last) & np.isfinite(values)
        before = values[(steps < first) & np.isfinite(values)][-BEFORE:]
        if not within.any() or not len(before):
            continue
        at, here = steps[within], values[within]
        if name == "gradient" and len(before) >= FEWEST:
            told += _gradient(at, here, before)
        elif name == "scale" and here.min() * HALVINGS <= before[-1]:
            low = int(np.argmin(here))
            told.append(f"the loss scale falls from {before[-1]:g} to {here[low]:g} at step {at[low]:,}: overflow")
        elif name == "batch" and (changed := np.abs(here / before[-1] - 1) > CHANGES).any():
            i = int(np.argmax(changed))
            told.append(f"the batch is {here[i]:g} from step {at[i]:,} on, {before[-1]:g} before")
        elif name == "epoch" and np.floor(here[-1]) > np.floor(before[-1]):
            i = int(np.argmax(np.floor(here) > np.floor(before[-1])))
            told.append(f"epoch {int(here[i]) + 1} begins at step {at[i]:,}: the data are seen again")
        elif name == "epoch" and here.min() < before[-1]:
            i = int(np.argmax(here < before[-1]))
            told.append(f"the epoch goes back from {before[-1]:.3g} to {here[i]:.3g} at step {at[i]:,}: data again")
    return "; ".join(told)


def with_batch(cause: str, columns: Columns, before: int | None, step: int) -> str:
    """The ``cause`` of rates that leave their plan at ``step``, after the step ``before`` that still agrees, or the
    batch, where that changes there or a few rows earlier.

    >>> steps = np.arange(0, 300, 10)
    >>> columns = {"batch": (steps, np.where(steps < 250, 256.0, 512.0))}
    >>> with_batch("the scheduler steps 2 times an update", columns, 250, 260)
    'the batch is 512 from step 250 on, 256 before: a plan whose rates go by tokens or samples has others since'
    >>> with_batch("another peak", columns, 100, 110)
    'another peak'
    """
    if before is None or "batch" not in columns:
        return cause
    steps, batches = columns["batch"]
    near = max(LEAST_NEAR, int(SHARE_NEAR * len(steps)))
    first = int(steps[max(int(np.searchsorted(steps, before)) - near, 0)])
    if not (found := cause_of({"batch": columns["batch"]}, first, step)):
        return cause
    times = float(batches[steps <= step][-1] / batches[steps <= first][-1])
    found += ": a plan whose rates go by tokens or samples has others since"
    # rates by tokens come so many times as fast
    return found if f"steps {times:g} times an update" in cause else f"{found}; or {cause}"


def _gradient(at: NDArray[np.int_], here: Floats, before: Floats) -> list[str]:
    """Whether a gradient norm is out of the usual."""
    usual = float(np.median(before))
    top = int(np.argmax(here))
    if usual <= 0 or here[top] < TIMES * usual:
        return []
    logs = np.log(np.maximum(before, 1e-300))
    deviation = 1.4826 * float(np.median(np.abs(logs - np.median(logs))))
    if np.log(here[top] / usual) < DEVIATIONS * deviation:
        return []
    return [f"the gradient norm is {here[top]:.3g} at step {at[top]:,}, {usual:.3g} before"]
