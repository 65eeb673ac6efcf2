"""``lehr compare``: models and their recipes side by side."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from shutil import get_terminal_size

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.recipe_files import AcceleratorFile
from lehr.recipes.comparing import Terms, as_csv, as_document, as_text, compare, hours_published, page, title_of
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_beside
from lehr.recipes.presenting.markdown import as_markdown
from lehr.recipes.presenting.numbers import quantity

DEVICES = 64
"""Accelerators of the one machine where none are said."""


def run(job: Composed) -> int:
    """Print the comparison as text, CSV or JSON, or write it as a page or as Markdown."""
    names = job.setting("names", list[str])
    chosen, devices = job.config.get("accelerator"), job.devices() or DEVICES
    machine = None if chosen is None else (decode(chosen, AcceleratorFile, "accelerator"), devices)
    hours = job.choice("hours", ("one_machine", "published"))
    terms = Terms(
        device=None if machine is None else machine[0],
        precision=job.setting("precision", str | None) or "bf16",
        mfu=job.mfu(),
        usd_per_hour=job.usd_per_hour(),
        published=hours == "published",
    )
    if hours == "published" and (machine or terms.mfu or terms.usd_per_hour):
        raise LehrError("hours: published ones have no machine of yours; leave accelerator, mfu and usd_per_hour out")
    rows = compare(job.catalogue, names, machine, terms)
    form = form_of(job, "html", "md", "csv")
    titles = [title_of(job.catalogue.model(name)) for name in names]
    if form == "json":
        data = {"version": 1, "models": names, "rows": [_plain(row) for row in rows]}
        print(json.dumps(data, indent=2, ensure_ascii=False))
    elif form == "csv":
        print(as_csv(names, rows), end="")
    elif form in ("html", "md"):
        name, content = page(names, rows, titles)
        if form == "md":
            document = as_document(names, rows, version("lehr"), titles)
            name, content = f"{name.removesuffix('.html')}.md", as_markdown(document).encode()
        write_beside(job.folder() / "compare", {name: content})
        print(job.folder() / "compare" / name)
    else:
        print(as_text(names, rows, get_terminal_size().columns if sys.stdout.isatty() else None))
        if hours == "one_machine":
            ran = [(name, hours_published(job.catalogue, name)) for name in names]
            said = ", ".join(f"{name} {quantity(hours, 4)} h" for name, hours in ran if hours is not None)
            print("\nHours and cost are projected, all on one machine; hours=published sets the published ones beside.")
            print(f"Published, each on its own machine: {said}" if said else "No hours were published.")
    return 0


def _plain(row: object) -> object:
    data = msgspec.to_builtins(row)
    return {**data, "differs": row.differs}  # type: ignore[attr-defined]
