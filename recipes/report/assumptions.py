"""Every value that nobody published as it stands: set, derived or assumed, each with its reason."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lehr.recipes.presenting.document import Cell, Column, Mark, Table, Text
from lehr.recipes.presenting.numbers import between, percent, quantity, whole
from lehr.recipes.projecting.basis import basis_of
from lehr.recipes.report.citing import accelerators_used, cited, facts, keys_in
from lehr.recipes.report.facts import ReportData

ORIGINS: dict[Mark, str] = {"assumed": "assumed", "set": "command line"}


def assumptions(data: ReportData) -> Table | Text:
    """Every value that nobody published as it stands, with the reason."""
    rows = [*_set(data), *_facts(data), *_stand_ins(data)]
    if not rows:
        return Text("Every value was published as it stands.")
    return Table(
        name="assumptions",
        caption="Values that were not published as they stand",
        columns=[Column("Value"), Column("What is used"), Column("Origin"), Column("Why")],
        rows=rows,
    )


def _set(data: ReportData) -> list[list[Cell]]:
    return [
        [Cell(path), Cell(shown(look_up(data, path)), "set"), Cell("command line"), Cell("set for this report")]
        for path in sorted(data.overridden)
        if "." in path
    ]


def _facts(data: ReportData) -> list[list[Cell]]:
    rows = []
    for use in facts(data):
        fact, source = use.fact, data.sources.get(use.fact.source or "")
        retold = fact.origin == "published" and source is not None and source.second_hand
        if (retold or fact.origin != "published") and not data.is_set(use.path):
            origin = "second-hand" if retold else fact.origin
            why = fact.note or ("tells what another printed" if retold else "")
            value = Cell(shown(look_up(data, use.path)), fact.origin)
            rows.append([Cell(use.path), value, Cell(origin), Cell(numbered(data, why), source=fact.source)])
    return rows


def numbered(data: ReportData, note: str) -> str:
    """A note with its sources' keys as the numbers of the report's list."""
    numbers = {entry.key: entry.number for entry in cited(data)}
    for key in keys_in(data, note):
        note = re.sub(rf"\b{key}\b", f"[{numbers[key]}]", note)
    return note


def _stand_ins(data: ReportData) -> list[list[Cell]]:
    """What the projection put in the place of something unpublished, and what the command line put there instead."""
    stages: dict[tuple[Mark, str, str, str], list[str]] = {}

    def note(stage: str, what: str, used: str, why: str, mark: Mark = "assumed") -> None:
        stages.setdefault((mark, what, used, why), []).append(stage)

    for stage in data.projection.stages:
        stated = data.recipe.stages[stage.name]
        if stated.sequence_length is None:
            why = "not known; long-context training is taken at the context length, all else at 4,096 at most"
            note(stage.name, "sequence length", whole(stage.sequence_length), why)
        if (time := stage.time) is None:
            continue
        if time.assumed_hardware:
            why = "no hardware is on record; fallback_accelerator= names another"
            note(stage.name, "hardware", f"{time.accelerator}, {time.precision}", why)
        elif stated.hardware is None or stated.hardware.accelerator != time.accelerator:
            note(stage.name, "hardware", f"{time.accelerator}, {time.precision}", "set for this report", "set")
        if time.basis == "given":
            note(stage.name, "MFU", percent(time.mfu.value), "set for this report", "set")
        if time.price is None and time.cost is not None:
            each = time.cost.value / time.hours.value
            note(stage.name, "price of an hour", f"${each:.2f}", "set for this report", "set")
        if time.basis == "assumed":
            share = ", ".join(part for part in (percent(time.mfu.value), between(time.mfu, percent)) if part)
            why = f"what published runs reached on {time.accelerator} in {time.precision}"
            faster = "" if time.fastest is None else f", less than the fastest layout, {percent(time.fastest.central)}"
            note(stage.name, "MFU", share, f"{why}{faster}; mfu= sets another")
        if time.basis in ("layout", "fastest", "elsewhere"):
            share = ", ".join(part for part in (percent(time.mfu.value), between(time.mfu, percent)) if part)
            note(stage.name, "MFU", share, f"{basis_of(data.recipe, stage.name, time.basis)}; mfu= sets another")
    return [
        [Cell(f"{what} of {', '.join(names)}"), Cell(used, mark), Cell(ORIGINS[mark]), Cell(why)]
        for (mark, what, used, why), names in stages.items()
    ]


def look_up(data: ReportData, path: str) -> Any:
    """The value at a dotted path that begins with ``recipe.``, ``model.``, ``accelerator.`` or ``law.``, the last two
    with or without a name, as plain data; ``None`` where there is none."""
    group, _, inside = path.partition(".")
    laws, devices = {law.name: law for law in data.laws}, dict(data.accelerators)
    roots: dict[str, Any] = {"recipe": data.recipe, "model": data.model, "accelerator": devices, "law": laws}
    if group not in roots or not inside:
        return None
    named, keys = roots[group], inside.split(".")
    if isinstance(named, dict) and keys[0] not in named:
        # the command line sets values in the one that it chose, without its name
        named = next((named[name] for name in (*accelerators_used(data), *laws) if name in named), {})
    value = msgspec.to_builtins(named)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if group == "law" and isinstance(value, dict):
        # who said so stands beside it
        value = {key: v for key, v in value.items() if key not in ("provenance", "reported", "title", "name")}
    return value


def shown(value: Any) -> str:
    """A configured value as a reader sees it; draws of a fit are named and counted, never listed.

    >>> shown(14.8e12), shown({"low": 0.3, "high": 0.4}), shown([1, 2]), shown([[1, 0], [0, 1]]), shown(None)
    ('14.8T', 'low 0.3, high 0.4', '1, 2', '2 rows of 2 numbers', '')
    """
    if value is None or isinstance(value, bool):
        return {None: "", True: "yes", False: "no"}[value]
    if isinstance(value, dict):
        if value.get("kind") == "draws":
            n = len(str(value.get("values", "")).splitlines())
            value = {f"{n} draws of": value.get("parameters")}
        return ", ".join(f"{key} {shown(v)}" for key, v in value.items() if v is not None and v != [])
    if isinstance(value, list):
        # a matrix, or the draws of a fit, is only counted
        rows = bool(value) and isinstance(value[0], list)
        return f"{len(value)} rows of {len(value[0])} numbers" if rows else ", ".join(shown(v) for v in value)
    if isinstance(value, (int, float)) and abs(value) >= 1e6:
        return quantity(value, 4)
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.6g}"
    return whole(value) if isinstance(value, (int, float)) else str(value)
