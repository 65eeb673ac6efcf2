"""The models of the catalogue by what they are and how large they are."""

from __future__ import annotations

from typing import Any

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.names import named
from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.counting import count_parameters


def listed(
    catalogue: Catalogue,
    *,
    family: str | None = None,
    kind: str | None = None,
    open: str | None = None,
    min_parameters: float | None = None,
    max_parameters: float | None = None,
) -> list[Model]:
    """The models that pass the filters; one whose size is not known passes no bound of it [parameters].

    Raises ``LehrError`` with the nearest word for one that no model has.
    """
    models = list(catalogue.models().values())
    for field, wanted in (("family", family), ("kind", kind), ("open", open)):
        if wanted is not None:
            known = {str(getattr(model, field)) for model in catalogue.models().values()}
            meant = named(wanted, known) if field == "family" else known & {wanted.casefold()}
            if not meant:
                raise LehrError(f"{field}: no model has {wanted!r}; {nearest(wanted, known)}")
            models = [model for model in models if str(getattr(model, field)) in meant]
    if min_parameters is not None or max_parameters is not None:
        low, high = min_parameters or 0, float("inf") if max_parameters is None else max_parameters
        models = [m for m in models if m.architecture and low <= count_parameters(m.architecture).total <= high]
    return models


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
