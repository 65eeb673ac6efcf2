"""What a fit to a few points gives."""

from __future__ import annotations

import msgspec

from lehr.recipes.fitting.points.forms import PointLaw
from lehr.simulators.laws.base import Bounds
from lehr.simulators.quantities import Floats


class PointSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: the form, the tables, the name, how to fit and whether to draw."""

    kind: str
    data: list[str]
    name: str
    pictures: bool = False
    delta: float = 1e-3
    bootstrap: int = 0
    level: float = 0.95
    benchmark: str | None = None


class FittedPoints(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A law, the points that it was fitted to, and its errors: root mean squares of the log loss, or of the score, or
    of a loss that has no logarithm, as they are.

    ``inputs`` are the columns (points,) by name, the target last. ``constants`` have their interval where one is known.
    ``held_out`` is the error on the ``n_held_out`` points furthest in the direction that the law is asked in by a fit
    without them, and ``covered`` the share of them within the band of that fit; ``None`` where too few points are left.
    """

    settings: PointSettings
    law: PointLaw
    inputs: dict[str, Floats]
    constants: dict[str, tuple[float, Bounds | None]]
    error: float
    n_held_out: int
    held_out: float | None
    covered: float | None
    notes: list[str]
