"""Many runs at once: a stage's work, hours, days and cost as arrays, by the formulae of a single projection."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from lehr.simulators.projection.cost import days_of, hours_of
from lehr.simulators.projection.project import StageProjection
from lehr.simulators.projection.stage_time import AS_PRINTED, as_runs_print
from lehr.simulators.quantities import Amounts, Floats
from lehr.simulators.schedules.batch import whole_steps
from lehr.simulators.training import Stage


class Inputs(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What varies of a stage, arrays that broadcast with one another; ``None`` stays as it is projected.

    ``sequences`` is the batch [sequences], ``mfu`` the utilisation [1], ``usd_per_hour`` the price [USD/h].
    """

    tokens: Floats | None = None
    steps: Floats | None = None
    sequences: Floats | None = None
    peak_rate: Floats | None = None
    mfu: Floats | None = None
    usd_per_hour: Floats | None = None
    devices: Floats | None = None


class StageGrid(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The figures of one stage that vary with its inputs: arrays, or one number for all points; ``None`` is unknown."""

    tokens: Any
    steps: Any
    batch_tokens: Any
    peak_rate: Any
    flops: Any
    hours: Amounts | None
    cost: Amounts | None
    days: Any


def vary(projected: StageProjection, stage: Stage, inputs: Inputs) -> StageGrid:
    """The figures of ``stage``, which is ``projected`` as it stands, with ``inputs`` in place of its own.

    The schedule is not looked at: that every point leaves its phases enough steps is the caller's to check.

    >>> from lehr.simulators.machine.accelerator import Accelerator
    >>> from lehr.simulators.planning.ladder import dense
    >>> from lehr.simulators.counting import count_parameters
    >>> from lehr.simulators.projection.project import Assumptions, project_stage
    >>> from lehr.simulators.objectives import NextToken
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> h800 = Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12})
    >>> stage = Stage(kind="PT", objective=NextToken(), tokens=15e12, sequence_length=8192)
    >>> one = project_stage("pt", stage, llama3_8b, count_parameters(llama3_8b), tokens_before=0.0, laws=[],
    ...     accelerators={"h800": h800}, assumptions=Assumptions(fallback="h800", mfu=0.4))
    >>> vary(one, stage, Inputs(tokens=np.array([1e12, 2e12]))).hours.value.round().tolist()
    [36127.0, 72255.0]
    """
    length, batch = stage.tokens_each, stage.batch
    sequences, steps = inputs.sequences, inputs.steps
    tokens: Any = projected.tokens if inputs.tokens is None else inputs.tokens
    if stage.tokens is None and batch is not None and length is not None and stage.steps is not None:
        steps = np.asarray(stage.n_steps, dtype=float) if steps is None else steps
        tokens = np.asarray(batch.clock(length).tokens_at(steps) if sequences is None else steps * (sequences * length))
    batch_tokens: Any = projected.batch_tokens
    updates: Any = projected.steps
    if sequences is not None and length is not None:
        batch_tokens = sequences * length
        if steps is None:
            updates = whole_steps(np.asarray(tokens) / batch_tokens)
    if steps is not None:
        updates = np.asarray(steps)
    elif inputs.tokens is not None and sequences is None and batch is not None and length is not None:
        updates = whole_steps(batch.clock(length).step_at(inputs.tokens))
    flops = None if tokens is None else projected.flops_per_token * np.asarray(tokens)
    hours, cost, days = _time(projected, flops, inputs)
    # without a length there is no curve, and no peak of it
    peak_rate = projected.peak_rate if projected.peak_rate is None or inputs.peak_rate is None else inputs.peak_rate
    return StageGrid(
        tokens=tokens,
        steps=updates,
        batch_tokens=batch_tokens,
        peak_rate=peak_rate,
        flops=flops,
        hours=hours,
        cost=cost,
        days=days,
    )


def _time(projected: StageProjection, flops: Any, inputs: Inputs) -> tuple[Amounts | None, Amounts | None, Any]:
    """Hours, cost and days of ``flops``."""
    time = projected.time
    if time is None:
        return None, None, None
    mfu = time.mfu if inputs.mfu is None else Amounts(value=inputs.mfu, unit="1")
    hours = hours_of(np.asarray(flops), time.peak, mfu)
    if time.basis in AS_PRINTED and inputs.mfu is None:
        hours = as_runs_print(hours, np.minimum, np.maximum)
    price: Any = inputs.usd_per_hour
    if price is None and time.cost is not None:
        price = time.price.usd_per_hour if time.price is not None else time.cost.value / time.hours.value
    cost = None if price is None else hours.scaled(price, "USD")
    devices: Any = time.devices if inputs.devices is None else inputs.devices
    return hours, cost, None if devices is None else days_of(hours, devices).value


def rates(stage: Stage, inputs: Inputs) -> tuple[Floats, Floats]:
    """The highest and the last learning rate of ``stage`` with ``inputs`` in place of its own, each by its own curve;
    NaN where it has none. Both have the shape of what of ``inputs`` a curve reads.

    Raises ``ValueError`` where the phases of a schedule do not fit.

    >>> from lehr.simulators.objectives import NextToken
    >>> from lehr.simulators.schedules import Cosine
    >>> stage = Stage(kind="PT", objective=NextToken(), steps=1000, schedule=Cosine(peak=3e-4, floor_ratio=0.1))
    >>> [one.tolist() for one in rates(stage, Inputs(peak_rate=np.array([1e-4, 2e-4])))]
    [[0.0001, 0.0002], [1e-05, 2e-05]]
    """
    read = {"tokens": inputs.tokens, "steps": inputs.steps, "sequences": inputs.sequences, "peak": inputs.peak_rate}
    given = {name: value for name, value in read.items() if value is not None}
    spread = np.broadcast_arrays(*given.values())
    found = np.full((2, spread[0].size), np.nan)
    for at, values in enumerate(zip(*(each.ravel().tolist() for each in spread), strict=True)):
        curve = _with(stage, dict(zip(given, values, strict=True))).curve()
        if curve is not None:
            found[:, at] = curve.peak, curve.final
    peaks, finals = found.reshape(2, *spread[0].shape)
    return peaks, finals


def _with(stage: Stage, values: dict[str, float]) -> Stage:
    """``stage`` with single ``values`` of ``Inputs``."""
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if name == "tokens":
            changed["tokens"] = value
        elif name == "steps":
            changed["steps"] = round(value)
        elif name == "sequences" and stage.batch is not None:
            changed["batch"] = msgspec.structs.replace(stage.batch, sequences=round(value))
        elif name == "peak" and stage.schedule is not None:
            changed["schedule"] = msgspec.structs.replace(stage.schedule, peak=value)
    return msgspec.structs.replace(stage, **changed)


def total(amounts: list[Amounts]) -> Amounts | None:
    """The sum, or ``None`` of nothing.

    >>> total([Amounts(value=np.array([1.0]), unit="h"), Amounts(value=np.array([2.0, 3.0]), unit="h")]).value.tolist()
    [3.0, 4.0]
    """
    found: Amounts | None = None
    for amount in amounts:
        found = amount if found is None else found + amount
    return found
