"""A report as files: one page, one text, the data behind both, and the figures."""

from __future__ import annotations

from lehr.recipes.report.facts import ReportData

__all__ = ["ReportData", "render"]


def render(data: ReportData) -> dict[str, bytes]:
    """The files of a report by relative path: ``report.html``, ``report.md``, ``projection.json`` and ``plots/``.

    The same data gives the same bytes.
    """
    from lehr.recipes.presenting.figures import plot_files
    from lehr.recipes.presenting.html import as_html
    from lehr.recipes.presenting.markdown import as_markdown
    from lehr.recipes.report.content import compose
    from lehr.recipes.report.plots import draw_all
    from lehr.recipes.report.projection_json import as_json

    drawn = draw_all(data)
    document = compose(data, {d.picture.name: d.picture for d in drawn})
    return {
        "report.html": as_html(document, {d.picture.name: d.svg for d in drawn}).encode(),
        "report.md": as_markdown(document).encode(),
        "projection.json": as_json(data).encode(),
        **plot_files(drawn),
    }
