"""A sweep over numbers of one recipe, all points at once.

Tokens, batch, peak rate, utilisation, price and devices enter a projection through closed formulae, which
``simulators/projection/grid.py`` applies to arrays. What needs each job's own schedule or its base
model's, the rate of the last step and the totals with the base, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lehr.recipes.projecting.job import ProjectedJob
from lehr.recipes.sweeping.axes import Slot
from lehr.simulators.laws import DataConstrained
from lehr.simulators.projection.grid import Inputs, total, vary
from lehr.simulators.projection.loss import loss_along
from lehr.simulators.projection.stage_time import AS_PRINTED
from lehr.simulators.projection.stage_work import repeats_of
from lehr.simulators.quantities import Amounts, Floats
from lehr.simulators.training import PRETRAINING

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


INPUTS = re.compile(
    r"mfu|usd_per_hour|devices|recipe\.stages\.(?P<stage>\w+)\.(?P<field>tokens|steps|batch\.sequences|schedule\.peak)"
)

FIELDS = {"tokens": "tokens", "steps": "steps", "batch.sequences": "sequences", "schedule.peak": "peak_rate"}
"""What a key of a stage is among the inputs of the formulae."""

LIMITS = {"mfu": (1e-6, 1.0), "devices": (1.0, 1e7), "usd_per_hour": (1e-6, 1e6)}
"""Those of ``Utilisation``, ``Devices`` and ``HourlyPrice`` (lehr.simulators.quantities)."""

WHOLE = re.compile(r"devices|.*\.(batch\.sequences|steps)")

VARYING = frozenset({
    "tokens", "flops", "hours", "hours_low", "hours_high", "days", "cost", "cost_low", "cost_high", "loss", "loss_low",
    "loss_high", "tokens_per_parameter", "steps", "batch_tokens", "peak_rate", "final_rate", "warnings",
    "flops_with_base", "cost_with_base", "forecast", "forecast_low", "forecast_high",
})  # fmt: skip
"""Figures of a row that one job's value cannot stand for."""

MOST_LAID_OUT = 200
"""Jobs whose fastest layouts are sought one by one; of more, all rows have the utilisation of the first."""
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
        least, most = LIMITS.get(slot.key, (0.0, np.inf))
        if not (np.all(values > 0) and whole and np.all((values >= least) & (values <= most))):
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
    repeated = isinstance(job.laws[0], DataConstrained) and any(map(repeats_of, job.recipe.stages.values()))
    rolled = {s.name for s in job.projection.stages if s.rollout is not None}
    if repeated or (rolled and "devices" in swept):
        # a law of repeats, and rollouts, have no closed formula here
        return False
    if _lays_out(job, swept) and prod(len(values) for values in swept.values()) <= MOST_LAID_OUT:
        return False
    for key in swept:
        match = INPUTS.fullmatch(key)
        name = match["stage"] if match else None
        if match is None or name is None:
            continue
        stage = job.recipe.stages.get(name)
        if stage is None or name in rolled:
            return False
        stated = {
            "tokens": stage.tokens,
            "steps": stage.steps,
            "batch.sequences": stage.batch,
            "schedule.peak": stage.schedule,
        }
        plain = stage.batch is not None and stage.batch.ramp is None and (stage.tokens or stage.steps)
        if stated[match["field"]] is None or (match["field"] == "batch.sequences" and not plain):
            return False
        if match["field"] == "steps" and stage.tokens is not None:
            # the batch follows from steps and tokens
            return False
    return True


def _lays_out(job: ProjectedJob, swept: Mapping[str, Floats]) -> bool:
    """Whether another number of devices, or batch, has another fastest layout, which hours rest on."""
    if "mfu" in swept or not ("devices" in swept or any(key.endswith("batch.sequences") for key in swept)):
        return False
    return any(s.time is not None and s.time.basis in AS_PRINTED and s.time.fastest for s in job.projection.stages)


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
    stages = [vary(s, job.recipe.stages[s.name], _inputs(s.name, spread)) for s in projection.stages]
    known = [s for s in stages if s.flops is not None]
    found: dict[str, Any] = {
        **spread,
        "tokens": sum((s.tokens for s in known), np.float64(0.0)) if known else None,
        "flops": sum((s.flops for s in known), np.float64(0.0)) if known else None,
        **_sides("hours", total([s.hours for s in known if s.hours is not None])),
        **_sides("cost", total([s.cost for s in known if s.cost is not None])),
    }
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
        loss = loss_along(
            law,
            projection.parameters,
            np.asarray(seen),
            flops_per_token=projection.stages[last].flops_per_token,
            interval=seen.size <= MOST_INTERVALS,
        )
        found |= _sides("loss", loss)
        found["tokens_per_parameter"] = seen / projection.parameters.active["all"]
    first = stages[0]
    found |= {"steps": first.steps, "batch_tokens": first.batch_tokens, "peak_rate": first.peak_rate}
    if _lays_out(job, swept):
        found["warnings"] = "hours of every row at the fastest layout of the first; mfu= sets another"
    del stages, known, first
    for name in found:
        # one after the other, so that only one stands there twice
        found[name] = _flat(found[name], shape)
    return found


def _inputs(stage: str, swept: Mapping[str, Floats]) -> Inputs:
    """What of ``swept`` concerns one stage."""
    own = {field: swept.get(f"recipe.stages.{stage}.{key}") for key, field in FIELDS.items()}
    return Inputs(**own, **{name: swept.get(name) for name in ("mfu", "usd_per_hour", "devices")})


def _sides(name: str, amount: Amounts | None) -> dict[str, Any]:
    """The columns of an amount and its bounds."""
    if amount is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: amount.value, f"{name}_low": amount.low, f"{name}_high": amount.high}


def _flat(value: Any, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(value, shape).ravel() if isinstance(value, np.ndarray) and value.ndim else value
