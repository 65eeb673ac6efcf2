"""Seconds of a step of reinforcement learning: generation with its tail, scoring, the update, and what moves between.

Synchronous steps add their parts up. Where some devices generate while the others train, a step takes the longer of the
two and what neither hides; answers that may be older than the weights take the tail out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import (
    FLOP_CONVENTIONS,
    count_parameters,
    forward_flops_per_token,
    training_flops_per_token,
)
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.constants import Prior
from lehr.simulators.machine.generation import WEIGHT_BYTES, Load, load_of, prompt_seconds, room, step_seconds
from lehr.simulators.machine.work import work_of
from lehr.simulators.rollouts import Lengths, Rollout
from lehr.simulators.sensitivity import Spread, spread_of

ROLLOUT_PRIORS: dict[str, Prior] = {
    "engine": Prior(0.45, 0.40, "speed of generation between updates, over that of a server alone [1]"),
    "update": Prior(0.60, 0.25, "an update's products, over the largest measured [1]"),
    "update_mixture": Prior(0.40, 0.40, "the same of a mixture of experts [1]"),
    "shared": Prior(0.67, 0.20, "the same where devices generate and train in turn, beside those that only train [1]"),
    "score": Prior(0.50, 0.30, "products of passes that only score, over the largest measured [1]"),
    "transfer": Prior(10e9, 0.7, "new weights on their way to the engines [byte/s]"),
    "switch": Prior(15e9, 0.6, "weights and states in and out of a device's memory, where it does both [byte/s]"),
    "software": Prior(1.0, 0.55, "a step of one system over that of another [1]"),
    "imbalance": Prior(1.15, 0.08, "the slowest engine over the mean [1]"),
    "once": Prior(5.0, 0.8, "what happens once a step [s]"),
}
"""What a step does beside generation: updates of answers of all lengths reach less than pre-training; weights move at
8.25 GB/s by NCCL among 32 H100, in 4.4 to 15.8 s of 60 GB and 23.7 to 58.6 s of 470 GB (verl,
verl/checkpoint_engine/README.md and docs/advance/fully_async.md)."""

SPEED_SPREAD = 0.28
"""Standard deviation of the logarithm of a generation speed that was not measured (benchmarks/generation.py)."""

STATE_BYTES = 18.0
"""Of a trained parameter: 16-bit weights and 32-bit gradients, master copy and two moments [byte]."""

LEAST_BYTES = 6.0
"""The same with master copy and moments in the host's memory [byte]."""

GROUPS = (1, 2, 4, 8, 16, 32, 64)
"""Devices of an engine that are tried."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Where the seconds of a step go [s]. ``waiting`` is what devices of a split run wait for the others; of such a run
    ``generation`` runs beside the rest."""

    generation: float
    prompts: float
    tail: float
    verifying: float
    scoring: float
    updating: float
    moving: float
    once: float


class Engine(NamedTuple):
    """An engine's load where answers begin and where the longest end, and how many engines there are."""

    start: Load
    end: Load
    middle: Load
    devices: int
    tensor: int
    engines: int


class RolloutStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step: its seconds with their 90 % interval and the assumptions that move them most, its parts, and how the
    devices share the work: ``engines`` of ``engine`` devices, ``tensor`` of which share a sequence. ``tokens`` are
    those that are written in a step; ``longest`` is the longest answer; ``host_bytes`` are a trainer's master copy and
    moments where its device has no memory for them: they lie in its host's [byte]."""

    seconds: Spread
    parts: Parts
    asynchronous: bool
    generators: int
    trainers: int
    engine: int
    at_once: float
    tokens: float
    longest: float
    tensor: int
    engines: int
    engine_bytes: float
    trainer_bytes: float
    host_bytes: float


class Plant(msgspec.Struct, frozen=True, kw_only=True):
    """What runs a step: a network, its rollout, answers to each prompt, and the devices; ``logs`` are the constants of
    generation. ``trained`` devices' speed is that of ``precision``."""

    architecture: Architecture
    rollout: Rollout
    samples: int
    device: Accelerator
    devices: int
    logs: tuple[float, ...]
    generator: Accelerator | None = None
    precision: str = "bf16"
    lengths_spread: float = 0.0
    """Standard deviation of the logarithm of the mean response, where it is assumed."""


