"""Logged runs to fit a curve law to, checked when they are made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.laws.curves.base import checked_rates, chosen
from lehr.simulators.quantities import Floats

MOST_ROWS = 200
"""Rows of one run that a fit uses; a longer log is summed up by the median of equal blocks."""


class LoggedRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One training run: the loss at logged ``steps`` and the learning rate of every step.

    ``rates[t]`` belongs to step t, from step 0. ``changed_at`` is the first step on other data. Make one with
    ``make_run``, which checks.
    """

    name: str
    steps: NDArray[np.int_]
    loss: Floats
    rates: Floats
    changed_at: int | None = None

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def warm_up_end(self) -> int:
        """The first step at which the first rise of the rate is over.

        >>> make_run("x", [3, 4, 5], [3.0, 2.0, 1.5], [0.0, 0.5, 1.0, 1.0, 0.5, 0.1]).warm_up_end
        2
        """
        falls = np.flatnonzero(np.diff(self.rates) < 0)
        risen = self.rates[: int(falls[0]) + 1] if len(falls) else self.rates
        return int(np.argmax(risen >= risen.max()))

    @property
    def anneals(self) -> bool:
        """Does the rate fall at any step that a logged row comes after?"""
        end = int(self.steps[-1]) + 1
        return bool((np.diff(self.rates[:end]) < -1e-9 * float(self.rates.max())).any())

    def after_warm_up(self) -> LoggedRun:
        """The rows after an update, from the end of warm-up on. Raises ``ValueError`` where there is none."""
        # before the first update stands what the network was made with, which no law is of
        after = self.take(self.steps >= max(self.warm_up_end, 1))
        if not len(after):
            raise ValueError(f"{self.name}: no row stands after warm-up, which ends at step {self.warm_up_end}")
        return after

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int_]) -> LoggedRun:
        """The run with the logged ``rows`` alone, a mask or indices; its schedule stays whole."""
        return msgspec.structs.replace(self, steps=self.steps[rows], loss=self.loss[rows])


def make_run(
    name: str, steps: ArrayLike, loss: ArrayLike, rates: ArrayLike, *, changed_at: int | None = None
) -> LoggedRun:
    """Check a log and make a ``LoggedRun`` of it.

    Raises ``ValueError`` with one line: columns of different lengths, no rows, a loss that is no positive number,
    steps that do not increase or that the schedule does not have, rates that are no finite numbers of at least zero.

    >>> make_run("a", [1, 1], [3.0, 2.9], [1e-3, 1e-3])
    Traceback (most recent call last):
    ValueError: a: step 1 stands twice or out of order; sort the rows and keep one for each step
    """
    at, values = np.asarray(steps, dtype=int), np.asarray(loss, dtype=float)
    if at.ndim != 1 or at.shape != values.shape:
        raise ValueError(f"{name}: steps have shape {at.shape} and loss {values.shape}; write one loss for each step")
    if not at.size:
        raise ValueError(f"{name}: has no rows")
    good = np.isfinite(values) & (values > 0)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"{name}: the loss of step {at[row]} is {values[row]:g}; leave the row out")
    if (np.diff(at) <= 0).any():
        step = at[1 + int(np.argmax(np.diff(at) <= 0))]
        raise ValueError(f"{name}: step {step} stands twice or out of order; sort the rows and keep one for each step")
    try:
        array = checked_rates(rates)
        chosen(at, len(array))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if not array.any():
        raise ValueError(f"{name}: every learning rate is zero")
    return LoggedRun(name=name, steps=at, loss=values, rates=array, changed_at=changed_at)


def shared_rows(run: LoggedRun, others: Sequence[LoggedRun]) -> NDArray[np.bool_]:
    """Which rows of ``run`` (rows,) one of the ``others`` has too: those before branches of one run part.

    >>> trunk = make_run("a", [1, 2, 3], [3.0, 2.9, 2.8], [1e-3] * 4)
    >>> shared_rows(make_run("b", [1, 2, 3], [3.0, 2.9, 2.7], [1e-3] * 4), [trunk]).tolist()
    [True, True, False]
    """
    shared = np.zeros(len(run), dtype=bool)
    for one in others:
        _, mine, theirs = np.intersect1d(run.steps, one.steps, assume_unique=True, return_indices=True)
        shared[mine[run.loss[mine] == one.loss[theirs]]] = True
    return shared


def summed_up(run: LoggedRun) -> LoggedRun:
    """The rows that a fit uses: those after warm-up, no more than ``MOST_ROWS`` of them.

    Raises ``ValueError`` where no row stands after warm-up.

    >>> run = make_run("a", np.arange(1, 2001), np.full(2000, 3.0), np.full(2001, 1e-3))
    >>> len(run), len(summed_up(run)), summed_up(run).steps[:2].tolist()
    (2000, 200, [5, 15])
    """
    after = run.after_warm_up()
    if len(after) <= MOST_ROWS:
        return after
    bounds = np.linspace(0, len(after), MOST_ROWS + 1).astype(int)
    pairs = list(pairwise(bounds))
    return msgspec.structs.replace(
        after,
        steps=np.array([int(np.median(after.steps[a:b])) for a, b in pairs]),
        loss=np.array([float(np.median(after.loss[a:b])) for a, b in pairs]),
    )
