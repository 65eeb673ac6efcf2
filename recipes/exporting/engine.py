"""The engine that writes a step's answers, beside what is trained: vLLM (Kwon et al., arXiv:2309.06180) on the same
devices, as rollouts are costed, not the trainer's own ``generate``, which writes each batch to its longest answer."""

from __future__ import annotations

from typing import NamedTuple

from lehr.recipes.exporting.stage import ExportStage, Said
from lehr.simulators.architecture import Architecture, Block
from lehr.simulators.counting import count_parameters

SHARE = 0.3
"""Of a device's memory that the engine takes: TRL's own ``vllm_gpu_memory_utilization`` [1]."""
BYTES = 2.0
"""Of a weight that the engine reads [byte]."""


class Engine(NamedTuple):
    """Devices that share a copy's weights, and the part of each one's memory that the engine takes [1]."""

    tensor: int
    share: float


def engine_of(stage: ExportStage, architecture: Architecture | None) -> Engine:
    """The fewest devices of a machine on which weights take half of the engine's memory at most, the other half being
    the answers'; where all of a machine are too few, it takes more of each, up to nine tenths.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> from lehr.recipes.exporting.stage import ExportStage, Saves
    >>> from lehr.simulators.objectives import PolicyGradient
    >>> from lehr.simulators.schedules import Curve
    >>> from lehr.simulators.training import Optimizer
    >>> stage = ExportStage(name="rl", number=1, kind="RL", objective=PolicyGradient(), n_steps=1, sequences=8,
    ...     sequence_length=1, curve=Curve(()), optimizer=Optimizer(kind="adamw"), precision="bf16", micro_batch=1,
    ...     accumulation=1, devices=8, nodes=1, devices_per_node=8, room=80e9, begins=None, ends="e", data="d", seed=1,
    ...     saves=Saves(every=1, why=""))
    >>> engine_of(stage, Catalogue().model("qwen2_5_7b").shape())       # 15 GB of weights, 12 GB of a device for them
    Engine(tensor=2, share=0.3)
    """
    if architecture is None or not stage.room:
        return Engine(1, SHARE)
    weights = BYTES * count_parameters(architecture).total
    fitting = [
        t
        for t in range(1, stage.devices_per_node + 1)
        if stage.devices_per_node % t == 0 and all(shares(block, t) for block in architecture.blocks.values())
    ]
    for tensor in fitting:
        if weights / tensor <= SHARE / 2 * stage.room:
            return Engine(tensor, SHARE)
    return Engine(fitting[-1], min(0.9, round(weights / fitting[-1] / stage.room + SHARE / 2, 2)))


def shares(block: Block, tensor: int) -> bool:
    """Whether so many devices share the heads and the columns of a block, each of its key-value heads on one of them or
    as often as on several.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> block = Catalogue().model("qwen2_5_7b").shape().blocks["decoder"]       # 28 heads, 4 of keys and values, 18,944
    >>> [tensor for tensor in range(1, 9) if shares(block, tensor)]
    [1, 2, 4]
    """
    mixer, channel = block.mixer, block.mlp
    heads = getattr(mixer, "n_heads", tensor)
    together = getattr(mixer, "n_kv_heads", tensor)
    wide = getattr(channel, "d_ff", None) or getattr(channel, "d_ff_expert", None) or tensor
    return heads % tensor == 0 and (together % tensor == 0 or tensor % together == 0) and wide % tensor == 0


def engine_said(engine: Engine, where: str) -> Said:
    """The line about it."""
    value = f"vLLM on the training's devices, {engine.tensor} to a copy, {engine.share:.0%} of their memory"
    return Said(what="engine of the answers", value=value, where=where, how="the export's choice; hours are of one")