def rollout_step(plant: Plant) -> RolloutStep:
    """Project a step.

    Raises ``ValueError`` where a device does not hold what it should, or the generators leave nobody to train.

    >>> from lehr.simulators.planning.ladder import dense
    >>> from lehr.simulators.rollouts import Lengths
    >>> from lehr.simulators.machine.generation import GENERATION_PRIORS
    >>> h100 = Accelerator(name="h100", title="H100", peak={"bf16": 989e12}, memory_bytes=80e9, bandwidth=3.35e12)
    >>> asked = Rollout(prompts=512, prompt=Lengths(mean=200), response=Lengths(mean=2000, cap=8192))
    >>> step = rollout_step(Plant(architecture=dense(4096, vocab_size=128256, context_length=8192), rollout=asked,
    ...     samples=16, device=h100, devices=64, logs=tuple(np.log([p.centre for p in GENERATION_PRIORS.values()]))))
    >>> step.generators, step.longest, step.seconds.low < step.seconds.value < step.seconds.high
    (64, 8192.0, True)
    """
    split = plant.rollout.generators
    if split is not None and split >= plant.devices:
        raise ValueError(f"generators: {split} of {plant.devices} devices leave none to train; write fewer")
    trainers = plant.devices - split if split is not None else plant.devices
    generators = split if split is not None else plant.devices
    _fits_training(plant, trainers)
    engines = [engine for n in GROUPS if (engine := _engine(plant, n, generators)) is not None]
    if not engines:
        fewer = [p for p, each in WEIGHT_BYTES.items() if each < WEIGHT_BYTES[plant.rollout.precision]]
        raise ValueError(
            f"no engine of up to {min(GROUPS[-1], generators)} {(plant.generator or plant.device).name} holds the "
            f"weights and one answer; write shorter answers, more {'devices' if split is None else 'generators'}"
            + (f", or engine_precision={fewer[0]} (of a recipe rollout: {{precision: {fewer[0]}}})" if fewer else "")
        )
    one = dict.fromkeys([*ROLLOUT_PRIORS, "generation", "response"], 1.0)
    # of engines that are as fast the smaller
    engine = min(engines, key=lambda e: round(_seconds(plant, e, generators, trainers, one)[0], 1) + 0.01 * e.devices)
    spreads = {name: prior.spread for name, prior in ROLLOUT_PRIORS.items() if name != _unused(plant)}
    spreads |= {"generation": SPEED_SPREAD}
    if plant.lengths_spread:
        spreads["response"] = plant.lengths_spread
    found = spread_of(lambda x: _seconds(plant, engine, generators, trainers, {**one, **x})[0], spreads)
    _, parts, running = _seconds(plant, engine, generators, trainers, one)
    answers = _prompts(plant) * plant.samples
    held, size = engine.middle, count_parameters(plant.architecture).total
    beside = STATE_BYTES * size / trainers > (plant.device.memory_bytes or float("inf"))
    return RolloutStep(
        seconds=found,
        parts=parts,
        asynchronous=split is not None,
        generators=generators,
        trainers=trainers,
        engine=engine.devices,
        at_once=running * engine.engines,
        tokens=answers * plant.rollout.response.known,
        longest=plant.rollout.response.longest(answers),
        engine_bytes=float(held.dense_bytes + held.routed_bytes + running * held.held),
        tensor=engine.tensor,
        engines=engine.engines,
        trainer_bytes=(LEAST_BYTES if beside else STATE_BYTES) * size / trainers,
        host_bytes=(STATE_BYTES - LEAST_BYTES) * size / trainers if beside else 0.0,
    )


def _prompts(plant: Plant) -> int:
    if plant.rollout.prompts is None:
        raise ValueError("prompts: is not known; write how many a step has")
    return plant.rollout.prompts


def _unused(plant: Plant) -> str:
    return "update" if count_parameters(plant.architecture).sparse else "update_mixture"


def _fits_training(plant: Plant, trainers: int) -> None:
    states = LEAST_BYTES * count_parameters(plant.architecture).total / trainers
    if plant.device.memory_bytes is not None and states > plant.device.memory_bytes:
        raise ValueError(
            f"{trainers} {plant.device.name} that train do not hold weights and gradients of "
            f"{states / 1e9:.0f} GB each; write more devices"
        )


