"""How fast an engine writes: tokens a second and device, with the interval that holds 90 %."""

from __future__ import annotations

from math import exp

from lehr.recipes.generating.tables import generation_fit
from lehr.simulators.architecture import Architecture
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.generation import load_of, room
from lehr.simulators.machine.generation_fit import LEVEL, told
from lehr.simulators.quantities import Amount
from lehr.simulators.rollouts import ServingPrecision


def speed_of(
    architecture: Architecture,
    device: Accelerator,
    *,
    devices: int = 1,
    tensor: int | None = None,
    precision: ServingPrecision = "bf16",
    cache: ServingPrecision = "bf16",
    prompt: float,
    response: float,
    concurrency: float | None = None,
    prefills: bool = True,
) -> Amount:
    """Tokens that an engine of ``devices`` writes a second and device [token/s]: ``tensor`` of them share a sequence,
    all of a domain at most; ``concurrency`` sequences at once, or as many as fit. Without ``prefills`` other devices
    read the prompts.

    Raises ``ValueError`` where the weights and one sequence do not fit.
    """
    domain = device.link.domain if device.link else 1
    load = load_of(
        architecture,
        device,
        devices=devices,
        tensor=min(devices, domain) if tensor is None else tensor,
        precision=precision,
        cache_bytes=2.0 if cache == "bf16" else 1.0,
        prompt=prompt,
        output=response,
        asked=float("inf") if concurrency is None else concurrency,
        prefills=prefills,
    )
    if float(load.dense_bytes + load.routed_bytes) > float(device.memory_bytes or 0.0):
        raise ValueError(
            f"{devices} {device.name} do not hold the weights in {precision}; write more devices or another precision"
        )
    if concurrency is None and float(room(load)) < 1:
        raise ValueError(f"{devices} {device.name} hold the weights and no sequence; write more devices")
    found = told(load, generation_fit())
    low, value, high = (exp(float(found.logs[0] + sign * LEVEL * found.spread[0])) for sign in (-1.0, 0.0, 1.0))
    return Amount(value=value, low=low, high=high, unit="token/s")
