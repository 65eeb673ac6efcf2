"""``lehr reference``: has a projection moved since its figures were last accepted?"""

from __future__ import annotations

from pathlib import Path

from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_file, write_folder
from lehr.recipes.reference import as_json, changes, into_changelog, project_all, read

SHOWN = 40


def run(job: Composed) -> int:
    """Compare with the references; with ``accept`` make them so, and say it in the changelog."""
    reason = job.setting("accept", str | None)
    if reason is not None and not reason.strip():
        raise LehrError("accept: says nothing; write why the figures moved")
    folder = Path(job.setting("reference", str))
    if reason is None and not any(folder.glob("*.json")):
        said = "write reference=FOLDER, or run this in a checkout of Lehr"
        raise LehrError(f"reference: {folder} holds no accepted projections; {said}")
    now = project_all(job.catalogue)
    moved = changes(read(folder), now)
    for change in moved[:SHOWN]:
        print(change)
    if len(moved) > SHOWN:
        print(f"... and {len(moved) - SHOWN} more")
    print(f"{len(now)} recipes, {sum(len(f) for f in now.values()):,} figures, {len(moved):,} moved")
    if not moved or reason is None:
        return 1 if moved else 0
    changelog = Path(job.setting("changelog", str))
    if not changelog.is_file():
        raise LehrError(f"{changelog}: there is no such file; write changelog=...")
    text = into_changelog(changelog.read_text(encoding="utf-8"), moved, reason)
    # the reason first: where the run is stopped in between, the same command finds it there and goes on
    write_file(changelog, text.encode())
    write_folder(folder, {f"{name}.json": as_json(reference) for name, reference in now.items()}, ours="*.json")
    print(f"accepted: {folder}, {changelog}")
    return 0
