"""How long a stage of reinforcement learning takes: its steps, each with what it writes, scores and learns from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import count_parameters
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.rollout import STATE_BYTES, Plant, RolloutConstants, RolloutStep, rollout_step
from lehr.simulators.objectives import PolicyGradient
from lehr.simulators.projection.cost import days_of, implied_mfu
from lehr.simulators.projection.stage_time import Assumptions, Time, hourly_rate
from lehr.simulators.quantities import Amount, number
from lehr.simulators.rollouts import Rollout, completed, within
from lehr.simulators.training import Stage

LEAST_DEVICES = 8
"""Devices of a stage of which no number is known, where the network fits on them [1]."""


class StageRollout(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of reinforcement learning: accelerator-hours and days with their 90 % interval, one step, how many of
    them, and what of all that was assumed."""

    hours: Amount
    days: Amount
    cost: Amount | None
    accelerator: str
    devices: int
    steps: float
    tokens: float
    """Of all prompts and answers [tokens]."""
    step: RolloutStep
    assumed: list[str]


def rollouts_of(stage: Stage, rollout: Rollout, samples: int = 1) -> float | None:
    """Times that answers are written and learnt from: updates over those of a rollout, passes over the prompts, or the
    stage's tokens over those of a rollout of so many ``samples`` a prompt; ``None`` where none is known.

    >>> stage = Stage(kind="RL", objective=PolicyGradient(), examples=6400, epochs=2)
    >>> rollouts_of(stage, Rollout(prompts=128))
    100.0
    >>> from lehr.simulators.rollouts import Lengths
    >>> asked = Rollout(prompts=128, prompt=Lengths(mean=100), response=Lengths(mean=900))
    >>> rollouts_of(Stage(kind="RL", objective=PolicyGradient(), tokens=1.024e9), asked, samples=8)
    1000.0
    """
    if stage.steps is not None:
        return (number(stage.steps) or 0.0) / (rollout.updates * rollout.epochs)
    tokens = number(stage.tokens)
    if tokens is not None and rollout.prompts is not None:
        return tokens / (rollout.prompts * samples * (rollout.prompt.known + rollout.response.known))
    examples = number(stage.examples)
    if examples is None or rollout.prompts is None:
        return None
    return examples * (number(stage.epochs) or 1.0) / rollout.prompts


def lengths_known(stage: Stage) -> bool:
    """Does the stage say how long its answers are on average? Prompts are read at once: an assumed mean of theirs moves
    next to nothing.

    >>> from lehr.simulators.rollouts import Lengths
    >>> told = Rollout(prompts=64, response=Lengths(mean=1500, cap=6144))
    >>> lengths_known(Stage(kind="RL", objective=PolicyGradient(rollout=told))), lengths_known(
    ...     Stage(kind="RL", objective=PolicyGradient()))
    (True, False)
    """
    rollout = getattr(stage.objective, "rollout", None)
    return rollout is not None and rollout.response.mean is not None


def project_rollout(
    stage: Stage,
    architecture: Architecture,
    *,
    accelerators: Mapping[str, Accelerator],
    assumptions: Assumptions,
    constants: RolloutConstants,
) -> StageRollout | None:
    """Hours of a stage of policy gradients; ``constants`` are those of generation and its steps. ``None`` where how
    long it is was not published, and for networks that do not write token after token.

    Raises ``ValueError`` where the devices that are stated do not hold what they should, and for answers longer than
    the context.
    """
    objective = stage.objective
    if not isinstance(objective, PolicyGradient) or not architecture.causal or architecture.encoder is not None:
        return None
    answers = stage.batch.sequences if stage.batch else None
    # prompt and answer are one sequence of the stage
    context = int(number(stage.sequence_length) or architecture.context_length)
    done = completed(objective.rollout, objective.group_size, answers, objective.method, context=context)
    done = msgspec.structs.replace(done, rollout=within(done.rollout, context))
    steps = rollouts_of(stage, done.rollout, done.samples)
    if steps is None:
        return None
    assumed = list(done.assumed)
    if stage.steps is None and stage.tokens is None and stage.epochs is None:
        assumed.append("one pass over the prompts")
    replaced = assumptions.accelerator is not None
    published = None if replaced else stage.hardware
    name = published.accelerator if published else assumptions.accelerator or assumptions.fallback
    device = accelerators[name]
    devices = assumptions.devices or (published.count if published else None)
    if published is None and not replaced:
        assumed.append(f"on {device.title}")
    if devices is None:
        devices = _enough(architecture, device)
        assumed.append(f"{devices} devices")
    step = rollout_step(
        Plant(
            architecture=architecture,
            rollout=done.rollout,
            samples=done.samples,
            device=device,
            devices=devices,
            logs=constants.logs,
            fit=constants.fit,
            lengths_spread=done.spread,
        )
    )
    each, rate = steps * devices / 3600, hourly_rate(device, assumptions)
    seconds = step.seconds
    hours = Amount(value=seconds.value * each, low=seconds.low * each, high=seconds.high * each, unit="h")
    return StageRollout(
        hours=hours,
        days=days_of(hours, devices),
        cost=hours.scaled(rate, "USD") if rate else None,
        accelerator=name,
        devices=devices,
        steps=steps,
        tokens=steps * done.tokens,
        step=step,
        assumed=assumed,
    )


def as_rolled(time: Time, flops: float, rollout: StageRollout, padded: float | None) -> tuple[Time, list[str]]:
    """The time of a stage of ``flops`` of work [FLOP] by its rollouts, and what is to be said of it. Writing token
    after token does not reach the utilisation of training, so that hours of the work alone are too few. Where only the
    most of its tokens is known, ``padded`` [tokens], the interval holds the hours of that work too.
    """
    hours, cost, said = rollout.hours, rollout.cost, list[str]()
    if rollout.assumed:
        said.append(f"hours by its rollouts, with {', '.join(rollout.assumed)}")
    if padded is not None:
        said = [
            f"hours by its rollouts{', with ' * bool(rollout.assumed)}{', '.join(rollout.assumed)}; the interval holds "
            f"{time.hours.value:,.3g} h too, of a forward pass for every answer, each as long as it may be"
        ]
        flops, hours = flops * rollout.tokens / padded, _holding(hours, time.hours)
        cost = None if cost is None or time.cost is None else _holding(cost, time.cost)
    assert hours.low is not None
    assert hours.high is not None
    mfu = Amount(
        value=implied_mfu(flops, time.peak, hours.value), unit="1",
        low=implied_mfu(flops, time.peak, hours.high), high=implied_mfu(flops, time.peak, hours.low),
    )  # fmt: skip
    days = None if time.devices is None else days_of(hours, time.devices)
    return msgspec.structs.replace(time, basis="rollouts", mfu=mfu, hours=hours, days=days, cost=cost), said


def _holding(own: Amount, other: Amount) -> Amount:
    """An amount whose interval holds another one and its interval."""
    ends = [end for a in (own, other) for end in (a.low, a.value, a.high) if end is not None]
    return Amount(value=own.value, low=min(ends), high=max(ends), unit=own.unit)


def _enough(architecture: Architecture, device: Accelerator) -> int:
    """The least power of two, eight or more, of devices that hold all states in half of their memory [1]."""
    states, devices = STATE_BYTES * count_parameters(architecture).total, LEAST_DEVICES
    while states / devices > (device.memory_bytes or 80e9) / 2:
        devices *= 2
    return devices
