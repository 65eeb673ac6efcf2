"""Where a step of reinforcement learning goes."""

from __future__ import annotations

from matplotlib.figure import Figure

from lehr.recipes.generating.figures import parts
from lehr.recipes.presenting.document import Picture
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.rollouts import rolled


def draw(data: ReportData) -> tuple[Figure, Picture] | None:
    """The parts of a step of the longest stage; ``None`` where no rollouts are projected."""
    rows = rolled(data)
    if not rows:
        return None
    return parts(max(rows, key=lambda row: row[1].hours.value)[1].step)
