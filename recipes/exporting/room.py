"""Whether a device holds what it trains: by the memory model, as transformers' Trainer holds a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from lehr.recipes.exporting.gaps import divergence
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Machine
from lehr.simulators.adapters import Adapters, adapters_of
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import count_parameters
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.layout import Layout, as_arrays
from lehr.simulators.machine.memory import NVIDIA_SMI, OPTIMIZER_BYTES, TRANSFORMERS, Terms, memory_of
from lehr.simulators.machine.work import work_of
from lehr.simulators.objectives import PolicyGradient, Preference
from lehr.simulators.training import Stage

FROZEN = 2.0
"""Bytes of a weight that is only read."""
STATES = 2 + 2 + OPTIMIZER_BYTES["fp32"]
"""Bytes of a trained parameter: its weight, its gradient, and what its optimiser holds."""
SHARED = STATES + 2
"""The same where DeepSpeed shares them out, which adds gradients up in 32 bits."""


def shard(architecture: Architecture, stage: Stage, machine: Machine) -> float:
    """A device's part of the weights, gradients and moments of a sharded stage, and of a reference's weights [byte],
    without the layers that it gathers."""
    size = count_parameters(architecture).total
    each = FROZEN if stage.adapter is not None else SHARED + FROZEN * copies(stage)
    return size * each / machine.devices


def held_passing(architecture: Architecture, stage: Stage, machine: Machine) -> float:
    """What a device holds of activations and logits [byte], of a micro-batch whose layers are computed again."""
    assert stage.batch is not None
    assert stage.sequence_length is not None
    layout = Layout(
        dp=machine.devices, micro_batch=(machine.micro_batch or 1) * stage.sequences_each,
        global_batch=stage.batch.sequences * stage.sequences_each, recompute="full",
    )  # fmt: skip
    found = memory_of(work_of(architecture, stage.sequence_length), as_arrays([layout]), TRANSFORMERS)
    return float(found.activations[0] + found.logits[0])


def divided(architecture: Architecture, stage: Stage, machine: Machine, layout: Layout) -> float:
    """Memory of the fullest device under a layout, as Megatron Core holds a network and `lehr layout` counts [byte]."""
    assert stage.sequence_length is not None
    assert stage.batch is not None
    whole = msgspec.structs.replace(
        layout, dp=max(1, machine.devices // layout.model_parallel), global_batch=stage.batch.sequences
    )
    work = work_of(architecture, stage.sequence_length)
    return float(memory_of(work, as_arrays([whole]), NVIDIA_SMI).total[0])


def copies(stage: Stage) -> int:
    """Frozen networks beside the one that is trained; beside an adapter its own frozen weights are the reference."""
    objective = stage.objective
    learns = isinstance(objective, PolicyGradient) and bool(divergence(objective))
    return int((isinstance(objective, Preference) or learns) and stage.adapter is None)


def held(
    architecture: Architecture,
    stage: Stage,
    machine: Machine,
    zero: Literal[0, 1, 2, 3] = 0,
    reference: float = FROZEN,
) -> float:
    """Memory of a device that holds all of a stage [byte], but for what this stage of ZeRO shares out: weights,
    gradients and moments at 16 bytes a trained parameter, a frozen reference at its bytes a weight, and the
    activations of a micro-batch whose layers are computed again.

    Raises ``RefusedError`` for an adapter beside matrices that the network has not.
    """
    assert stage.batch is not None
    assert stage.sequence_length is not None
    layout = Layout(
        dp=machine.devices, zero=zero, micro_batch=(machine.micro_batch or 1) * stage.sequences_each,
        global_batch=stage.batch.sequences * stage.sequences_each, recompute="full",
    )  # fmt: skip
    adapter = stage.adapter
    adapters: Adapters | None = None
    if adapter is not None:
        try:
            adapters = adapters_of(architecture, adapter.matrices)
        except ValueError as error:
            raise RefusedError(f"has an adapter: {error}") from error
    terms = Terms(
        adapters=adapters, quantized=adapter is not None and adapter.kind == "qlora",
        copies=round(copies(stage) * reference / FROZEN),
    )  # fmt: skip
    work = work_of(architecture, stage.sequence_length)
    return float(memory_of(work, as_arrays([layout]), TRANSFORMERS, terms).total[0])


class Room(NamedTuple):
    """Memory of a device [byte]: of the stage's own where its ``name`` is known, else the least of any."""

    name: str | None
    size: float


def room_of(stage: Stage, accelerators: Mapping[str, Accelerator]) -> Room:
    """The memory that a stage's device has at least.

    >>> from lehr.simulators.objectives import Supervised
    >>> room_of(Stage(kind="SFT", objective=Supervised()), {})
    Room(name=None, size=0.0)
    """
    device = accelerators.get(stage.hardware.accelerator) if stage.hardware else None
    if device is not None and device.memory_bytes is not None:
        return Room(device.name, device.memory_bytes)
    return Room(None, min((a.memory_bytes for a in accelerators.values() if a.memory_bytes), default=0.0))
