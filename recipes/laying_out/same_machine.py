"""Models on one and the same machine: what a comparison says of their speed."""

from __future__ import annotations

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.answer import Found, NoLayoutError, answer
from lehr.recipes.laying_out.question import question
from lehr.simulators.counting import count_parameters
from lehr.simulators.machine.accelerator import Accelerator

SEQUENCES = 1024
"""Sequences of a step, the same for all, or the next number that the devices divide."""
TOKENS = 1e12
"""Tokens whose hours are told."""


def best_on(
    catalogue: Catalogue, model: Model, device: Accelerator, devices: int, sequence_length: int
) -> Found | LehrError:
    """The best layout of ``model`` on ``devices`` of one accelerator, or why there is none. Raises ``LehrError`` for no
    devices.

    >>> catalogue = Catalogue()
    >>> best = best_on(catalogue, catalogue.model("starcoder"), catalogue.accelerators["h100_sxm"], 64, 4096)
    >>> best.layout.short()
    'PP2x20 DP32, micro-batch 1, selective recomputation'
    """
    if devices < 1:
        raise LehrError(f"devices: {devices} is below 1; write a number of accelerators")
    try:
        asked = question(
            catalogue, model, device, devices=devices, sequence_length=sequence_length, global_batch=_batch(devices)
        )
        best = answer(asked, show=0).best
    except LehrError as error:
        return error
    assert best is not None
    return best


def on_one_machine(best: Found | LehrError, device: Accelerator, devices: int) -> dict[tuple[str, str], float | str]:
    """What ``best_on`` found, by (quantity, unit)."""
    where = f"on {devices:,} {device.name}"
    if isinstance(best, LehrError):
        return {(f"best layout {where}", ""): f"none: {best}"}
    return {
        (f"best layout {where}", ""): best.layout.short(),
        (f"a step of {_batch(devices):,} sequences {where}", "s"): best.seconds,
        (f"tokens a second and device {where}", "token/s"): best.tokens_per_second,
        (f"MFU, causal, {where}", "%"): 100 * best.mfu["causal"],
        (f"memory of the fullest device {where}", "byte"): best.memory_bytes,
        (f"accelerator-hours of 10¹² tokens {where}", "h"): TOKENS / best.tokens_per_second / 3600,
    }


def _batch(devices: int) -> int:
    return -(-SEQUENCES // devices) * devices


MOST_DEVICES = 2**14


def from_fewest(catalogue: Catalogue, model: Model, device: Accelerator, sequence_length: int) -> Found | None:
    """The best layout of training ``model`` whole on the fewest of 8, 16, 32 and so on of ``device`` that it fits;
    ``None`` where more than ``MOST_DEVICES`` would be needed, and for an encoder with a decoder, of whose two stacks
    layouts say nothing.

    >>> catalogue = Catalogue()
    >>> found = from_fewest(catalogue, catalogue.model("starcoder"), catalogue.accelerators["h100_sxm"], 4096)
    >>> found.layout.short()
    'TP2 PP2x20 DP2, micro-batch 2'
    """
    if model.shape().encoder is not None:
        return None
    total = count_parameters(model.shape()).total
    n = 8
    while n < MOST_DEVICES and total * LEAST_BYTES / n > (device.memory_bytes or 0.0):
        n *= 2
    while n <= MOST_DEVICES:
        batch = -(-SEQUENCES // n) * n
        try:
            asked = question(catalogue, model, device, devices=n, sequence_length=sequence_length, global_batch=batch)
            return answer(asked, show=0, advise=False).best
        except NoLayoutError:
            n *= 2
    return None


LEAST_BYTES = 16.0
"""Weights, gradients and states of a parameter, of which no layout holds fewer over all devices [byte]."""
