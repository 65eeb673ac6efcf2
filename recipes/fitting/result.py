"""What a fit gives: that of a surface, of curves, or of a few points."""

from __future__ import annotations

from lehr.recipes.fitting.curves.result import FittedCurves
from lehr.recipes.fitting.points.result import FittedPoints
from lehr.recipes.fitting.surfaces.result import Fitted

Fit = Fitted | FittedCurves | FittedPoints
"""``law`` is the law, ``settings`` what was asked for."""
