"""The figures of a report, each with its caption and its words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lehr.recipes.presenting.document import Picture
from lehr.recipes.report.facts import ReportData

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lehr.recipes.presenting.figures import Drawn


def draw_all(data: ReportData) -> list[Drawn]:
    """Every figure that there is something to show for, in the order of the report."""
    from lehr.recipes.laying_out import figures as machine
    from lehr.recipes.presenting.figures import drawn_of
    from lehr.recipes.report.plots import components, loss, mix, rates, reward, rollout, work

    def draw(data: ReportData) -> Iterator[tuple[Figure, Picture]]:
        for module in (rates, loss, work, components, mix, reward, rollout):
            if (made := module.draw(data)) is not None:
                yield made
        if data.laid_out is not None and not isinstance(data.laid_out, str):
            yield from machine.of_step(data.laid_out)

    return drawn_of(draw, data)
