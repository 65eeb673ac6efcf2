"""The figures of a report, each with its caption and its words for those who cannot see it."""

from __future__ import annotations

import msgspec

from lehr.recipes.presenting.document import Picture
from lehr.recipes.report.facts import ReportData


class Drawn(msgspec.Struct, frozen=True):
    """A figure in both formats."""

    picture: Picture
    svg: str
    png: bytes


def draw_all(data: ReportData) -> list[Drawn]:
    """Every figure that there is something to show for, in the order of the report."""
    from lehr.recipes.laying_out import figures as machine
    from lehr.recipes.presenting.figures import as_png, as_svg, styled
    from lehr.recipes.report.plots import components, loss, mix, rates, reward, rollout, work

    drawn = []
    with styled():
        for module in (rates, loss, work, components, mix, reward, rollout):
            if (made := module.draw(data)) is not None:
                figure, picture = made
                drawn.append(Drawn(picture, as_svg(figure), as_png(figure)))
        if data.laid_out is not None and not isinstance(data.laid_out, str):
            drawn += [
                Drawn(picture, as_svg(figure), as_png(figure)) for figure, picture in machine.of_step(data.laid_out)
            ]
    return drawn
