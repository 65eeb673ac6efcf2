"""A sweep over numbers of one recipe, all points at once.

Tokens, batch, peak rate, utilisation and price enter a projection through closed formulae, which
``simulators/projection/grid.py`` applies to arrays. Whether devices hold a batch, and how fast their fastest layout is,
is no formula: a job is projected for each of their values, and the formulae do the rest. A row is the one that its job
alone would have, its warnings too (tests/recipes/test_sweeps_at_once.py); two things are bounded: of more than
``MOST_INTERVALS`` numbers of tokens the interval of the loss is interpolated, to some 2e-6 of it, and of more than
``MOST_CURVES`` schedules of the first stage the last rate is left out, which is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lehr.recipes.errors import LehrError
from lehr.recipes.projecting.job import ProjectedJob
from lehr.recipes.sweeping.axes import Slot
from lehr.recipes.sweeping.ranges import read, warnings_over
from lehr.simulators.counting import ParameterCount
from lehr.simulators.laws import DataConstrained, ScalingLaw
from lehr.simulators.projection.grid import Inputs, rates, total, vary
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

SEEN = "tokens seen at the loss"
"""A column that is no figure of a row."""

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
MOST_INTERVALS = 4_000
"""Distinct (parameters, tokens) whose interval is computed; each takes thousands of evaluations of the law."""
MOST_CURVES = 100_000
"""Distinct lengths, batches and peaks of the first stage whose curve is resolved; each takes some 0.1 ms."""


def within(slot: Slot) -> list[bool]:
    """Of each value of a slot whether a recipe takes it; those of other keys than ``LIMITS`` are not looked at."""
    numbers = slot.numbers() if slot.swept and slot.key in LIMITS else None
    if numbers is None:
        return [True] * max(len(slot.options), 1)
    least, most = LIMITS[slot.key]
    return [least <= number <= most for number in numbers]


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
    packed = any(s.adapter is not None and s.adapter.kind == "qlora" for s in job.recipe.stages.values())
    if repeated or packed or (rolled and "devices" in swept):
        # a law of repeats, weights in four bits, and rollouts, have no closed formula here
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
        here = {key: values[at[key] : at[key] + 1] if key in at else values for key, values in swept.items()}
        where = rows[tuple(slice(at[key], at[key] + 1) if key in at else slice(None) for key in swept)].ravel()
        own = columns(job, here, not too_many_curves(job, swept))
        if not at:
            return with_loss(job, own)
        for name, value in own.items():
            text = isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype == object)
            missing: Any = "" if text else np.nan
            whole = found.setdefault(name, np.full(rows.size, missing, object if missing == "" else float))
            whole[where] = missing if value is None else value
    return with_loss(job, found)


def with_loss(job: ProjectedJob, found: dict[str, Any]) -> dict[str, Any]:
    """The columns with the loss, by the law's interval of all their tokens at once."""
    seen = found.pop(SEEN, None)
    if seen is None:
        return found
    # few tokens stand in many rows
    distinct, at = np.unique(seen, return_inverse=True)
    at = at.reshape(np.shape(seen))
    last = read(job)[-1]
    loss = loss_over(job.laws[0], job.projection.parameters, distinct, last.flops_per_token)
    return found | {
        name: v[at] if isinstance(v, np.ndarray) and v.ndim else v for name, v in _sides("loss", loss).items()
    }


