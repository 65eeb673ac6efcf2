"""Seconds of a step of reinforcement learning: generation with its tail, scoring, the update, and what moves between.

Synchronous steps add their parts up, on the same devices or on devices apart. Where answers may be older than the
weights, a step takes the longer of generation and training and what neither hides, and the tail goes out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
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
from lehr.simulators.machine.engine import GROUPS, Engine, engines_of, writing
from lehr.simulators.machine.generation import WEIGHT_BYTES
from lehr.simulators.rollouts import Lengths, Rollout
from lehr.simulators.sensitivity import Spread, spread_of

ROLLOUT_PRIORS: dict[str, Prior] = {
    "engine": Prior(0.75, 0.30, "speed of generation between updates, over that of a server alone [1]"),
    "host": Prior(1e-4, 0.7, "what a layer of a dense network takes between updates, beside a server's [s]"),
    "host_mixture": Prior(2e-4, 0.7, "the same of a layer of a mixture [s]"),
    "eager": Prior(7e-4, 0.4, "the same where batches wait for their longest, as transformers' generate [s]"),
    "update": Prior(0.60, 0.25, "an update's products, over the largest measured [1]"),
    "update_mixture": Prior(0.40, 0.40, "the same of a mixture of experts [1]"),
    "shared": Prior(0.58, 0.12, "the same where devices generate and train in turn, beside those that only train [1]"),
    "score": Prior(0.50, 0.30, "products of passes that only score, over the largest measured [1]"),
    "transfer": Prior(25e9, 0.7, "new weights on their way to the engines [byte/s]"),
    "switch": Prior(15e9, 0.6, "states in and out of a device's memory, where it does both [byte/s]"),
    "imbalance": Prior(1.15, 0.08, "the slowest engine over the mean [1]"),
    "once": Prior(5.0, 0.8, "what happens once a step [s]"),
}
"""What was believed of each constant before any step was fitted.

Updates of answers of all lengths reach less than pre-training. Weights were measured on their way at 8 GB/s (NCCL
among 32 H100), 4 to 20 GB/s (verl, 60 and 470 GB, docs/advance/fully_async.md) and 60 GB/s (checkpoint-engine,
README.md). An update of the same answers took 1.7 to 2.0 times as many device-seconds where the devices generate too
(verl, four pairs). Transformers' generate writes a token of a 7B network in some 25 to 40 ms whatever the batch."""

ROLLOUT_NAMES = tuple(ROLLOUT_PRIORS)

SPEED_SPREAD = 0.28
"""Standard deviation of the logarithm of a generation speed that was not measured (benchmarks/generation.py)."""

SOFTWARE = 0.20
"""Standard deviation of the logarithm of a step of one system over that of another, beside their constants'."""

STATE_BYTES = 18.0
"""Of a trained parameter: 16-bit weights and 32-bit gradients, master copy and two moments [byte]."""

LEAST_BYTES = 6.0
"""The same with master copy and moments in the host's memory [byte]."""


class RolloutFit(NamedTuple):
    """Logarithms of the constants of a step, in the order of ``ROLLOUT_NAMES``, and their standard deviations."""

    logs: tuple[float, ...]
    spreads: tuple[float, ...]


class RolloutConstants(NamedTuple):
    """Logarithms of the constants of generation, and the constants of a step."""

    logs: tuple[float, ...]
    fit: RolloutFit


