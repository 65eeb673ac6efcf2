"""``lehr reference``: has a projection moved since its figures were last accepted?"""

from __future__ import annotations

from pathlib import Path

from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.reference import accept, changes, project_all, read, stated

SHOWN = 40


def run(job: Composed) -> int:
    """Compare with the references; with ``accept`` make them so, and say it in the changelog."""
    reason = stated(job.setting("accept", str | None))
    folder, changelog = Path(job.setting("reference", str)), Path(job.setting("changelog", str))
    if reason is None and not read(folder):
        said = "write reference=FOLDER, or run this in a checkout of Lehr"
        raise LehrError(f"reference: {folder} holds no accepted projections; {said}")
    now = project_all(job.catalogue)
    moved = changes(read(folder), now)
    for change in moved[:SHOWN]:
        print(change)
    if len(moved) > SHOWN:
        print(f"... and {len(moved) - SHOWN} more")
    print(f"{len(now)} recipes, {sum(len(f) for f in now.values()):,} figures, {len(moved):,} moved")
    if reason is None:
        return 1 if moved else 0
    if accept(now, moved, reason, folder, changelog):
        print(f"accepted: {folder}, {changelog}")
    return 0
