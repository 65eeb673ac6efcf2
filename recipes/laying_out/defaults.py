"""What nobody asked of a layout: the stage's own, or assumed and noted."""

from __future__ import annotations

from typing import Any

from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.architecture import Architecture
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.cluster import Cluster
from lehr.simulators.machine.software import CURRENT, SOFTWARE, Software
from lehr.simulators.training import Stage

DEFAULT_SEQUENCE = 4096
DEFAULT_BATCH = 2**22
"""Tokens of a step where no recipe says: about what 7B to 70B models were trained with [tokens]."""
FEW = 1000
"""Updates of a stage below which an assumed batch is said to be a large share of it."""


def software_of(stage: tuple[str, Stage] | None, layout: str | dict[str, Any]) -> Software:
    """What a stage's published layout ran under, or what is current."""
    hardware = stage[1].hardware if stage is not None else None
    name = hardware.software if hardware is not None and layout == "published" else None
    if name is None:
        return CURRENT
    if name not in SOFTWARE:
        said = nearest(name, SOFTWARE)
        raise LehrError(f"stages.{stage[0] if stage else ''}.hardware.software: {name!r} is not known; {said}")
    return SOFTWARE[name]


def precision_of(given: str | None, own: str | None, accelerator: Accelerator, notes: list[str]) -> str:
    """As asked, as of the stage, or the 16 bits that the accelerator has. Raises ``LehrError`` for 16 bits that it has
    not."""
    has = [p for p in ("bf16", "fp16") if p in accelerator.peak or p in accelerator.achieved]
    own = {"fp4": "nvfp4", "tf32": None, "fp32": None}.get(own, own) if own is not None else None
    precision = given or own or (has or ["bf16"])[0]
    if has and precision in ("bf16", "fp16") and precision not in has:
        raise LehrError(f"precision: {accelerator.name} has no {precision}; write precision={has[0]}")
    if given is None and own is None and precision == "fp16":
        notes.append(f"fp16, assumed: {accelerator.name} has no bf16")
    return precision


def count_of(cluster: Cluster | None, stage: Stage | None) -> int:
    """The devices of the cluster or of the stage's hardware."""
    if cluster is not None:
        return cluster.devices
    if stage is None or stage.hardware is None or stage.hardware.count is None:
        raise LehrError("devices: how many is not known; write devices=8, or a cluster")
    return stage.hardware.count


def length_of(given: int | None, stage: Stage | None, architecture: Architecture, notes: list[str]) -> int:
    """Tokens of a sequence: as asked, as of the stage, or assumed and noted."""
    seq_len = given if given is not None else (stage.sequence_length if stage is not None else None)
    if seq_len is None:
        seq_len = min(DEFAULT_SEQUENCE, architecture.context_length)
        notes.append(f"sequences of {seq_len:,} tokens, assumed")
    return seq_len


def batch_of(stage: Stage | None, seq_len: int, devices: int, notes: list[str]) -> int:
    """Sequences of a step: the stage's, or assumed and noted."""
    if stage is not None and stage.batch is not None:
        return int(stage.batch.sequences)
    batch = max(1, round(DEFAULT_BATCH / seq_len / devices)) * devices
    updates = stage.n_tokens / (batch * seq_len) if stage is not None and stage.n_tokens else None
    if updates is not None and updates < 2:
        raise LehrError(
            f"devices: a batch of {batch:,} sequences, assumed, leaves the stage {updates:.2g} updates; "
            "write fewer devices, or global_batch"
        )
    few = f": a large share of the stage, which has {updates:,.0f} updates of it" if updates and updates < FEW else ""
    notes.append(f"a batch of {batch:,} sequences, assumed{few}")
    return batch


def as_run(stage: Stage | None, accelerator: Accelerator, devices: int, seq_len: int, precision: str) -> bool:
    """Are these the devices, sequences and precision that the stage ran with, as far as they were published?"""
    hardware = stage.hardware if stage is not None else None
    return (
        stage is not None
        and hardware is not None
        and hardware.accelerator == accelerator.name
        and hardware.count in (None, devices)
        and hardware.precision in (None, precision)
        and stage.sequence_length in (None, seq_len)
    )