PRIOR_ROLLOUT_FIT = RolloutFit(
    tuple(float(np.log(p.centre)) for p in ROLLOUT_PRIORS.values()), tuple(p.spread for p in ROLLOUT_PRIORS.values())
)
"""What is believed without any measurement."""


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
    fit: RolloutFit = PRIOR_ROLLOUT_FIT
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
    work = arranged(plant)
    of = dict(zip(ROLLOUT_NAMES, plant.fit.spreads, strict=True)) | {"generation": SPEED_SPREAD, "software": SOFTWARE}
    spreads = {name: spread for name, spread in of.items() if name not in _unused(plant)}
    if plant.lengths_spread:
        spreads["response"] = plant.lengths_spread
    one = dict.fromkeys([*of, "response"], 1.0)
    found = spread_of(lambda x: seconds_of(plant, work, plant.fit.logs, {**one, **x})[0], spreads)
    _, parts, running = seconds_of(plant, work, plant.fit.logs)
    engine, trainers = work.engine, work.trainers
    answers = _prompts(plant) * plant.samples
    held, size = engine.middle, count_parameters(plant.architecture).total
    beside = STATE_BYTES * size / trainers > (plant.device.memory_bytes or float("inf"))
    return RolloutStep(
        seconds=found,
        parts=parts,
        asynchronous=_beside(plant.rollout),
        generators=work.generators,
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


class Arranged(NamedTuple):
    """How a plant's devices share a step."""

    engine: Engine
    generators: int
    trainers: int


def arranged(plant: Plant) -> Arranged:
    """The devices of a step, with the engine that makes it least; of engines that are as fast the smaller. Raises
    ``ValueError`` where a device does not hold what it should, or the generators leave nobody to train."""
    split, rollout = plant.rollout.generators, plant.rollout
    if split is not None and split >= plant.devices:
        raise ValueError(f"generators: {split} of {plant.devices} devices leave none to train; write fewer")
    trainers = plant.devices - split if split is not None else plant.devices
    generators = split if split is not None else plant.devices
    _fits_training(plant, trainers)
    device = plant.generator or plant.device
    answers = float(_prompts(plant) * plant.samples)
    engines = engines_of(plant.architecture, rollout, device, answers=answers, generators=generators)
    if not engines:
        fewer = [p for p, each in WEIGHT_BYTES.items() if each < WEIGHT_BYTES[rollout.precision]]
        size = f"up to {min(GROUPS[-1], generators)}" if rollout.tensor is None else f"{rollout.tensor}"
        raise ValueError(
            f"no engine of {size} {device.name} holds the "
            f"weights and one answer; write shorter answers, more {'devices' if split is None else 'generators'}"
            + (f", or engine_precision={fewer[0]} (of a recipe rollout: {{precision: {fewer[0]}}})" if fewer else "")
        )
    if len(engines) == 1:
        return Arranged(engines[0], generators, trainers)

    def rank(engine: Engine) -> float:
        seconds = seconds_of(plant, Arranged(engine, generators, trainers), plant.fit.logs)[0]
        return round(seconds, 1) + 0.01 * engine.devices

    return Arranged(min(engines, key=rank), generators, trainers)


def _beside(rollout: Rollout) -> bool:
    """Whether some devices write while the others learn from what was written before."""
    return rollout.generators is not None and (rollout.behind > 0 or rollout.partial)


def _prompts(plant: Plant) -> int:
    if plant.rollout.prompts is None:
        raise ValueError("prompts: is not known; write how many a step has")
    return plant.rollout.prompts


def _unused(plant: Plant) -> set[str]:
    """Constants that say nothing of this step."""
    sparse, batches = count_parameters(plant.architecture).sparse, plant.rollout.batch is not None
    hosts = {"host", "host_mixture", "eager"} - {
        "eager" if batches or plant.rollout.eager else "host_mixture" if sparse else "host"
    }
    return (
        hosts
        | {"update" if sparse else "update_mixture"}
        | ({"shared", "switch"} if plant.rollout.generators else set())
    )


def _fits_training(plant: Plant, trainers: int) -> None:
    states = LEAST_BYTES * count_parameters(plant.architecture).total / trainers
    if plant.device.memory_bytes is not None and states > plant.device.memory_bytes:
        raise ValueError(
            f"{trainers} {plant.device.name} that train do not hold weights and gradients of "
            f"{states / 1e9:.0f} GB each; write more devices"
        )


def seconds_of(
    plant: Plant, work: Arranged, logs: Sequence[float], factor: Mapping[str, float] | None = None
) -> tuple[float, Parts, float]:
    """Seconds of a step, its parts, and how many answers an engine writes at once; ``logs`` are the constants'
    logarithms, and every assumption is taken times its ``factor``."""
    factor = factor or {}
    of = {name: exp(log) * factor.get(name, 1.0) for name, log in zip(ROLLOUT_NAMES, logs, strict=True)}
    of["generation"] = factor.get("generation", 1.0)
    rollout, response = plant.rollout, plant.rollout.response
    if factor.get("response", 1.0) != 1:
        response = response.scaled(factor["response"])
    answers = float(_prompts(plant) * plant.samples)
    written = writing(work.engine, rollout, response, answers, logs=np.array(plant.logs), of=of)
    bulk, prompts, tail = written.bulk * of["imbalance"], written.prompts * of["imbalance"], written.tail
    generation = bulk + tail + prompts
    verifier = rollout.verifier
    # sandboxes run beside generation: what is left are the last answers'
    verifying = 0.0
    if verifier is not None:
        verifying = max(verifier.seconds, answers * verifier.seconds / verifier.cpus - generation)
    scoring, updating = _training(plant, response, answers, work.trainers, of)
    # every engine receives the whole network, layer after layer
    moving = count_parameters(plant.architecture).total * WEIGHT_BYTES[rollout.precision] / of["transfer"]
    if rollout.generators is None:
        moving += 2 * STATE_BYTES * count_parameters(plant.architecture).total / work.trainers / of["switch"]
    training = scoring + updating
    together = max(generation + verifying, training) if _beside(rollout) else generation + verifying + training
    share = factor.get("software", 1.0)
    parts = Parts(
        generation=bulk * share, prompts=prompts * share, tail=tail * share, verifying=verifying * share,
        scoring=scoring * share, updating=updating * share, moving=moving * share, once=of["once"] * share,
    )  # fmt: skip
    return (together + moving + of["once"]) * share, parts, written.running


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
    # engines that run apart may hand over the probabilities under which they wrote
    again = rollout.generators is None if rollout.recomputed is None else rollout.recomputed
    passes = again + rollout.reference + rollout.critic
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
