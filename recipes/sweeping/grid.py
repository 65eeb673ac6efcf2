"""A sweep over numbers of one recipe, all points at once.

Tokens, batch, peak rate, utilisation, price and devices enter a projection through closed formulae: the same that
``simulators/projection/`` applies to one job, applied to arrays. What needs each job's own schedule or its base
model's, the rate of the last step and the totals with the base, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lehr.recipes.projecting.job import ProjectedJob
from lehr.recipes.sweeping.axes import Slot
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.projection.project import StageProjection, parameters_of
from lehr.simulators.quantities import Amount, Floats
from lehr.simulators.schedules.batch import whole_steps
from lehr.simulators.training import PRETRAINING, Stage

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


INPUTS = re.compile(
    r"mfu|usd_per_hour|devices|recipe\.stages\.(?P<stage>\w+)\.(?P<field>tokens|steps|batch\.sequences|schedule\.peak)"
)

WHOLE = re.compile(r"devices|.*\.(batch\.sequences|steps)")

VARYING = frozenset({
    "tokens", "flops", "hours", "hours_low", "hours_high", "days", "cost", "cost_low", "cost_high", "loss", "loss_low",
    "loss_high", "tokens_per_parameter", "steps", "batch_tokens", "peak_rate", "final_rate", "warnings",
    "flops_with_base", "cost_with_base", "forecast", "forecast_low", "forecast_high",
})  # fmt: skip
"""Figures of a row that one job's value cannot stand for."""

MOST_INTERVALS = 20_000
"""Distinct (parameters, tokens) whose interval is computed; each takes a thousand evaluations of the law."""


def axes(slots: Sequence[Slot]) -> dict[str, Floats] | None:
    """The swept numbers by key, or ``None`` where something else varies or a value cannot stand in a recipe."""
    found: dict[str, Floats] = {}
    for slot in slots:
        if not slot.swept:
            continue
        numbers = slot.numbers()
        if numbers is None or not INPUTS.fullmatch(slot.key) or slot.key in found:
            return None
        values = np.array(numbers)
        whole = not WHOLE.fullmatch(slot.key) or bool(np.all(values == np.round(values)))
        if not (np.all(values > 0) and whole and (slot.key != "mfu" or np.all(values <= 1))):
            # the jobs that fail are to be named one by one
            return None
        found[slot.key] = values
    return found


def extreme(slot: Slot, shortest: bool) -> Override:
    """The value that leaves the fewest or the most steps for a schedule's phases: a job fails with one of the two if
    it fails with any. The lowest peak, nearest to the floor, goes with the fewest."""
    numbers = slot.numbers()
    found: Override = slot.options[0]
    if numbers is not None:
        smallest = shortest != slot.key.endswith(".sequences")
        found = slot.options[int(np.argmin(numbers) if smallest else np.argmax(numbers))]
    return found


def fits(job: ProjectedJob, swept: Mapping[str, Floats]) -> bool:
    """Do the formulae of this module hold for every swept key of this recipe?"""
    for key in swept:
        match = INPUTS.fullmatch(key)
        name = match["stage"] if match else None
        if match is None or name is None:
            continue
        stage = job.recipe.stages.get(name)
        if stage is None:
            return False
        stated = {
            "tokens": stage.tokens,
            "steps": stage.steps,
            "batch.sequences": stage.batch,
            "schedule.peak": stage.schedule,
        }
        if stated[match["field"]] is None:
            return False
        if match["field"] == "batch.sequences" and (stage.batch is None or stage.batch.ramp is not None):
            return False
        if match["field"] == "steps" and stage.tokens is not None:
            # the batch follows from steps and tokens
            return False
    return True


