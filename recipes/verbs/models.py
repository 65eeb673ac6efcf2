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
        models = job.catalogue.models()
        print(json.dumps([row | more_of(models[row["name"]]) for row in rows], indent=2, ensure_ascii=False))
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


def more_of(model: Model) -> dict[str, Any]:
    """What JSON has besides: whose it is and since when, its sizes, and the keys of its sources (``lehr cite``).

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> more = more_of(Catalogue().model("starcoder"))
    >>> more["n_layers"], more["vocab_size"], "li_2023_starcoder" in more["sources"]
    (40, 49152, True)
    """
    shape = model.architecture
    facts = [model.provenance.default, *model.provenance.exceptions.values()]
    keys = [fact.source for fact in facts] + [row.source for row in model.reported]
    return {
        "also": model.also,
        "owner": model.owner,
        "released": model.released,
        "context_length": shape.context_length if shape else model.context_length,
        "n_layers": shape.n_layers if shape else None,
        "d_model": shape.d_model if shape else None,
        "vocab_size": shape.embedding.vocab_size if shape else None,
        "non_embedding": count_parameters(shape).non_embedding if shape else None,
        "sources": [key for key in dict.fromkeys(keys) if key],
    }


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
