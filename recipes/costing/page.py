"""What a recipe costs, as a page."""

from __future__ import annotations

from importlib.metadata import version

from lehr.recipes.costing.figures import draw_all
from lehr.recipes.costing.result import Costed
from lehr.recipes.costing.text import as_text, few
from lehr.recipes.presenting.document import Bullets, Cell, Column, Document, Part, Section, Table, Text
from lehr.recipes.presenting.figures import drawn_of, plot_files
from lehr.recipes.presenting.html import as_html


def render(found: Costed, command: str) -> dict[str, bytes]:
    """``cost.html`` and ``plots/``."""
    drawn = drawn_of(draw_all, found)
    told = as_text(found).split("\n\n")
    document = Document(
        title=found.model,
        subtitle=command,
        verdict=told[0].splitlines()[0],
        verdict_mark="",
        sections=[
            Section(name="told", title="In short", parts=[*(Text(line) for line in told[0].splitlines()[1:])]),
            *(
                [Section(name="moves", title="What moves it", parts=[*(picture for picture, _, _ in drawn)])]
                * bool(drawn)
            ),
            Section(name="stages", title="Stages", parts=[_table(found)]),
            Section(name="rests", title="What it rests on", parts=_rests(found)),
        ],
        about="what the whole run costs",
        version=version("lehr"),
        numbers={},
        beside=[("cost.json", "holds the same as data")],
    )
    page = as_html(document, {p.name: svg for p, svg, _ in drawn})
    return {"cost.html": page.encode(), **plot_files(drawn)}


def _rests(found: Costed) -> list[Part]:
    """What everything rests on, what was assumed of single stages, and which are left out."""
    items = [*found.rests.items(), *(("assumed", word) for word in found.assumed)]
    if found.left_out:
        items.append(("left out", f"{', '.join(found.left_out)}, as nobody published how long they are"))
    return [Bullets(items)]


def _table(found: Costed) -> Table:
    columns = [Column("Stage"), Column("Devices", "", True), Column("Work", "h", True),
               Column("Between failures", "h", True), Column("Checkpoint every", "min", True),
               Column("Trains", "%", True), Column("Hours by")]  # fmt: skip
    rows = [
        [
            Cell(s.name),
            Cell(f"{s.devices:,}" if s.devices is not None else "unknown"),
            Cell(few(s.hours.value)),
            Cell(f"{s.uptime.between:,.1f}" if s.uptime is not None else "–"),
            Cell(f"{s.uptime.every / 60:,.0f}" if s.uptime is not None else "–"),
            Cell(f"{100 * s.uptime.share.value:.1f}" if s.uptime is not None else "–"),
            Cell(s.basis),
        ]
        for s in found.stages
    ]
    return Table(name="stages", caption="Work and failures", columns=columns, rows=rows)
