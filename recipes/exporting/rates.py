"""How a trainer will run a schedule: which of its own it takes, and how far its rates lie from the recipe's.

Update i of a warm-up of W stands at (i + a) / W, update i of a decay at (i + b) / D, and trainers differ in a and b; no
setting makes them equal. So a schedule that a trainer has is taken, and its worst deviation is told.
"""

from __future__ import annotations

import msgspec
import numpy as np

from lehr.simulators.schedules import Curve, Phase


class RefusedError(ValueError):
    """What a trainer cannot be told; the message says what, and what to write instead."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """Learning rates of the form that trainers have: a rise, a constant part, one decay, and its floor until the end.

    Lengths in updates [steps]; ``shape`` is ``None`` where nothing decays, ``length`` what the decay would take in all
    where the stage ends within it.
    """

    peak: float
    n_steps: int
    warmup: int = 0
    start: float = 0.0
    stable: int = 0
    shape: str | None = None
    decay: int = 0
    power: float = 1.0
    floor: float = 0.0
    length: float | None = None
    tail: int = 0

    def phases(self) -> tuple[Phase, ...]:
        """The same as phases whose updates stand at their own index: a = b = 0."""
        made = [
            Phase(name="warm-up", shape="linear", steps=self.warmup, start=self.start, end=self.peak),
            Phase(name="stable", shape="constant", steps=self.stable, start=self.peak, end=self.peak),
            Phase(
                name="decay",
                shape=self.shape or "linear",  # type: ignore[arg-type]
                steps=self.decay,
                start=self.peak,
                end=self.floor,
                power=self.power,
                length=self.length,
            ),
            Phase(name="floor", shape="constant", steps=self.tail, start=self.floor, end=self.floor),
        ]
        return tuple(phase for phase in made if phase.steps)

    def run(self, rise: float = 0.0, fall: float = 0.0) -> Curve:
        """The curve of a trainer whose update i stands at i + ``rise`` in the warm-up and i + ``fall`` in the decay.

        >>> course = Course(peak=1.0, n_steps=6, warmup=2, shape="linear", decay=4)
        >>> course.run().values().tolist(), course.run(rise=1, fall=1).values().tolist()
        ([0.0, 0.5, 1.0, 0.75, 0.5, 0.25], [0.5, 1.0, 0.75, 0.5, 0.25, 0.0])
        """
        offsets = {"warm-up": rise, "decay": fall}
        return Curve(tuple(msgspec.structs.replace(p, offset=offsets.get(p.name, 0.0)) for p in self.phases()))


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """How far a trainer's rates lie from the recipe's at their worst update, counted from 0 [learning rate]."""

    step: int
    planned: float
    run: float
    of_peak: float

    @property
    def exact(self) -> bool:
        """Are they equal but for rounding? A few roundings of a double stand between two ways to write a formula."""
        return self.of_peak <= 1e-12

    def __str__(self) -> str:
        """In one line."""
        if self.exact:
            return "exact"
        return (
            f"at most {self.of_peak:.3g} of the peak away, at update "
            f"{self.step}: {self.run:.4g}, not {self.planned:.4g}"
        )


def course_of(curve: Curve) -> Course:
    """The curve as a rise, a constant part and one decay, whichever way its updates stand.

    Raises ``RefusedError`` for rates of another form.
    """
    left = list(curve.phases)
    rise = left.pop(0) if left and left[0].name.endswith("warm-up") else None
    if rise is not None and rise.shape != "linear":
        raise RefusedError(f"a warm-up of shape {rise.shape} is in no trainer; write shape: linear")
    hold = left.pop(0) if left and left[0].shape == "constant" else None
    fall = left.pop(0) if left and left[0].shape != "constant" else None
    tail = left.pop(0) if left and fall is not None and left[0].shape == "constant" else None
    peak = rise.end if rise else hold.start if hold else fall.start if fall else 0.0
    whole = not left and all(abs(phase.start - peak) <= 1e-12 * peak for phase in (hold, fall) if phase)
    if not whole or (tail is not None and fall is not None and abs(tail.start - fall.end) > 1e-12 * peak):
        raise RefusedError("has more than a rise, a constant part and one decay, which no setting of this trainer says")
    if fall is not None and fall.offset > 1.0:
        raise RefusedError("goes on within a decay that an earlier stage began, which no setting of this trainer says")
    length = fall.length if fall and fall.length is not None and fall.length != fall.steps else None
    return Course(
        peak=peak,
        n_steps=curve.n_steps,
        warmup=rise.steps if rise else 0,
        start=rise.start if rise else 0.0,
        stable=hold.steps if hold else 0,
        shape=fall.shape if fall else None,
        decay=fall.steps if fall else 0,
        power=fall.power if fall else 1.0,
        floor=fall.end if fall else 0.0,
        length=length,
        tail=tail.steps if tail else 0,
    )


def deviation(planned: Curve, run: Curve) -> Deviation:
    """The worst update of ``run``. Raises ``ValueError`` for curves of unlike lengths."""
    if planned.n_steps != run.n_steps:
        raise ValueError(f"the trainer runs {run.n_steps} updates, the recipe has {planned.n_steps}")
    want, have = planned.values(), run.values()
    apart = np.abs(have - want)
    # the first of those that are as far but for rounding
    worst = int(np.argmax(apart >= apart.max() * (1 - 1e-9)))
    off = abs(float(have[worst]) - float(want[worst])) / planned.peak
    return Deviation(step=worst, planned=float(want[worst]), run=float(have[worst]), of_peak=off)
