"""A search and its cool-downs as text and JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import yaml

from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.presenting.tables import text_table
from lehr.recipes.projecting.schedules import as_fragment
from lehr.recipes.scheduling.figures import draw
from lehr.recipes.scheduling.result import Chosen, CooledDown, Scheduled
from lehr.simulators.laws.base import Bounds
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.scheduling.candidates import Budget, Candidate, Search
from lehr.simulators.scheduling.cooldown import CoolDown
from lehr.simulators.scheduling.final import interval_basis

N_POINTS = 501
"""Points of a curve in JSON, at most."""


def as_text(given: Scheduled) -> str:
    """What a person reads."""
    if isinstance(given, CooledDown):
        return cool_down_text(given.law, given.now, given.so_far, given.downs, given.warnings)
    return search_text(given.law, given.budget, given.found) + "\n\nschedule.yaml:\n" + fragment(given).rstrip()


def as_json(given: Scheduled) -> dict[str, Any]:
    """Everything that was found, as plain data."""
    if isinstance(given, CooledDown):
        return cool_down_json(given.law, given.now, given.so_far, given.downs, given.warnings)
    return {**search_json(given.law, given.budget, given.found), "fragment": yaml.safe_load(fragment(given))}


def files(given: Scheduled) -> dict[str, bytes]:
    """The figures, and of a search ``schedule.yaml``."""
    if isinstance(given, CooledDown):
        return draw(given)
    said = f"{given.found.best.name}; chosen by lehr plan schedule with the law {given.law.name}"
    return {"schedule.yaml": f"# {said}: for a stage of a recipe\n{fragment(given)}".encode(), **draw(given)}


def fragment(given: Chosen) -> str:
    """The best schedule as a stage of a recipe has it."""
    schedule = given.found.best.schedule
    assert schedule is not None
    data = plain(as_fragment(given.budget.steps, schedule), "schedule")
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def search_text(law: CurveLaw, budget: Budget, found: Search) -> str:
    """The search as a table, with what it rests on."""
    rows = []
    for group, candidates in (("", [found.free]), ("best of shape", found.chosen), ("default", found.defaults)):
        for c in candidates:
            rows.append(
                [group, c.name, f"{c.loss:.4f}", bounds(c.interval), f"{c.excess:.4f}", bounds(c.excess_interval)]
            )
    table = text_table(
        ["", "schedule", f"final loss [{law.loss_unit}]", "interval", "above free form", "interval"], rows, right={2, 4}
    )
    left = "; ".join(f"{c.name}: {c.loss - found.best.loss:.4f}" for c in found.defaults)
    return "\n".join(
        [
            f"{law.title}: {budget.steps:,} steps, peak rate {budget.peak:g}, warm-up {budget.warmup_steps:,} steps",
            "",
            table,
            "",
            f"Best: {found.best.name}. Loss left on the table beside it [{law.loss_unit}]: {left}.",
            f"Intervals: {interval_basis(law)}.",
            *alike(law, found),
            *(f"Warning: {w}" for w in found.warnings),
        ]
    )


def alike(law: CurveLaw, found: Search) -> list[str]:
    """A line that says which shapes the law's own error does not tell apart from the best, where it states one."""
    if law.relative_error is None:
        return []
    error = law.relative_error * found.best.loss
    near = [c.name for c in found.chosen[1:] if c.loss - found.best.loss < error]
    if not near:
        return []
    return [f"Within the law's mean error on held-out curves, {error:.4f}, of the best: {'; '.join(near)}."]


def bounds(interval: Bounds | None) -> str:
    """An interval as text, or nothing."""
    return "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


def search_json(law: CurveLaw, budget: Budget, found: Search) -> dict[str, Any]:
    """Everything that was found, as plain data."""
    return {
        "law": law.name,
        "loss_unit": law.loss_unit,
        "budget": msgspec.to_builtins(budget),
        "free": _candidate(law, found.free),
        "chosen": [_candidate(law, c) for c in found.chosen],
        "defaults": [_candidate(law, c) for c in found.defaults],
        "left_on_the_table": {c.name: c.loss - found.best.loss for c in found.defaults},
        "interval_basis": interval_basis(law),
        "warnings": found.warnings,
    }


def _candidate(law: CurveLaw, c: Candidate) -> dict[str, Any]:
    return {
        "name": c.name,
        "schedule": None if c.schedule is None else msgspec.to_builtins(c.schedule),
        "loss": c.loss,
        "interval": c.interval,
        "above_free_form": c.excess,
        "above_free_form_interval": c.excess_interval,
        **_points(law, c.rates),
    }


def _points(law: CurveLaw, rates: Floats) -> dict[str, Any]:
    steps = np.unique(np.linspace(0, len(rates) - 1, min(N_POINTS, len(rates))).round().astype(int))
    losses = law.loss(rates)[steps]
    return {
        "steps": steps.tolist(),
        "rates": rates[steps].tolist(),
        # before the first rate above zero the law has no loss
        "losses": [value if np.isfinite(value) else None for value in losses.tolist()],
    }


def loss_of_last(law: CurveLaw, rates: Floats) -> float:
    """The loss after the last of ``rates``, without that of all the steps before it [law.loss_unit]."""
    return float(law.loss_at(rates, [len(rates) - 1])[0])


def cool_down_text(law: CurveLaw, now: int, so_far: Floats, downs: list[CoolDown], warnings: list[str]) -> str:
    """The cool-downs as a table."""
    rows = [
        [
            f"{d.steps:,}",
            d.shape.replace("_", " "),
            f"{d.loss:.4f}",
            bounds(d.interval),
            f"{d.without:.4f}",
            f"{d.gain:.4f}",
        ]
        for d in downs
    ]
    headings = ["cool-down [steps]", "shape", "final loss", "interval", "without", "gain"]
    return "\n".join(
        [
            f"{law.title}: decay now, after {now:,} steps, from rate {so_far[-1]:g} "
            f"(loss {loss_of_last(law, so_far):.4f} {law.loss_unit})",
            "",
            text_table(headings, rows, right={0, 2, 4, 5}),
            "",
            f"Intervals: {interval_basis(law)}.",
            *(f"Warning: {w}" for w in warnings),
        ]
    )


def cool_down_json(
    law: CurveLaw, now: int, so_far: Floats, downs: list[CoolDown], warnings: list[str]
) -> dict[str, Any]:
    """The cool-downs as plain data."""
    return {
        "law": law.name,
        "loss_unit": law.loss_unit,
        "now": now,
        "rate": float(so_far[-1]),
        "loss": loss_of_last(law, so_far),
        "cool_downs": [
            {
                "steps": d.steps,
                "shape": d.shape,
                "loss": d.loss,
                "interval": d.interval,
                "without": d.without,
                "gain": d.gain,
            }
            for d in downs
        ],
        "interval_basis": interval_basis(law),
        "warnings": warnings,
    }
