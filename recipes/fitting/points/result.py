"""What a fit to a few points gives."""

from __future__ import annotations

import msgspec

from lehr.simulators.laws.moe import RoutedLaw
from lehr.simulators.laws.sft import RectifiedLaw
from lehr.simulators.quantities import Floats

PointLaw = RectifiedLaw | RoutedLaw


class PointSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: the form, the tables, the name and whether to draw."""

    kind: str
    data: list[str]
    name: str
    pictures: bool = False


class FittedPoints(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A law, the points that it was fitted to, and its errors: root mean squares of the log loss.

    ``inputs`` are the columns (points,) by name, the loss last. ``held_out`` is the error on the points with the
    ``n_held_out`` largest values of the first input by a fit without them; ``None`` where too few points are left.
    """

    settings: PointSettings
    law: PointLaw
    inputs: dict[str, Floats]
    error: float
    n_held_out: int
    held_out: float | None
