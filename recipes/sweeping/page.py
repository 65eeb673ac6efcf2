"""``sweep.html``: one page with the pictures and a table that sorts, which needs nothing else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup, escape

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import for_page
from lehr.recipes.presenting.html import TEMPLATES as REPORT_TEMPLATES
from lehr.recipes.presenting.html import environment
from lehr.recipes.presenting.numbers import LENGTHS, bounded
from lehr.recipes.presenting.tables import short
from lehr.recipes.sweeping.rows import UNITS

TEMPLATES = Path(__file__).parent / "templates"

_NUMBER = re.compile(r"\d[\d,.]*(e[+-]?\d+)?")

MOST_ROWS = 2000
"""Rows of the page's table; the files hold all."""

SHOWN = {
    "parameters": "total", "parameters_active": "of one token", "tokens": "", "tokens_per_parameter": "active",
    "flops": "FLOP", "hours": "h", "days": "d", "cost": "USD", "loss": "", "forecast": "", "peak_rate": "",
}  # fmt: skip
"""The figures of the page's table, with what stands below their names."""
TOTALLED = ("tokens", "flops", "hours", "days", "cost")
"""Those that are a bound where a stage's length is one."""
MARK = "*"
"""Behind a loss of a job that warns."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What the page says beside its table: how the sweep was asked for, and how it went."""

    command: str
    counts: Mapping[str, int]
    failed: Sequence[tuple[str, str]]
    left_out: Sequence[tuple[str, str]]
    version: str
    apart: str = ""
    """Which losses do not compare, where a sweep that asked for no law was read by several."""
    warned: Sequence[tuple[str, str]] = ()
    """Each kind of warning by its first words, and how many jobs have it."""


def losses_apart(table: pa.Table, words: Sequence[str]) -> str:
    """That losses by several laws stand in one table though no sweep over laws was asked for: some jobs repeat their
    tokens, of which the others' law knows nothing; or that all were read by the law of repeats for that.

    >>> rows = pa.table({"status": ["done"] * 3, "law": ["besiroglu", "besiroglu", "muennighoff"]})
    >>> losses_apart(rows, ["recipe.stages.pt.epochs=1,2,8"])  # doctest: +ELLIPSIS
    'losses by besiroglu (2 jobs) and muennighoff (1 job) do not compare; write law=muennighoff, which ...'
    >>> losses_apart(rows, ["law=besiroglu,muennighoff"])
    ''
    >>> losses_apart(rows.slice(2), ["recipe.stages.pt.epochs=1,2,8"])
    'all losses are by muennighoff, which knows repeats: some jobs see their tokens more than 4 times'
    """
    done = table.filter(pc.equal(table["status"], "done"))
    laws = {s["values"]: s["counts"] for s in done["law"].value_counts().to_pylist() if s["values"]}
    if [*laws] == ["muennighoff"] and not any("law=" in word for word in words) and any(".epochs=" in w for w in words):
        return "all losses are by muennighoff, which knows repeats: some jobs see their tokens more than 4 times"
    if len(laws) < 2 or "muennighoff" not in laws or any(word.startswith("law=") and "," in word for word in words):
        return ""
    said = " and ".join(f"{law} ({n:,} job{'' if n == 1 else 's'})" for law, n in laws.items())
    return f"losses by {said} do not compare; write law=muennighoff, which knows repeats, for one law in all jobs"


def warned(table: pa.Table) -> list[tuple[str, str]]:
    """What the rows of a sweep warn of, and how many do: those whose words are alike stand together, the commonest
    first, with the numbers of one of them.

    >>> warned(pa.table({"warnings": ["x: 5e+12 tokens lie outside", "", "x: 6e+12 tokens lie outside"]}))
    [('x: 5e+12 tokens lie outside', '2 jobs, each by its own numbers')]
    """
    kinds: dict[str, list[tuple[str, int]]] = {}
    for found in table["warnings"].value_counts().to_pylist():
        if text := found["values"]:
            kinds.setdefault(_NUMBER.sub("", text), []).append((text, found["counts"]))
    ordered = sorted(kinds.values(), key=lambda alike: -sum(n for _, n in alike))
    return [(alike[0][0], _jobs(sum(n for _, n in alike), len(alike) > 1)) for alike in ordered]


def _jobs(n: int, differ: bool) -> str:
    return f"{n:,} job{'' if n == 1 else 's'}{', each by its own numbers' if differ else ''}"


def as_html(table: pa.Table, varies: Mapping[str, bool], sweep: Sweep, pictures: Mapping[str, tuple[Picture, str]],
            reports: Mapping[int, str]) -> str:  # fmt: skip
    """The page. ``pictures`` are SVG by name; ``reports`` the links to the reports that were written."""
    went = table.filter(pc.equal(table["status"], "done"))
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
            mark=MARK,
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
    text = _shown(name, value)
    own = row["bound" if name in ("tokens", "flops") else "hours_bound"] or None
    bound = own if name in TOTALLED and value is not None else None
    if bound is not None and row.get(f"{name}_low") is None:
        text = bounded(text, bound)
    elif name in ("loss", "forecast") and value is not None and row["warnings"]:
        text += MARK
    if f"{name}_low" in row and row[f"{name}_low"] is not None:
        below = f"{_shown(name, row[f'{name}_low'])} to {_shown(name, row[f'{name}_high'])}"
        below += "" if bound is None else f" {LENGTHS[bound]}"
    link = reports.get(row["job"], "") if name == "model" else ""
    key = value if isinstance(value, (int, float)) else ""
    return {"text": text, "below": below, "key": key, "link": link}


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:.3f}" if name.startswith(("loss", "forecast")) else short(float(value), digits=4)


def command(arguments: Sequence[str]) -> str:
    """The command line that asked for the sweep."""
    return "lehr report " + shlex.join(arguments)
