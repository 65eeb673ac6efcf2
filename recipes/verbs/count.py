"""``lehr count``: one model, counted."""

from __future__ import annotations

import json

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.counting import adapters, as_text, count, memory_of
from lehr.simulators.quantities import Size


def run(job: Composed) -> int:
    """Print the counts of the model."""
    form = form_of(job)
    model = decode(job.config["model"], Model, "model")
    device = job.config.get("accelerator")
    counts = count(
        model,
        job.bounded("sequence_length", Size | None, "a number of tokens, such as 4096"),
        batch=job.bounded("batch", Size, "a number of sequences, such as 1"),
        dtype=job.setting("dtype", str),
        lora=adapters(job.setting("rank", int | None), job.setting("targets", list[str] | str)),
        memory=None if device is None else memory_of(device),
    )
    if form == "json":
        print(json.dumps(counts, indent=2, ensure_ascii=False))
    else:
        print(as_text(counts))
    return 0
