"""``lehr count``: one model, counted."""

from __future__ import annotations

import json

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.counting import as_text, count
from lehr.recipes.errors import LehrError
from lehr.simulators.adapters import LoRA


def run(job: Composed) -> int:
    """Print the counts of the model."""
    form = form_of(job)
    model = decode(job.config["model"], Model, "model")
    counts = count(
        model,
        job.setting("sequence_length", int | None),
        batch=job.setting("batch", int),
        dtype=job.setting("dtype", str),
        lora=_lora(job),
        memory=_memory(job),
    )
    if form == "json":
        print(json.dumps(counts, indent=2, ensure_ascii=False))
    else:
        print(as_text(counts))
    return 0


def _lora(job: Composed) -> LoRA | None:
    """The adapters that are asked for."""
    rank = job.setting("rank", int | None)
    if rank is None:
        return None
    if rank < 1:
        raise LehrError(f"rank: {rank} is below 1; write a number of features, such as 8")
    targets = job.setting("targets", list[str] | str)
    return LoRA(rank=rank, targets=(targets,) if isinstance(targets, str) else tuple(targets))


def _memory(job: Composed) -> tuple[str, float] | None:
    """The accelerator that weights and state should fit, and what it holds."""
    device = job.config.get("accelerator")
    if device is None:
        return None
    if not isinstance(device, dict) or not device.get("memory_bytes"):
        raise LehrError("accelerator: its file has no memory_bytes; write accelerator=h100_sxm, or add what it holds")
    return str(device["name"]), float(device["memory_bytes"])
