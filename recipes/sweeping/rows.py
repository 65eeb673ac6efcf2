"""One job of a sweep as a row: its inputs, and the figures of its projection."""

from __future__ import annotations

from typing import Any

from lehr.recipes.projecting.job import ProjectedJob
from lehr.recipes.sweeping.ranges import warnings
from lehr.simulators.projection.forecast import Forecast
from lehr.simulators.projection.project import days_of
from lehr.simulators.quantities import Amount

UNITS: dict[str, str] = {
    "parameters": "parameters, total",
    "parameters_active": "parameters of one token, both tables included",
    "tokens": "tokens, known stages",
    "flops": "training FLOP, known stages",
    "hours": "accelerator-hours, known stages",
    "hours_low": "h",
    "hours_high": "h",
    "rollout_hours": "accelerator-hours of reinforcement learning by its rollouts, in no other figure",
    "rollout_hours_low": "h",
    "rollout_hours_high": "h",
    "days": "days, where every known stage says how many devices",
    "cost": "USD, known stages",
    "cost_low": "USD",
    "cost_high": "USD",
    "flops_with_base": "training FLOP, the base model's history included, where its recipe is known",
    "cost_with_base": "USD, the base model's history included",
    "loss": "after the last pre-training stage; loss_unit says in what",
    "loss_low": "loss_unit",
    "loss_high": "loss_unit",
    "forecast": "loss at the end by the schedule too, where forecast=true asks for it; loss_unit says in what",
    "forecast_low": "loss_unit",
    "forecast_high": "loss_unit",
    "tokens_per_parameter": "tokens of pre-training, a base model's included, per active parameter",
    "steps": "updates of the first stage",
    "batch_tokens": "tokens a batch, first stage",
    "peak_rate": "of the first stage",
    "final_rate": "of the first stage",
}
"""The figures of a row, in order, and what each is."""

NAMES = ("model", "recipe", "law", "loss_unit")
NOTES = ("bound", "hours_bound", "unknown_stages", "warnings", "status", "reason")


def row(job: ProjectedJob, course: Forecast | None = None) -> dict[str, Any]:
    """The figures of one projection, and the end of its forecast; ``None`` where what they need is not published."""
    projection, law = job.projection, job.laws[0]
    totals, stages = projection.totals, projection.stages
    history = projection.totals_with_base if job.recipe.base else totals
    trained = [s for s in stages if law.name in s.loss]
    last = trained[-1] if trained else None
    first = stages[0] if stages else None
    loss = last.loss[law.name] if last else None
    active = projection.parameters.active["all"]
    seen = last.cumulative_tokens if last else None
    return {
        "model": job.model.name,
        "recipe": job.recipe.name,
        "law": law.name,
        "loss_unit": law.loss_unit,
        "parameters": projection.parameters.total,
        "parameters_active": active,
        "tokens": totals.tokens or None,
        "flops": totals.flops or None,
        **_bounds("hours", totals.hours),
        **_bounds("rollout_hours", projection.rollout_hours),
        "days": days_of(stages),
        **_bounds("cost", totals.cost),
        "flops_with_base": history.flops or None if history else None,
        "cost_with_base": history.cost.value if history and history.cost else None,
        **_bounds("loss", loss),
        **_bounds("forecast", _end(course, law.loss_unit)),
        "tokens_per_parameter": seen / active if seen else None,
        "steps": first.steps if first else None,
        "batch_tokens": first.batch_tokens if first else None,
        "peak_rate": first.peak_rate if first else None,
        "final_rate": first.final_rate if first else None,
        "bound": totals.bound or "",
        "hours_bound": totals.hours_bound or "",
        "unknown_stages": " ".join(totals.unknown),
        "warnings": warnings(job),
        "status": "done",
        "reason": "",
    }


def failed(reason: str, status: str = "failed") -> dict[str, Any]:
    """The row of a job that has no figures."""
    empty = dict.fromkeys(("bound", "hours_bound", "unknown_stages", "warnings"), "")
    return {**dict.fromkeys(NAMES), **dict.fromkeys(UNITS), **empty, "status": status, "reason": reason}


def _end(course: Forecast | None, unit: str) -> Amount | None:
    if course is None:
        return None
    last = course.stages[-1]
    return Amount(value=last.loss, low=last.low, high=last.high, unit=unit)


def _bounds(name: str, amount: Amount | None) -> dict[str, float | None]:
    value, low, high = (amount.value, amount.low, amount.high) if amount else (None, None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}