def columns(job: ProjectedJob, swept: Mapping[str, Floats]) -> dict[str, Any]:
    """The columns of a sweep's result over the product of ``swept``, the last axis fastest.

    Each is an array over all points, or one value that holds for all of them.
    """
    shape = tuple(len(v) for v in swept.values())
    spread = {
        key: v.reshape([-1 if i == at else 1 for i in range(len(shape))])
        for at, (key, v) in enumerate(swept.items())
    }  # fmt: skip
    law, projection = job.laws[0], job.projection
    stages = [_Stage(s, job.recipe.stages[s.name], spread) for s in projection.stages]
    known = [s for s in stages if s.flops is not None]
    found: dict[str, Any] = {
        **spread,
        "tokens": sum((s.tokens for s in known), np.float64(0.0)) if known else None,
        "flops": sum((s.flops for s in known), np.float64(0.0)) if known else None,
    }
    for name in ("hours", "cost"):
        amounts = [getattr(s, name) for s in known if getattr(s, name) is not None]
        for side in ("value", "low", "high"):
            column = name if side == "value" else f"{name}_{side}"
            ranged = any(a["low"] is not None for a in amounts)
            parts = [a["value"] if a[side] is None else a[side] for a in amounts]
            found[column] = sum(parts, np.float64(0.0)) if parts and (side == "value" or ranged) else None
    each: list[Any] = [s.days for s in known]
    found["days"] = None if not each or any(d is None for d in each) else sum(each, np.float64(0.0))
    if job.recipe.base is None:
        found |= {"flops_with_base": found["flops"], "cost_with_base": found["cost"]}
    trained = [at for at, s in enumerate(projection.stages) if law.name in s.loss]
    if trained:
        last = trained[-1]
        base = job.recipe.base.n_tokens if job.recipe.base else 0.0
        # as a projection adds them up: stage after stage
        seen: Any = np.float64(base or 0.0)
        for at in range(last + 1):
            if projection.stages[at].kind in PRETRAINING:
                seen = seen + stages[at].tokens
        found |= losses(law, job, seen)
        found["tokens_per_parameter"] = seen / projection.parameters.active["all"]
    first = stages[0]
    found |= {"steps": first.steps, "batch_tokens": first.batch_tokens, "peak_rate": first.peak_rate}
    return {name: _flat(value, shape) for name, value in found.items()}


def losses(law: ScalingLaw, job: ProjectedJob, tokens: Floats) -> dict[str, Any]:
    """Loss with its bounds, as ``project_loss`` gives them; no interval over more than ``MOST_INTERVALS`` points."""
    low_n, high_n = parameters_of(law, job.projection.parameters)
    if low_n != high_n:
        middle = law.loss((low_n * high_n) ** 0.5, tokens)
        return {"loss": middle, "loss_low": law.loss(high_n, tokens), "loss_high": law.loss(low_n, tokens)}
    found: dict[str, Any] = {"loss": law.loss(low_n, tokens)}
    if law.interval(low_n, float(np.ravel(tokens)[0])) is not None and tokens.size <= MOST_INTERVALS:
        found["loss_low"], found["loss_high"] = law.intervals(low_n, tokens)
    return found


class _Stage:
    """The figures of one stage as arrays that broadcast with the axes; ``None`` is unknown."""

    def __init__(self, projected: StageProjection, stage: Stage, swept: Mapping[str, Floats]) -> None:
        def of(field: str) -> Floats | None:
            return swept.get(f"recipe.stages.{projected.name}.{field}")

        stated, sequences, length = of("tokens"), of("batch.sequences"), stage.sequence_length
        steps: Any = of("steps")
        self.tokens: Any = stated if stated is not None else projected.tokens
        if stage.tokens is None and stage.batch is not None and length is not None and stage.steps is not None:
            steps = stage.n_steps if steps is None else steps
            self.tokens = np.asarray(stage.batch.clock(length).tokens_at(steps))
            if sequences is not None:
                self.tokens = np.asarray(steps * (sequences * length))
        self.flops: Any = None if self.tokens is None else projected.flops_per_token * np.asarray(self.tokens)
        self.hours: dict[str, Any] | None = None
        self.cost: dict[str, Any] | None = None
        self.days: Any = None
        self.steps: Any = projected.steps
        self.batch_tokens: Any = projected.batch_tokens
        if sequences is not None and length is not None:
            self.batch_tokens = sequences * length
            if steps is None:
                self.steps = whole_steps(np.asarray(self.tokens) / self.batch_tokens)
        if steps is not None:
            self.steps = np.asarray(steps)
        elif stated is not None and sequences is None and stage.batch is not None and length is not None:
            self.steps = whole_steps(stage.batch.clock(length).step_at(stated))
        peak = of("schedule.peak")
        self.peak_rate: Any = projected.peak_rate if peak is None else peak
        if projected.time is None:
            return
        time, mfu = projected.time, swept.get("mfu")
        at: Any = np.asarray(self.flops) / time.peak / 3600
        u = Amount(value=0.0, unit="1") if mfu is not None else time.mfu
        self.hours = {
            "value": at / (u.value if mfu is None else mfu),
            "low": None if u.high is None else at / u.high,
            "high": None if u.low is None else at / u.low,
        }
        price: Any = swept.get("usd_per_hour")
        if price is None and time.cost is not None:
            price = np.float64(time.cost.value / time.hours.value)
            if time.price is not None:
                price = np.float64(time.price.usd_per_hour)
        if price is not None:
            self.cost = {side: None if h is None else h * price for side, h in self.hours.items()}
        devices: Any = swept.get("devices", time.devices)
        if devices is not None:
            self.days = self.hours["value"] * (1 / devices / 24)


def _flat(value: Any, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(value, shape).ravel() if isinstance(value, np.ndarray) and value.ndim else value
