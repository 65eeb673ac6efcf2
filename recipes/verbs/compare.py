"""``lehr compare``: models and their recipes side by side."""

from __future__ import annotations

import json
from importlib.metadata import version

import msgspec

from recipes.comparing import as_document, compare, shown
from recipes.compose import Composed
from recipes.errors import LehrError
from recipes.report.page import as_html
from recipes.tables import text_table
from recipes.writing import write_file


def run(job: Composed) -> int:
    """Print the comparison, as text or JSON, or write it as a page."""
    names = job.setting("names", list[str])
    if len(names) < 2:
        raise LehrError("compare needs two models or more; write lehr compare starcoder santacoder")
    rows = compare(job.catalogue, names)
    form = job.choice("format", ("text", "json", "html"))
    if form == "json":
        print(
            json.dumps(
                {"version": 1, "models": names, "rows": [_plain(row) for row in rows]}, indent=2, ensure_ascii=False
            )
        )
    elif form == "html":
        path = job.folder() / "compare" / f"{'_'.join(names)}.html"
        write_file(path, as_html(as_document(names, rows, version("lehr")), {}).encode())
        print(path)
    else:
        cells = [[row.quantity, *(shown(v) for v in row.values), row.unit] for row in rows]
        different = sum(row.differs for row in rows)
        print(text_table(["differs", *names, "unit"], cells[:different]))
        print()
        print(text_table(["alike", *names, "unit"], cells[different:]))
    return 0


def _plain(row: object) -> object:
    data = msgspec.to_builtins(row)
    return {**data, "differs": row.differs}  # type: ignore[attr-defined]
