"""``lehr models``: what the catalogue holds."""

from __future__ import annotations

import json
from typing import Any

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.names import named
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.presenting.tables import text_table
from lehr.simulators.counting import count_parameters


def run(job: Composed) -> int:
    """Print the models that pass the filters."""
    form = form_of(job)
    everything = rows = [row_of(model) for model in job.catalogue.models().values()]
    for field in ("family", "kind", "open"):
        wanted = job.setting(field, str | None)
        if wanted is not None:
            known = {row[field] for row in everything}
            meant = named(wanted, known) if field == "family" else known & {wanted.casefold()}
            if not meant:
                raise LehrError(f"{field}: no model has {wanted!r}; {nearest(wanted, known)}")
            rows = [row for row in rows if row[field] in meant]
    low, high = job.setting("min_parameters", float | None), job.setting("max_parameters", float | None)
    if low is not None:
        rows = [row for row in rows if row["parameters"] is not None and row["parameters"] >= low]
    if high is not None:
        rows = [row for row in rows if row["parameters"] is not None and row["parameters"] <= high]
    if form == "json":
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    headings = ["name", "family", "kind", "open", "parameters", "active", "hf_id"]
    print(text_table(headings, [[_cell(row[h]) for h in headings] for row in rows], right={4, 5}))
    return 0


def row_of(model: Model) -> dict[str, Any]:
    """One model as plain data: what it is and how large [parameters]."""
    count = count_parameters(model.architecture) if model.architecture else None
    return {
        "name": model.name,
        "hf_id": model.hf_id,
        "family": model.family,
        "kind": model.kind,
        "open": model.open,
        "parameters": count.total if count else None,
        "active": count.active["all"] if count else None,
    }


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
