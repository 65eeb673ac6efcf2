"""Engines that write the answers of a rollout: what they hold, how many there are, and how long they write."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

import numpy as np

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import count_parameters
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.generation import Load, load_of, prompt_seconds, room, step_seconds
from lehr.simulators.machine.work import work_of
from lehr.simulators.rollouts import Lengths, Rollout

GROUPS = (1, 2, 4, 8, 16, 32, 64)
"""Devices of an engine that are tried."""


class Engine(NamedTuple):
    """An engine's load where answers begin and where the longest end, and how many engines there are."""

    start: Load
    end: Load
    middle: Load
    devices: int
    tensor: int
    engines: int
    sparse: bool


class Writing(NamedTuple):
    """Seconds in which an engine writes its answers: in ``bulk`` its places are filled again or half of its answers
    write, in ``tail`` fewer do, and ``prompts`` are read beside [s]; ``running`` answers write at once."""

    bulk: float
    tail: float
    prompts: float
    running: float


def engines_of(
    architecture: Architecture, rollout: Rollout, device: Accelerator, *, answers: float, generators: int
) -> list[Engine]:
    """Every engine of ``generators`` devices that holds the weights and one of ``answers``: of ``rollout.tensor``
    devices where that is given, and of the sizes that are usual where not; batches that wait for their longest are
    written by the smallest, as each device has the whole network then. Raises ``ValueError`` for devices that do not
    divide the heads."""
    if rollout.tensor is not None:
        _divides(architecture, rollout.tensor, generators)
    sizes = GROUPS if rollout.tensor is None else (rollout.tensor,)
    found = (_engine(architecture, rollout, device, devices=n, answers=answers, generators=generators) for n in sizes)
    engines = [engine for engine in found if engine is not None]
    return engines[:1] if rollout.batch else engines


def _divides(architecture: Architecture, tensor: int, generators: int) -> None:
    heads = work_of(architecture, architecture.context_length).heads
    if tensor > generators or not _shares(architecture, tensor):
        fits = max(n for n in range(1, min(tensor, generators) + 1) if _shares(architecture, n))
        why = f"are more than the {generators} that generate" if tensor > generators else f"do not divide {heads} heads"
        raise ValueError(f"tensor: {tensor} devices {why}; write {fits}")


def _engine(
    architecture: Architecture, rollout: Rollout, device: Accelerator, *, devices: int, answers: float, generators: int
) -> Engine | None:
    if devices > generators:
        return None
    longest, sparse = rollout.response.longest(answers), count_parameters(architecture).sparse
    tensor = rollout.tensor or tensor_of(architecture, devices, device)
    if devices > tensor and not sparse:
        # tensor groups of a dense network share nothing: each is an engine
        return None
    cached = 2.0 if rollout.precision == "bf16" else 1.0

    def at(prompt: float, output: float) -> Load:
        return load_of(
            architecture, device, devices=devices, tensor=tensor, precision=rollout.precision,
            cache_bytes=cached, prompt=prompt, output=output,
        )  # fmt: skip

    first = rollout.prompt.known
    middle, end = at(first, rollout.response.known), at(first + longest, 1.0)
    if float(room(middle)) < 1:
        return None
    return Engine(at(first, 1.0), end, middle, devices, tensor, generators // devices, sparse)


def tensor_of(architecture: Architecture, devices: int, device: Accelerator) -> int:
    """The largest tensor group of an engine: it divides the devices and the query heads, divides the key-value heads or
    is a multiple of them, and lies within a link's domain, of eight at most (vLLM, ``ModelConfig``) [devices]."""
    most = min(devices, device.link.domain if device.link else 1, 8)
    return max(n for n in range(1, most + 1) if devices % n == 0 and _shares(architecture, n))


def _shares(architecture: Architecture, devices: int) -> bool:
    """Whether so many devices can share an answer."""
    work = work_of(architecture, architecture.context_length)
    return work.heads % devices == 0 and (work.kv_heads % devices == 0 or devices % work.kv_heads == 0)


def writing(
    engine: Engine, rollout: Rollout, response: Lengths, answers: float, *, logs: np.ndarray, of: Mapping[str, float]
) -> Writing:
    """How long one of the engines writes its share of ``answers``; ``logs`` are the constants of generation, ``of``
    those of a step of reinforcement learning. A batch of ``rollout.batch`` answers a device lasts until its longest
    ends; without one the next answer fills a place that ends."""
    each = answers / engine.engines
    samples = answers / (rollout.prompts or 1)
    prompts = each / samples * float(prompt_seconds(engine.middle, logs)) / of["engine"]
    host = of["eager" if rollout.batch or rollout.eager else "host_mixture" if engine.sparse else "host"]

    def step(load: Load, sequences: np.ndarray | float) -> np.ndarray:
        seconds = step_seconds(load, sequences, logs) / of["engine"] / of["generation"]
        return np.asarray(seconds + load.layers * host)

    if rollout.batch:
        together = min(each, float(rollout.batch * engine.devices))
        bulk = ceil(each / together) * response.longest(together) * float(step(engine.middle, together))
        return Writing(bulk, 0.0, prompts, together)
    held = min(float(room(engine.middle)), float(rollout.at_once or np.inf))
    flowing = rollout.generators is not None
    ahead = 1 + rollout.behind if flowing else 1
    running = max(1.0, min(each * ahead, held))
    if flowing and (rollout.partial or rollout.behind > 1):
        # the next answers fill the places of those that ended
        b = min(running, held)
        return Writing(each * response.known * float(step(engine.middle, b)) / b, 0.0, prompts, running)
    longest = response.longest(answers)
    filled = max(each - running, 0.0) * response.known
    seconds = filled * float(step(engine.middle, running)) / running
    lengths = np.array(response.quantiles())
    ends = np.concatenate([[0.0], lengths, [longest]])
    active = np.concatenate([running * (1 - np.arange(len(lengths)) / len(lengths)), [1.0]])
    active = np.maximum(active, 1.0)
    middle = (ends[1:] + ends[:-1]) / 2
    share = np.clip(middle / max(longest, 1.0), 0.0, 1.0)
    at = engine.start._replace(
        cache=engine.start.cache + share * (engine.end.cache - engine.start.cache),
        mixing=engine.start.mixing + share * (engine.end.mixing - engine.start.mixing),
    )
    spent = np.diff(ends) * step(at, active)
    # half of the answers that run together have ended: the rest is the tail
    late = active < running / 2
    return Writing(seconds + float(spent[~late].sum()), float(spent[late].sum()), prompts, running)
