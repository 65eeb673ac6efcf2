"""``lehr rehearse``: train a recipe for real, small, and set it beside its plan."""

from __future__ import annotations

import json
import sys

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.rehearsing.result import Row
from lehr.recipes.rehearsing.run import rehearse_job
from lehr.recipes.rehearsing.text import as_json, as_text


def run(job: Composed) -> int:
    """Train, write the folder and say what was found; 1 where an update had another rate than the plan's."""
    from tqdm import tqdm

    form = form_of(job)
    with tqdm(unit=" updates", disable=not sys.stderr.isatty(), leave=False) as bar:

        def seen(stage: str, row: Row, whole: int) -> None:
            bar.total = whole
            bar.set_description(stage, refresh=False)
            bar.update()

        found, folder = rehearse_job(job, seen)
    if form == "json":
        print(json.dumps(as_json(found), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(f"{as_text(found)}\n\n{folder / 'rehearsal.png'}")
    return int(not found.sound)
