"""``lehr compare``: models and their recipes side by side."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from shutil import get_terminal_size

import msgspec

from lehr.recipes.comparing import as_document, as_text, compare
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import file_name, write_file
from lehr.recipes.presenting.html import as_html


def run(job: Composed) -> int:
    """Print the comparison, as text or JSON, or write it as a page."""
    names = job.setting("names", list[str])
    if len(names) < 2:
        raise LehrError("compare needs two models or more; write lehr compare starcoder santacoder")
    rows = compare(job.catalogue, names)
    form = form_of(job, "html")
    if form == "json":
        print(
            json.dumps(
                {"version": 1, "models": names, "rows": [_plain(row) for row in rows]}, indent=2, ensure_ascii=False
            )
        )
    elif form == "html":
        path = job.folder() / "compare" / f"{file_name(names)}.html"
        write_file(path, as_html(as_document(names, rows, version("lehr")), {}).encode())
        print(path)
    else:
        print(as_text(names, rows, get_terminal_size().columns if sys.stdout.isatty() else None))
    return 0


def _plain(row: object) -> object:
    data = msgspec.to_builtins(row)
    return {**data, "differs": row.differs}  # type: ignore[attr-defined]
