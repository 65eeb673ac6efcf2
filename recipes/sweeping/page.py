"""``sweep.html``: one page with the pictures and a table that sorts, which needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from markupsafe import Markup, escape

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import for_page
from lehr.recipes.presenting.html import TEMPLATES as REPORT_TEMPLATES
from lehr.recipes.presenting.html import environment
from lehr.recipes.presenting.tables import short
from lehr.recipes.sweeping.rows import UNITS

TEMPLATES = Path(__file__).parent / "templates"

MOST_ROWS = 2000
"""Rows of the page's table; the files hold all."""

SHOWN = {
    "parameters": "total", "parameters_active": "of one token", "tokens": "", "tokens_per_parameter": "active",
    "flops": "FLOP", "hours": "h", "days": "d", "cost": "USD", "loss": "", "forecast": "", "peak_rate": "",
}  # fmt: skip
"""The figures of the page's table, with what stands below their names."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What the page says beside its table: how the sweep was asked for, and how it went."""

    command: str
    counts: Mapping[str, int]
    failed: Sequence[tuple[str, str]]
    left_out: Sequence[tuple[str, str]]
    version: str


def as_html(table: pa.Table, varies: Mapping[str, bool], sweep: Sweep, pictures: Mapping[str, tuple[Picture, str]],
            reports: Mapping[int, str]) -> str:  # fmt: skip
    """The page. ``pictures`` are SVG by name; ``reports`` the links to the reports that were written."""
    went = table.filter(pa.compute.equal(table["status"], "done"))
    done = went.slice(0, MOST_ROWS)
    figures = [name for name in SHOWN if any(v is not None for v in done[name].to_pylist())]
    constant = [name for name in ("model", "law") if len(table[name].unique()) <= 1 and name not in varies]
    names = [*varies, *(n for n in ("model", "law") if n not in constant and n not in varies)]
    columns = [*names, *figures]
    drawn = [
        (picture, Markup(for_page(svg, name, str(escape(picture.alternative)))))
        for name, (picture, svg) in pictures.items()
    ]
    return (
        environment(TEMPLATES)
        .get_template("sweep.html.j2")
        .render(
            sweep=sweep,
            style=Markup((REPORT_TEMPLATES / "report.css").read_text()),
            script=Markup((TEMPLATES / "sort.js").read_text()),
            pictures=drawn,
            columns=[(name, _unit(table, name), name in figures or varies.get(name, False)) for name in columns],
            meanings=[(name, UNITS[name].replace("loss_unit says in what", _unit(table, name))) for name in figures],
            rows=[[_cell(row, name, reports) for name in columns] for row in done.to_pylist()],
            n_rows=len(went),
            heading=heading,
            shown=len(done),
            same=[(name, table[name][0].as_py()) for name in constant if len(table)],
        )
    )


def heading(column: str) -> str:
    """A column's name as a heading, which may break between words and after dots.

    >>> heading("tokens_per_parameter"), heading("recipe.stages.pt.steps")
    ('tokens per parameter', 'recipe.\u200bstages.\u200bpt.\u200bsteps')
    """
    return column.replace(".", ".\u200b") if "." in column else column.replace("_", " ")


def _unit(table: pa.Table, name: str) -> str:
    """What a heading says below its name; the meaning in full stands below the table."""
    if name in ("loss", "forecast"):
        return ", ".join(unit for unit in table["loss_unit"].unique().to_pylist() if unit) or "loss_unit"
    return SHOWN.get(name, "")


def _cell(row: Mapping[str, Any], name: str, reports: Mapping[int, str]) -> dict[str, Any]:
    value = row[name]
    below = ""
    if f"{name}_low" in row and row[f"{name}_low"] is not None:
        below = f"{_shown(name, row[f'{name}_low'])} to {_shown(name, row[f'{name}_high'])}"
    link = reports.get(row["job"], "") if name == "model" else ""
    key = value if isinstance(value, (int, float)) else ""
    return {"text": _shown(name, value), "below": below, "key": key, "link": link}


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:.3f}" if name.startswith(("loss", "forecast")) else short(float(value), digits=4)


def command(arguments: Sequence[str]) -> str:
    """The command line that asked for the sweep."""
    return "lehr report " + shlex.join(arguments)
