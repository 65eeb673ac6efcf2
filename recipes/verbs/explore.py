"""``lehr explore``: one page over the whole catalogue."""

from __future__ import annotations

from lehr.recipes.composing.job import Composed
from lehr.recipes.exploring.run import explore
from lehr.recipes.exploring.text import as_text, files
from lehr.recipes.presenting.files import write_beside


def run(job: Composed) -> int:
    """Write the page and say where it lies."""
    explored = explore(job.catalogue, job.setting("laws", list[str]), job.setting("selected", list[str]))
    write_beside(job.folder(), files(explored))
    print(as_text(explored, job.folder() / "explorer.html"))
    return 0
