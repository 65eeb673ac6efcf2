"""``lehr models``: what the catalogue holds."""

from __future__ import annotations

import json

from lehr.recipes.catalogue.listing import listed, more_of, row_of
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.presenting.tables import text_table


def run(job: Composed) -> int:
    """Print the models that pass the filters."""
    form = form_of(job)
    models = listed(
        job.catalogue,
        family=job.setting("family", str | None),
        kind=job.setting("kind", str | None),
        open=job.setting("open", str | None),
        min_parameters=job.setting("min_parameters", float | None),
        max_parameters=job.setting("max_parameters", float | None),
    )
    if form == "json":
        print(json.dumps([row_of(model) | more_of(model) for model in models], indent=2, ensure_ascii=False))
        return 0
    headings = ["name", "family", "kind", "open", "parameters", "active", "hf_id"]
    rows = [row_of(model) for model in models]
    print(text_table(headings, [[_cell(row[h]) for h in headings] for row in rows], right={4, 5}))
    return 0


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
