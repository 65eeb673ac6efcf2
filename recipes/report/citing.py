"""Which facts a report rests on, and where each was read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from lehr.recipes.presenting.document import Cited
from lehr.recipes.report.facts import ReportData, once
from lehr.recipes.report.optimum import laws_used
from lehr.recipes.report.reward import curves, reward_rows
from lehr.simulators.evidence import Fact, Provenance


class Use(msgspec.Struct, frozen=True):
    """One fact that is used: the file and the values in it that it covers, in words and as a path."""

    fact: Fact
    group: str
    what: str
    path: str


def leaves(value: Any, prefix: str) -> Iterator[str]:
    """The dotted paths of everything that is stated below ``prefix``; a list is one value, ``None`` is none.

    >>> list(leaves({"pt": {"tokens": 1.0, "batch": None, "data": {"code": 0.9}}}, "stages"))
    ['stages.pt.tokens', 'stages.pt.data.code']
    """
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{prefix}.{key}" if prefix else str(key))
    elif value is not None and value != []:
        yield prefix


def used(provenance: Provenance, stated: Mapping[str, Any], group: str, title: str) -> list[Use]:
    """The facts of one file that cover at least one stated value: exceptions first as they stand, then the default."""
    paths = [path for key, value in stated.items() for path in leaves(msgspec.to_builtins(value), key)]
    covering = {id(provenance.of(path)) for path in paths}
    uses = [
        Use(fact, title, path, f"{group}.{path}")
        for path, fact in provenance.exceptions.items()
        if id(fact) in covering
    ]
    if id(provenance.default) in covering:
        rest = "all values" if not uses else "values not listed elsewhere"
        uses.append(Use(provenance.default, title, rest, group))
    return uses


@once
def facts(data: ReportData) -> list[Use]:
    """Every fact that the report uses, in the order recipe, model, accelerators, laws."""
    recipe, model = data.recipe, data.model
    stated: dict[str, Any] = {"stages": recipe.stages}
    if recipe.base is not None:
        stated["base"] = recipe.base
    uses = used(recipe.provenance, stated, "recipe", "recipe")
    uses += used(model.provenance, {"architecture": model.shape()}, "model", "model")
    for name in accelerators_used(data):
        uses += used(
            data.accelerators[name].provenance, _figures(data, name), f"accelerator.{name}", f"accelerator {name}"
        )
    rewarded = curves(data) if any(row.by_law for row in reward_rows(data)) else []
    curved = [data.forecast.law] if data.forecast is not None and data.forecast.law is not None else []
    for law in [*data.laws, *laws_used(data), *rewarded, *curved]:
        if law.provenance is not None:
            constants = {k: v for k, v in msgspec.to_builtins(law).items() if k not in _NOT_A_CONSTANT}
            uses += used(law.provenance, constants, f"law.{law.name}", f"law {law.name}")
    return uses


_NOT_A_CONSTANT = ("name", "kind", "title", "provenance", "reported")


def _figures(data: ReportData, name: str) -> dict[str, Any]:
    """The peaks and utilisations of an accelerator that the projection computed with."""
    device = data.accelerators[name]
    times = [s.time for s in data.projection.stages if s.time is not None and s.time.accelerator == name]
    assumed = {(t.mfu.low, t.mfu.value, t.mfu.high) for t in times if t.basis == "assumed"}
    return {
        "peak": {t.precision: t.peak for t in times},
        "mfu": {key: mfu for key, mfu in device.mfu.items() if (mfu.low, mfu.central, mfu.high) in assumed},
    }


def accelerators_used(data: ReportData) -> list[str]:
    """The accelerators that the projection computed with."""
    times = [s.time for s in data.projection.stages if s.time is not None]
    return [name for name in dict.fromkeys(t.accelerator for t in times) if name in data.accelerators]


@once
def cited(data: ReportData) -> list[Cited]:
    """The sources of just these facts, each with the places that were read, numbered in the order of use."""
    uses: dict[str, dict[str, dict[str, list[str]]]] = {}

    def cite(source: str | None, place: str | None, group: str, what: str) -> None:
        if source is not None:
            whats = uses.setdefault(source, {}).setdefault(place or "", {}).setdefault(group, [])
            whats += [what] if what not in whats else []

    for use in facts(data):
        cite(use.fact.source, use.fact.place, use.group, use.what)
        for key in keys_in(data, use.fact.note):
            cite(key, "", use.group, use.what)
    for stage in data.projection.stages:
        if stage.time is not None and (price := stage.time.price) is not None:
            cite(price.source, price.place, f"accelerator {stage.time.accelerator}", f"price, {price.date}")
    for row in data.comparisons:
        cite(row.source, row.place, "compared", row.quantity.replace("_", " "))
    return [
        _entry(data, number, key, [(place, _listed(groups)) for place, groups in places.items()])
        for number, (key, places) in enumerate(uses.items(), start=1)
    ]


def _listed(groups: dict[str, list[str]]) -> str:
    return "; ".join(f"{group}: {', '.join(whats)}" for group, whats in groups.items())


def keys_in(data: ReportData, note: str | None) -> list[str]:
    """The sources that a note names by their keys."""
    return [key for key in dict.fromkeys(re.findall(r"\w+", note or "")) if key in data.sources]


def short_authors(authors: str) -> str:
    """Authors as a report names them: the first of more than three stands for all.

    >>> short_authors("Iz Beltagy; Matthew E Peters; Arman Cohan"), short_authors("A B; C D; E F; G H")
    ('Iz Beltagy, Matthew E Peters, Arman Cohan', 'A B et al.')
    """
    names = authors.split("; ")
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} et al."


def _entry(data: ReportData, number: int, key: str, uses: list[tuple[str, str]]) -> Cited:
    source = data.sources.get(key)
    if source is None:
        return Cited(number=number, key=key, title=key, url="", by="", note="not in the bibliography", uses=uses)
    by = ", ".join(part for part in (short_authors(source.authors or ""), str(source.year or "")) if part)
    return Cited(number=number, key=key, title=source.title, url=source.url, by=by, note=source.remark, uses=uses)
