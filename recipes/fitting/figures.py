"""What a fit of either kind looks like."""

from __future__ import annotations

from lehr.recipes.fitting.points.result import FittedPoints
from lehr.recipes.fitting.result import Fit
from lehr.recipes.fitting.surfaces.result import Fitted


def draw(fitted: Fit) -> dict[str, bytes]:
    """``fit.svg`` and ``fit.png``; none where none are asked for, so that a fit need not wait for matplotlib."""
    if not fitted.settings.pictures:
        return {}
    from lehr.recipes.fitting.curves import figures as curves
    from lehr.recipes.fitting.points import figures as points
    from lehr.recipes.fitting.surfaces import figures as surfaces

    if isinstance(fitted, FittedPoints):
        return points.draw(fitted)
    return surfaces.draw(fitted) if isinstance(fitted, Fitted) else curves.draw(fitted)
