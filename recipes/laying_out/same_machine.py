"""Models on one and the same machine: what a comparison says of their speed."""

from __future__ import annotations

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.answer import answer
from lehr.recipes.laying_out.question import question
from lehr.simulators.machine.accelerator import Accelerator

SEQUENCES = 1024
"""Sequences of a step, the same for all, or the next number that the devices divide."""
TOKENS = 1e12
"""Tokens whose hours are told."""


def on_one_machine(
    catalogue: Catalogue, model: Model, device: Accelerator, devices: int, sequence_length: int
) -> dict[tuple[str, str], float | str | None]:
    """The best layout of ``model`` on ``devices`` of one accelerator, by (quantity, unit); in place of the layout why
    there is none.

    >>> catalogue = Catalogue()
    >>> said = on_one_machine(catalogue, catalogue.model("starcoder"), catalogue.accelerators["h100_sxm"], 64, 4096)
    >>> said["best layout on 64 h100_sxm", ""]
    'TP2 PP2x20 DP16, micro-batch 2'
    """
    if devices < 1:
        raise LehrError(f"devices: {devices} is below 1; write a number of accelerators")
    where = f"on {devices:,} {device.name}"
    batch = -(-SEQUENCES // devices) * devices
    try:
        asked = question(catalogue, model, device, devices=devices, sequence_length=sequence_length, global_batch=batch)
        best = answer(asked, show=0).best
    except LehrError as error:
        return {(f"best layout {where}", ""): f"none: {error}"}
    assert best is not None
    return {
        (f"best layout {where}", ""): best.layout.short(),
        (f"a step of {batch:,} sequences {where}", "s"): best.seconds,
        (f"tokens a second and device {where}", "token/s"): best.tokens_per_second,
        (f"MFU, causal, {where}", "%"): 100 * best.mfu["causal"],
        (f"memory of the fullest device {where}", "byte"): best.memory_bytes,
        (f"accelerator-hours of 10¹² tokens {where}", "h"): TOKENS / best.tokens_per_second / 3600,
    }