def _engine(plant: Plant, devices: int, generators: int) -> Engine | None:
    """An engine of ``devices``; ``None`` where it does not hold weights and one answer."""
    if devices > generators:
        return None
    rollout, device = plant.rollout, plant.generator or plant.device
    answers = _prompts(plant) * plant.samples
    longest = rollout.response.longest(answers)
    tensor = _tensor(plant.architecture, devices, device)
    if devices > tensor and not count_parameters(plant.architecture).sparse:
        # tensor groups of a dense network share nothing: each is an engine
        return None
    cached = 2.0 if rollout.precision == "bf16" else 1.0

    def at(prompt: float, output: float) -> Load:
        return load_of(
            plant.architecture, device, devices=devices, tensor=tensor, precision=rollout.precision,
            cache_bytes=cached, prompt=prompt, output=output,
        )  # fmt: skip

    first = rollout.prompt.known
    middle, end = at(first, rollout.response.known), at(first + longest, 1.0)
    if float(room(middle)) < 1:
        return None
    return Engine(at(first, 1.0), end, middle, devices, tensor, generators // devices)


def _tensor(architecture: Architecture, devices: int, device: Accelerator) -> int:
    """The largest tensor group of an engine: it divides the devices and the query heads, divides the key-value heads or
    is a multiple of them, and lies within a link's domain, of eight at most (vLLM, ``ModelConfig``) [devices]."""
    work = work_of(architecture, architecture.context_length)
    most = min(devices, device.link.domain if device.link else 1, 8)
    return max(
        n
        for n in range(1, most + 1)
        if devices % n == work.heads % n == 0 and (work.kv_heads % n == 0 or n % work.kv_heads == 0)
    )


def _seconds(
    plant: Plant, engine: Engine, generators: int, trainers: int, factor: Mapping[str, float]
) -> tuple[float, Parts, float]:
    """Seconds of a step, its parts, and how many answers an engine writes at once, with every assumption times its
    ``factor``."""
    of = {name: prior.centre * factor[name] for name, prior in ROLLOUT_PRIORS.items()}
    rollout = plant.rollout
    response = rollout.response.scaled(factor["response"]) if factor["response"] != 1 else rollout.response
    answers = float(_prompts(plant) * plant.samples)
    logs = np.array(plant.logs)
    each = answers / engine.engines
    ahead = 1 + rollout.behind
    held = float(room(engine.middle))
    running = max(1.0, min(each * (ahead if plant.rollout.generators else 1), held))
    bulk, tail = _writing(engine, each, running, response, logs, of_all=answers)
    if plant.rollout.generators and (rollout.partial or rollout.behind > 1):
        # the next answers fill the places of those that ended
        b = min(running, held)
        bulk, tail = each * response.known * float(step_seconds(engine.middle, b, logs)) / b, 0.0
    prompts = _prompts(plant) / engine.engines * float(prompt_seconds(engine.middle, logs))
    slower = of["imbalance"] / factor["generation"] / of["engine"]
    tail = tail / factor["generation"] / of["engine"]
    bulk, prompts = bulk * slower, prompts * slower
    generation = bulk + tail + prompts
    verifier = rollout.verifier
    # sandboxes run beside generation: what is left are the last answers'
    verifying = 0.0
    if verifier is not None:
        verifying = max(verifier.seconds, answers * verifier.seconds / verifier.cpus - generation)
    scoring, updating = _training(plant, response, answers, trainers, of)
    weights = count_parameters(plant.architecture).total * WEIGHT_BYTES[rollout.precision]
    if plant.rollout.generators:
        moving = weights / of["transfer"]
        training = scoring + updating
        total = max(generation + verifying, training) + moving + of["once"]
    else:
        states = STATE_BYTES * count_parameters(plant.architecture).total / trainers
        moving = (2 * states + weights / engine.devices) / of["switch"]
        total = generation + verifying + scoring + updating + moving + of["once"]
    bulk, tail, prompts, verifying, scoring, updating, moving, once, total = (
        part * of["software"] for part in (bulk, tail, prompts, verifying, scoring, updating, moving, of["once"], total)
    )
    parts = Parts(
        generation=bulk, prompts=prompts, tail=tail, verifying=verifying, scoring=scoring, updating=updating,
        moving=moving, once=once,
    )  # fmt: skip
    return total, parts, running


def _writing(
    engine: Engine, each: float, running: float, response: Lengths, logs: np.ndarray, *, of_all: float
) -> tuple[float, float]:
    """Seconds in which an engine writes ``each`` answers, ``running`` at once: as long as places are filled again, or
    half of them write; and from there until the last one ends."""
    lengths = np.array(response.quantiles())
    longest = response.longest(of_all)
    filled = max(each - running, 0.0) * response.known
    seconds = filled * float(step_seconds(engine.middle, running, logs)) / running
    ends = np.concatenate([[0.0], lengths, [longest]])
    active = np.concatenate([running * (1 - np.arange(len(lengths)) / len(lengths)), [1.0]])
    active = np.maximum(active, 1.0)
    middle = (ends[1:] + ends[:-1]) / 2
    share = np.clip(middle / max(longest, 1.0), 0.0, 1.0)
    at = engine.start._replace(
        cache=engine.start.cache + share * (engine.end.cache - engine.start.cache),
        mixing=engine.start.mixing + share * (engine.end.mixing - engine.start.mixing),
    )
    spent = np.diff(ends) * step_seconds(at, active, logs)
    # half of the answers that run together have ended: the rest is the tail
    late = active < running / 2
    return seconds + float(spent[~late].sum()), float(spent[late].sum())


def _training(
    plant: Plant, response: Lengths, answers: float, trainers: int, of: Mapping[str, float]
) -> tuple[float, float]:
    """Seconds of the passes that score and of the updates [s]."""
    rollout, count = plant.rollout, count_parameters(plant.architecture)
    lengths = np.array(response.quantiles()) + rollout.prompt.known
    tokens = answers * float(lengths.mean())
    # attention's work grows with the square: its length is that of the token's own answer
    typical = max(1, round(float((lengths**2).sum() / lengths.sum())))
    causal = FLOP_CONVENTIONS["causal"]
    forward = forward_flops_per_token(plant.architecture, typical, causal)
    backward = training_flops_per_token(plant.architecture, typical, causal)
    rate = plant.device.matrix_rate(plant.precision) * trainers
    # engines that run apart hand over the probabilities under which they wrote
    passes = (not rollout.generators) + rollout.reference + rollout.critic
    ranks = max(1.0, trainers / _rank_devices(plant, trainers))
    uneven = _uneven(lengths, answers / rollout.updates / ranks, ranks)
    scored = passes * forward * tokens + 2.0 * (rollout.reward_parameters or 0.0) * tokens
    updates = rollout.epochs * (1 + rollout.critic) * backward * tokens
    share = of["update_mixture" if count.sparse else "update"] / uneven
    if not rollout.generators:
        share *= of["shared"]
    return scored / (rate * of["score"]), updates / (rate * share)


def _uneven(lengths: np.ndarray, each: float, ranks: float) -> float:
    """Tokens of the rank that has most of a mini-batch over their mean, ``each`` answers a rank: the largest of normal
    sums, about sqrt(2 ln ranks) standard deviations above the mean [1]."""
    variation = float(lengths.std() / lengths.mean())
    return float(1 + variation / np.sqrt(max(each, 1.0)) * np.sqrt(2 * np.log(max(ranks, 1.0))) * max(1.0, 1 / each))


def _rank_devices(plant: Plant, trainers: int) -> int:
    """Devices that share one copy of the network: as few as hold weights and gradients in half of their memory [1]."""
    memory = plant.device.memory_bytes or float("inf")
    devices = 1
    while devices < trainers and 6.0 * count_parameters(plant.architecture).total / devices > memory / 2:
        devices *= 2
    return min(devices, trainers)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One division of the devices: seconds of a step, of generation and of training."""

    generators: int
    seconds: float
    generating: float
    training: float


def splits(plant: Plant, most: int = 24) -> list[Share]:
    """How the step answers to more generators among the same devices; the least seconds are the best split."""
    found = []
    step = max(1, plant.devices // most)
    for generators in range(step, plant.devices, step):
        changed = msgspec.structs.replace(plant.rollout, generators=generators)
        try:
            one = rollout_step(msgspec.structs.replace(plant, rollout=changed))
        except ValueError:
            # too few devices for one of the two sides
            continue
        parts = one.parts
        found.append(
            Share(
                generators=generators,
                seconds=one.seconds.value,
                generating=parts.generation + parts.prompts + parts.tail + parts.verifying,
                training=parts.scoring + parts.updating,
            )
        )
    return found
