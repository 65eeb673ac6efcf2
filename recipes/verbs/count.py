"""``lehr count``: one model, counted."""

from __future__ import annotations

import json

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.composing.job import Composed
from lehr.recipes.counting import as_text, count


def run(job: Composed) -> int:
    """Print the counts of the model."""
    form = job.choice("format", ("text", "json"))
    model = decode(job.config["model"], Model, "model")
    counts = count(model, job.setting("sequence_length", int | None))
    if form == "json":
        print(json.dumps(counts, indent=2, ensure_ascii=False))
    else:
        print(as_text(counts))
    return 0
