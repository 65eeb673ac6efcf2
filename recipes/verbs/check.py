"""``lehr check``: what others reported, beside what is projected."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec

from recipes.catalogue import Model
from recipes.check import check_all, check_model, check_recipe
from recipes.compose import Composed
from recipes.decode import decode
from recipes.projecting import project_by_name
from recipes.tables import short, text_table
from recipes.writing import write_file
from simulators.evidence import Comparison

VERSION = 1


def run(job: Composed) -> int:
    """Compare, write ``<out>/check/check.json``, print; 1 where a figure fails, else 0."""
    catalogue = job.catalogue
    if job.config.get("model") is None:
        rows = check_all(catalogue, lambda name: project_by_name(catalogue, name))
    else:
        model = decode(job.config["model"], Model, "model")
        rows = check_model(model)
        if model.name in catalogue.files("recipe"):
            rows += check_recipe(*project_by_name(catalogue, model.name))
    table = as_json(rows)
    path = Path(job.setting("out", str)) / "check" / "check.json"
    write_file(path, table.encode())
    if job.setting("format", str) == "json":
        print(table, end="")
    else:
        print(as_text(rows, everything=job.setting("all", bool)))
        print(f"\n{path}")
    return 1 if any(row.verdict == "FAILS" for row in rows) else 0


def as_json(rows: list[Comparison]) -> str:
    """The comparisons as JSON: ``{"version": 1, "summary": {...}, "figures": [...]}``."""
    data = {
        "version": VERSION,
        "summary": dict(sorted(Counter(row.verdict for row in rows).items())),
        "figures": [msgspec.to_builtins(row) for row in rows],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def as_text(rows: list[Comparison], *, everything: bool) -> str:
    """A table of what does not simply agree, or of everything, and a line that sums up."""
    listed = [row for row in rows if everything or row.verdict != "agrees"]
    listed.sort(key=lambda row: row.verdict != "FAILS")
    headings = ["verdict", "subject", "quantity", "reported", "projected", "source", "cause"]
    cells = [
        [
            row.verdict,
            row.subject,
            row.quantity,
            row.reported,
            row.projected if isinstance(row.projected, str) else short(row.projected, digits=4),
            f"{row.source}, {row.place}",
            row.cause or "",
        ]
        for row in listed
    ]
    counts = Counter(row.verdict for row in rows)
    summary = (
        f"{len(rows)} figures: {counts['agrees']} agree, {counts['differs, known cause']} differ for a known cause, "
        f"{counts['FAILS']} fail"
    )
    return f"{text_table(headings, cells)}\n\n{summary}" if cells else summary
