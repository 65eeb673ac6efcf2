"""``lehr design``: which small runs to make for the forecast of a large one."""

from __future__ import annotations

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.designing.run import designed
from lehr.recipes.designing.text import as_bytes, as_text
from lehr.recipes.presenting.files import write_folder


def run(job: Composed) -> int:
    """Print the design and write its folder; with ``format=json`` print it alone."""
    form = form_of(job)
    found = designed(job)
    if form == "json":
        print(as_bytes(found).decode(), end="")
        return 0
    from lehr.recipes.designing.files import TOLD, files

    folder = job.folder() / "design" / found.name
    write_folder(folder, files(found, f"lehr design {' '.join(job.overrides)}"))
    print(as_text(found))
    print(f"\n{folder / 'design.png'}")
    print(f"next: train each, as in  lehr export --config-dir {folder} model={found.runs[0].name} to=olmo_core")
    table = folder / "runs.csv"
    counted = "" if found.n_convention in TOLD else f" n_convention={found.n_convention}"
    print(f"      write its final loss into {table}, then  lehr fit law=best data={table}{counted}")
    print(f"      or give its logs, called as the runs:  lehr fit law=best design={folder} 'data=[...]'{counted}")
    return 0
