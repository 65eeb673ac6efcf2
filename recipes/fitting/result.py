"""What a fit gives: that of a surface, or that of curves."""

from __future__ import annotations

from lehr.recipes.fitting.curves.result import FittedCurves
from lehr.recipes.fitting.surfaces.result import Fitted

Fit = Fitted | FittedCurves
"""``law`` is the law, ``settings`` what was asked for."""
