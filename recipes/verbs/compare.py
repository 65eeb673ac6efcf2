"""``lehr compare``: models and their recipes side by side."""

from __future__ import annotations

import json
import sys
from shutil import get_terminal_size

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.recipe_files import AcceleratorFile
from lehr.recipes.comparing import as_text, compare, page
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.presenting.files import write_beside

DEVICES = 64
"""Accelerators of the one machine where none are said."""


def run(job: Composed) -> int:
    """Print the comparison, as text or JSON, or write it as a page."""
    names = job.setting("names", list[str])
    chosen, devices = job.config.get("accelerator"), job.devices() or DEVICES
    machine = None if chosen is None else (decode(chosen, AcceleratorFile, "accelerator"), devices)
    rows = compare(job.catalogue, names, machine)
    form = form_of(job, "html")
    if form == "json":
        print(
            json.dumps(
                {"version": 1, "models": names, "rows": [_plain(row) for row in rows]}, indent=2, ensure_ascii=False
            )
        )
    elif form == "html":
        name, content = page(names, rows)
        write_beside(job.folder() / "compare", {name: content})
        print(job.folder() / "compare" / name)
    else:
        print(as_text(names, rows, get_terminal_size().columns if sys.stdout.isatty() else None))
    return 0


def _plain(row: object) -> object:
    data = msgspec.to_builtins(row)
    return {**data, "differs": row.differs}  # type: ignore[attr-defined]
