"""``projection.json``: the projection as data; docs/projection.md says what each key is."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from lehr.recipes.report.citing import accelerators_used, cited
from lehr.recipes.report.course import course_data
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.headline import verdict
from lehr.recipes.report.optimum import allocations, equivalents
from lehr.recipes.report.reward import reward_rows
from lehr.simulators.counting import ACTIVE_CONVENTIONS, FLOP_CONVENTIONS
from lehr.simulators.projection.assessment import Allocation, DenseEquivalent

VERSION = 1
"""Raised when a key is renamed, removed or changes its meaning; a further key does not raise it."""


def as_json(data: ReportData) -> str:
    """The projection with its conventions, comparisons and sources; keys always in the same order."""
    return json.dumps(as_data(data), indent=2, ensure_ascii=False) + "\n"


def as_data(data: ReportData) -> dict[str, Any]:
    """What ``projection.json`` holds, as plain data."""
    projection = msgspec.to_builtins(data.projection)
    model = data.model
    used = dict.fromkeys(s.flop_convention for s in data.projection.stages)
    return {
        "version": VERSION,
        "lehr": data.version,
        "model": {"name": model.name, "hf_id": model.hf_id, "family": model.family, "kind": model.kind},
        "recipe": data.recipe.name,
        "overridden": sorted(data.overridden),
        "verdict": verdict(data)[0],
        "parameters": projection["parameters"],
        "stages": projection["stages"],
        "totals": projection["totals"],
        "totals_with_base": projection["totals_with_base"],
        "dense": projection["dense"],
        "compute_optimal": [_in_words(allocation) for _, allocation in allocations(data)],
        "equal_loss": [_in_words(equivalent) for _, equivalent in equivalents(data)],
        "forecast": course_data(data),
        "reward": [msgspec.to_builtins(row) for row in reward_rows(data)],
        "laws": [
            {"name": law.name, "title": law.title, "n_convention": law.n_convention, "loss_unit": law.loss_unit}
            for law in data.laws
        ],
        "accelerators": {
            name: {"title": data.accelerators[name].title, "peak": dict(data.accelerators[name].peak)}
            for name in accelerators_used(data)
        },
        "conventions": {
            "active": dict(ACTIVE_CONVENTIONS),
            "flops": {name: FLOP_CONVENTIONS[name].says for name in used},
        },
        "comparisons": [msgspec.to_builtins(row) for row in data.comparisons],
        "sources": {
            entry.key: {
                "title": entry.title,
                "url": entry.url,
                "places": sorted({place for place, _ in entry.uses if place}),
            }
            for entry in cited(data)
        },
    }


def _in_words(found: Allocation | DenseEquivalent) -> dict[str, Any]:
    """A structure as JSON, what lies outside a law's runs as sentences."""
    plain = msgspec.to_builtins(found)
    del plain["outside"]
    return {**plain, "warnings": [str(one) for one in found.outside]}
