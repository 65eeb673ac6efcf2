"""An answer as a page."""

from __future__ import annotations

from importlib.metadata import version

from lehr.recipes.laying_out.answer import Answer, Other
from lehr.recipes.laying_out.figures import draw_all
from lehr.recipes.laying_out.text import GIB, as_lines, rests_on, seconds
from lehr.recipes.presenting.document import Cell, Column, Document, Part, Section, Table, Text
from lehr.recipes.presenting.figures import drawn_of, plot_files
from lehr.recipes.presenting.html import as_html


def render(answer: Answer, command: str) -> dict[str, bytes]:
    """``layout.html`` and ``plots/``."""
    drawn = drawn_of(draw_all, answer)
    said = as_lines(answer)
    sections = [
        Section(name="layout", title="The layout", parts=[*(Text(line) for line in said[1:])]),
        Section(name="step", title="Time and memory", parts=[picture for picture, _, _ in drawn]),
    ]
    if answer.others:
        tables: list[Part] = [
            _table("others", "The next best, each of another kind", answer.others),
            _table("frontier-layouts", "From the fastest to the leanest", answer.frontier),
        ]
        sections.append(Section(name="others", title="What the others lose", parts=tables))
    sections.append(Section(name="rests", title="What it rests on", parts=[Text(rests_on(answer))]))
    document = Document(
        title=answer.question.name,
        subtitle=command,
        verdict=said[0],
        verdict_mark="",
        sections=sections,
        about="layout, time and memory",
        version=version("lehr"),
        numbers={},
        beside=[("layout.json", "holds the same as data")],
    )
    page = as_html(document, {p.name: svg for p, svg, _ in drawn})
    return {"layout.html": page.encode(), **plot_files(drawn)}


def _table(name: str, caption: str, others: list[Other]) -> Table:
    columns = [Column("Layout"), Column("Step", "", True), Column("Memory", "GiB", True), Column("Slower", "%", True),
               Column("Most of it")]  # fmt: skip
    rows = [
        [
            Cell(o.layout.short()),
            Cell(seconds(o.seconds)),
            Cell(f"{o.memory_bytes / GIB:.1f}"),
            Cell(f"{100 * o.loses:+.1f}" if o.loses else ""),
            Cell(o.why),
        ]
        for o in others
    ]
    return Table(name=name, caption=caption, columns=columns, rows=rows)
