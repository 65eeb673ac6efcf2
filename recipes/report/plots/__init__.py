"""The figures of a report, each with its caption and its words for those who cannot see it."""

from __future__ import annotations

import msgspec

from recipes.report.data import ReportData
from recipes.report.document import Picture


class Drawn(msgspec.Struct, frozen=True):
    """A figure in both formats."""

    picture: Picture
    svg: str
    png: bytes


def draw_all(data: ReportData) -> list[Drawn]:
    """Every figure that there is something to show for, in the order of the report."""
    from recipes.report.plots import components, loss, mix, rates, reward, work
    from recipes.report.plots.style import as_png, as_svg, styled

    drawn = []
    with styled():
        for module in (rates, loss, work, components, mix, reward):
            if (made := module.draw(data)) is not None:
                figure, picture = made
                drawn.append(Drawn(picture, as_svg(figure), as_png(figure)))
    return drawn
