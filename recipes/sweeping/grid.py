"""A sweep over numbers of one recipe, all points at once.

Tokens, batch, peak rate, utilisation and price enter a projection through closed formulae, which
``simulators/projection/grid.py`` applies to arrays. Whether devices hold a batch, and how fast their fastest layout is,
is no formula: a job is projected for each of their values, and the formulae do the rest. What needs each job's own
schedule or its base model's, the rate of the last step and the totals with the base, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lehr.recipes.projecting.job import ProjectedJob
from lehr.recipes.sweeping.axes import Slot
from lehr.simulators.laws import DataConstrained
from lehr.simulators.projection.grid import Inputs, total, vary
from lehr.simulators.projection.loss import loss_along
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

PLACED = re.compile(r"devices|recipe\.stages\.\w+\.batch\.sequences")
"""Keys that say which layouts there are."""
ROWS_A_PLACE, MOST_PLACES = 10, 5_000
"""Fewer rows for each value of those, and more values, are as well computed one by one."""
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


Place = tuple[int | None, ...]
"""Of each slot the number of its value, ``None`` of a slot that says nothing of which layouts there are."""


def places(slots: Sequence[Slot]) -> list[Place]:
    """All combinations of the values that say which layouts there are."""
    placed = [slot.swept and PLACED.fullmatch(slot.key) is not None for slot in slots]
    each: list[Sequence[int | None]] = [
        range(len(s.options)) if p else (None,) for s, p in zip(slots, placed, strict=True)
    ]
    return list(product(*each))


def job_at(slots: Sequence[Slot], place: Place) -> list[Override]:
    """The overrides of a job at ``place``, with the first value of all else."""
    return [slot.options[i or 0] for slot, i in zip(slots, place, strict=True)]


def over_places(
    slots: Sequence[Slot], swept: Mapping[str, Floats], jobs: Iterable[tuple[Place, ProjectedJob]]
) -> dict[str, Any] | None:
    """The columns of a sweep's result over the product of ``swept``, the last axis fastest, with a job of each place;
    ``None`` where the formulae do not hold for one."""
    shape = tuple(map(len, swept.values()))
    rows = np.arange(prod(shape)).reshape(shape)
    found: dict[str, Any] = {}
    for place, job in jobs:
        if not fits(job, swept):
            return None
        at = {slot.key: i for slot, i in zip(slots, place, strict=True) if i is not None}
        if not at:
            return columns(job, swept)
        here = {key: values[at[key] : at[key] + 1] if key in at else values for key, values in swept.items()}
        where = rows[tuple(slice(at[key], at[key] + 1) if key in at else slice(None) for key in swept)].ravel()
        for name, value in columns(job, here).items():
            missing: Any = "" if isinstance(value, str) else np.nan
            whole = found.setdefault(name, np.full(rows.size, missing, object if missing == "" else float))
            whole[where] = missing if value is None else value
    return found


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
    if projection.totals.unfit:
        # what the devices do not hold has no time
        found |= {**_sides("hours", None), **_sides("cost", None), "days": None}
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
    found["warnings"] = "; ".join(f"{s.name} {s.unfit}" for s in projection.stages if s.unfit is not None)
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
