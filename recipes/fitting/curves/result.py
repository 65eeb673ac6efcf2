"""What a fit of curves is: its settings, its law beside every run, and everything that is said of them."""

from __future__ import annotations

import msgspec

from lehr.recipes.reading import LogReading
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.laws.curves.fitting import CurveComparison, CurveFit, LoggedRun, Score
from lehr.simulators.quantities import Floats


class CurveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says, checked."""

    kind: str
    data: list[str]
    test: list[str]
    reading: LogReading
    starts: int
    level: float
    name: str
    pictures: bool = False
    forms: list[str] = []


class Judged(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run after warm-up, the law's curve through it and its band, and the figures that follow.

    ``covered`` is the share of rows inside the band.
    """

    run: LoggedRun
    held_out: bool
    predicted: Floats
    low: Floats
    high: Floats
    score: Score
    covered: float
    warnings: list[str]


class FittedCurves(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All that a fit says; ``comparison`` is there where forms were set against each other."""

    settings: CurveSettings
    fit: CurveFit
    law: CurveLaw
    runs: list[Judged]
    read: dict[str, list[str]]
    comparison: CurveComparison | None = None

    def of(self, *, held_out: bool) -> list[Judged]:
        """The fitted runs, or those that were held out."""
        return [one for one in self.runs if one.held_out == held_out]