def columns(job: ProjectedJob, swept: Mapping[str, Floats], rated: bool = True) -> dict[str, Any]:
    """The columns of a sweep's result over the product of ``swept``, the last axis fastest; the last rate only where
    ``rated`` asks for it.

    Each is an array over all points, or one value that holds for all of them.
    """
    shape = tuple(len(v) for v in swept.values())
    spread = {
        key: v.reshape([-1 if i == at else 1 for i in range(len(shape))])
        for at, (key, v) in enumerate(swept.items())
    }  # fmt: skip
    projection = job.projection
    stages = [vary(s, job.recipe.stages[s.name], _inputs(s.name, spread)) for s in projection.stages]
    known = [s for s, one in zip(stages, projection.stages, strict=True) if one.name not in projection.totals.unknown]
    found: dict[str, Any] = {
        **spread,
        "tokens": sum((s.tokens for s in known), np.float64(0.0)) if known else None,
        "flops": sum((s.flops for s in known), np.float64(0.0)) if known else None,
        **_sides("hours", total([s.hours for s in known if s.hours is not None])),
        **_sides("cost", total([s.cost for s in known if s.cost is not None])),
    }
    each: list[Any] = [s.days for s in stages if s.flops is not None]
    found["days"] = None if not each or any(d is None for d in each) else sum(each, np.float64(0.0))
    if projection.totals.unfit:
        # what the devices do not hold has no time
        found |= {**_sides("hours", None), **_sides("cost", None), "days": None}
    found |= _with_base(job, found, spread)
    # as a projection adds them up: stage after stage
    cumulative: list[Any] = [np.asarray(projection.tokens_before or 0.0)]
    for one, stage in zip(projection.stages, stages, strict=True):
        further = one.kind in PRETRAINING and stage.tokens is not None
        cumulative.append(cumulative[-1] + stage.tokens if further else cumulative[-1])
    trained = read(job)
    seen = [cumulative[projection.stages.index(s) + 1] for s in trained]
    if trained:
        found[SEEN] = seen[-1]
        found["tokens_per_parameter"] = seen[-1] / projection.parameters.active["all"]
    first = stages[0]
    found |= {"steps": first.steps, "batch_tokens": first.batch_tokens, "peak_rate": first.peak_rate}
    found |= _rates(job, spread) if rated else {"final_rate": None}
    found["warnings"] = warnings_over(job, seen)
    del stages, known, first, cumulative
    for name in found:
        # one after the other, so that only one stands there twice
        found[name] = _flat(found[name], shape)
    return found


def _with_base(job: ProjectedJob, own: Mapping[str, Any], swept: Mapping[str, Floats]) -> dict[str, Any]:
    """Work and cost with the base model's history, whose hours turn with the same utilisation and price."""
    history, base = job.projection.totals_with_base, job.projection.totals_of_base
    if history is None or base is None:
        same = job.recipe.base is None
        return {f"{name}_with_base": own[name] if same else None for name in ("flops", "cost")}
    cost: Any = own["cost"]
    if history.unfit:
        cost = None
    elif base.cost is not None:
        before: Any = base.cost.value
        if (price := swept.get("usd_per_hour")) is not None:
            before = before * (price / price.flat[0])
        if (mfu := swept.get("mfu")) is not None:
            before = before * (mfu.flat[0] / mfu)
        cost = before if cost is None else before + cost
    return {"flops_with_base": base.flops + (0.0 if own["flops"] is None else own["flops"]), "cost_with_base": cost}


def loss_over(law: ScalingLaw, count: ParameterCount, tokens: Floats, flops_per_token: float) -> Amounts:
    """The loss after ``tokens`` (points,), its interval interpolated where they are more than ``MOST_INTERVALS``."""
    if tokens.size <= MOST_INTERVALS:
        return loss_along(law, count, tokens, flops_per_token=flops_per_token)
    whole = loss_along(law, count, tokens, flops_per_token=flops_per_token, interval=False)
    few = np.geomspace(tokens.min(), tokens.max(), MOST_INTERVALS)
    near = loss_along(law, count, few, flops_per_token=flops_per_token)
    if whole.low is not None or near.low is None or near.high is None:
        return whole
    low, high = (
        whole.value * np.interp(np.log(tokens), np.log(few), side / near.value) for side in (near.low, near.high)
    )
    return Amounts(value=whole.value, low=low, high=high, unit=whole.unit)


def too_many_curves(job: ProjectedJob, swept: Mapping[str, Floats]) -> bool:
    """Has the first stage more schedules in all than are resolved?"""
    own = f"recipe.stages.{job.projection.stages[0].name}."
    return prod(len(v) for key, v in swept.items() if key.startswith(own)) > MOST_CURVES


def _rates(job: ProjectedJob, swept: Mapping[str, Floats]) -> dict[str, Any]:
    """The rates of the first stage, by the curve of each of its schedules."""
    first = job.projection.stages[0]
    inputs = _inputs(first.name, swept)
    own = (inputs.tokens, inputs.steps, inputs.sequences, inputs.peak_rate)
    if first.final_rate is None or all(one is None for one in own):
        return {"final_rate": first.final_rate}
    try:
        peaks, finals = rates(job.recipe.stages[first.name], inputs)
    except ValueError as error:
        raise LehrError(str(error)) from error
    return {"peak_rate": peaks, "final_rate": finals}


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
