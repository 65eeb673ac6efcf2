"""A schedule resolved on a number of steps: phases joined, evaluated at any step."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.quantities import Floats
from lehr.simulators.schedules.shapes import Shape, rate_at


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of ``steps`` updates from ``start`` to ``end`` [learning rate].

    Update i of the phase, from 0, stands at progress (i + ``offset``) / ``steps``.
    """

    name: str
    shape: Shape
    steps: int
    start: float
    end: float
    offset: float = 0.0
    power: float = 1.0
    length: float | None = None

    def rates(self, steps: Floats) -> Floats:
        """The rate at ``steps`` counted from the phase's own beginning; same shape."""
        whole = self.steps if self.length is None else self.length
        # a fresh array, which the shape may use as its own
        progress = np.atleast_1d((steps + self.offset) / max(whole, 1))
        if self.shape not in ("inverse_sqrt", "power_law") and whole < self.steps + self.offset:
            np.minimum(progress, 1.0, out=progress)
        return rate_at(self.shape, progress, self.start, self.end, self.power).reshape(np.shape(steps))


class Curve(msgspec.Struct, frozen=True):
    """Learning rates of ``n_steps`` updates, the first of them step 0.

    >>> curve = Curve((Phase(name="warm-up", shape="linear", steps=2, start=0.0, end=1.0),
    ...                Phase(name="decay", shape="linear", steps=4, start=1.0, end=0.0)))
    >>> curve.values().tolist(), curve.integral(6), curve.phase_at(3)
    ([0.0, 0.5, 1.0, 0.75, 0.5, 0.25], 3.0, 'decay')
    >>> print(curve)
    6 steps: warm-up linear 0 to 1 over 2, decay linear 1 to 0 over 4
    """

    phases: tuple[Phase, ...]

    @property
    def n_steps(self) -> int:
        """Updates in all [steps]."""
        return sum(phase.steps for phase in self.phases)

    def _starts(self) -> Floats:
        return np.concatenate([[0.0], np.cumsum([phase.steps for phase in self.phases])])

    def at(self, steps: ArrayLike) -> Floats:
        """The rate at each of ``steps`` (0-based); same shape. Raises ``ValueError`` for a step outside the curve."""
        wanted = np.asarray(steps, dtype=float)
        if wanted.size and (wanted.min() < 0 or wanted.max() > self.n_steps - 1):
            raise ValueError(
                f"the curve has steps 0 to {self.n_steps - 1}; {wanted.min():g} to {wanted.max():g} were asked"
            )
        starts = self._starts()
        index = np.searchsorted(starts, wanted, side="right") - 1
        rates = np.empty_like(wanted)
        for i, phase in enumerate(self.phases):
            here = index == i
            rates[here] = phase.rates(wanted[here] - starts[i])
        return rates

    def values(self) -> Floats:
        """The rate of every step; shape (n_steps,)."""
        rates, begin = np.empty(self.n_steps), 0
        for phase in self.phases:
            end = begin + phase.steps
            rates[begin:end] = phase.start if phase.shape == "constant" else phase.rates(np.arange(float(phase.steps)))
            begin = end
        return rates

    def integral(self, step: int) -> float:
        """The sum of the rates of the first ``step`` updates. Raises ``ValueError`` for more than the curve has."""
        if not 0 <= step <= self.n_steps:
            raise ValueError(f"the curve has {self.n_steps} steps; the sum of {step} was asked")
        return float(self.values()[:step].sum())

    def phase_at(self, step: int) -> str:
        """The name of the phase that ``step`` lies in. Raises ``ValueError`` for a step outside the curve."""
        if not 0 <= step < self.n_steps:
            raise ValueError(f"the curve has steps 0 to {self.n_steps - 1}; {step} was asked")
        ends = self._starts()[1:]
        return self.phases[int(np.searchsorted(ends, step, side="right"))].name

    @property
    def start(self) -> float:
        """The rate of the first update."""
        return float(self.at(0))

    @property
    def peak(self) -> float:
        """The highest rate that any phase reaches or ends at."""
        return max(max(phase.start, phase.end) if phase.shape != "constant" else phase.start for phase in self.phases)

    @property
    def final(self) -> float:
        """What the last phase decays to; its last update may stand a fraction of a step before that."""
        last = self.phases[-1]
        if last.shape == "constant":
            return last.start
        # an offset above 1 is what an earlier stage has done of this decay, and stays
        return float(last.rates(np.asarray(float(last.steps) - min(last.offset, 1.0))))

    def __str__(self) -> str:
        """Steps and phases in one line."""
        shown = (
            f"{p.name} constant {p.start:g} over {p.steps}"
            if p.shape == "constant"
            else f"{p.name} {p.shape} {p.start:g} to {p.end:g} over {p.steps}"
            for p in self.phases
        )
        return f"{self.n_steps} steps: {', '.join(shown)}"


def join(curves: Mapping[str, Curve]) -> Curve:
    """The curves one after another, their phases named ``stage: phase``; each stage's own warm-up re-warms.

    >>> flat = Curve((Phase(name="constant", shape="constant", steps=2, start=1.0, end=1.0),))
    >>> both = join({"pt": flat, "cpt": flat})
    >>> both.n_steps, both.phase_at(2)
    (4, 'cpt: constant')
    """
    return Curve(
        tuple(
            msgspec.structs.replace(phase, name=f"{stage}: {phase.name}")
            for stage, curve in curves.items()
            for phase in curve.phases
        )
    )
