"""``lehr export-data``: the whole catalogue as Parquet, CSV and JSON-LD."""

from __future__ import annotations

from importlib.metadata import version

from lehr.recipes.composing.job import Composed
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.publishing.run import publish


def run(job: Composed) -> int:
    """Write the files and say what they hold."""
    found, folder = publish(job.catalogue), job.folder()
    write_folder(folder, found.files)
    held = f"{found.values:,} values ({found.said:,} with an origin), {found.sources} sources"
    print(f"{folder}/: {found.entries:,} entries, {held}")
    print(f"edition {found.edition} of the catalogue, written by lehr {version('lehr')}")
    return 0
