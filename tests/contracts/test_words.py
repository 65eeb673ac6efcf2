"""Every value that a ``Literal`` allows has its words beside it, so that no page looks up a word that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

import pytest

from tests.contracts.imports import modules

PARTIAL = {
    ("lehr.recipes.exporting.hub_parts", "ACTIVATIONS"): "an activation that no written class has is refused",
    ("lehr.recipes.exporting.trainers.megatron", "WSD_STYLES"): "a shape that the trainer has not is refused",
    ("lehr.recipes.exporting.trainers.torchtitan", "DECAYS"): "a shape that the trainer has not is refused",
    ("lehr.recipes.exporting.transformers_settings", "DECAYS"): "a shape that the trainer has not is refused",
    ("lehr.recipes.presenting.document", "MARKS"): "signs of what nobody published as it stands; the others have none",
    ("lehr.recipes.rehearsing.scale", "OF_NAME"): "a recipe at its own size says its sizes itself",
    ("lehr.recipes.rehearsing.small_recipe", "TUNED"): "the stages of tuning; the others have the rate of the scale",
    ("lehr.recipes.report.assumptions", "ORIGINS"): "of what the projection put in the place of something unpublished",
    ("lehr.simulators.architecture", "NORMS_OF_PLACEMENT"): "one norm for two sublayers is asked before",
    ("lehr.simulators.schedules.shapes", "REMAINING"): "the other shapes are no share of a way, and asked before",
    ("lehr.simulators.laws.units", "PER"): "a pass rate is no cross-entropy, which is said",
}
"""Tables about some of the values only, and why that is right."""


def loaded() -> Iterator[ModuleType]:
    """Every module that needs no package of an extra."""
    for name in modules():
        if not name.endswith("torch_scheduler"):
            yield import_module(name)


LITERALS = {
    (module.__name__, name): value
    for module in loaded()
    for name, value in vars(module).items()
    if get_origin(value) is Literal and f"{name} = Literal" in modules()[module.__name__].read_text()
}


def total(value: object, options: tuple[Any, ...]) -> bool:
    return isinstance(value, Mapping) and set(value) == set(options) and all(map(worded, value.values()))


def worded(value: object) -> bool:
    return (isinstance(value, str) and " " in value.strip()) or value in ("published",)


def test_the_literals_are_found() -> None:
    assert ("lehr.simulators.schedules.base", "Convention") in LITERALS
    assert len(LITERALS) > 15


@pytest.mark.parametrize(("module", "name"), sorted(LITERALS))
def test_every_value_of_a_literal_has_words(module: str, name: str) -> None:
    tables = [v for v in vars(import_module(module)).values() if total(v, get_args(LITERALS[module, name]))]
    assert tables, f"{module}: no table says what each value of {name} is"


def test_no_table_leaves_a_value_of_a_literal_out() -> None:
    options = {alias: set(get_args(value)) for (_, alias), value in LITERALS.items()}
    found = {}
    for module in loaded():
        for name, value in vars(module).items():
            keys = set(value) if isinstance(value, Mapping) else set()
            if len(keys) < 2 or f"\n{name}" not in modules()[module.__name__].read_text() or keys in options.values():
                continue
            if lacking := {alias: whole - keys for alias, whole in options.items() if keys < whole}:
                found[module.__name__, name] = lacking
    assert {where: lacking for where, lacking in found.items() if where not in PARTIAL} == {}
    assert set(PARTIAL) == set(found), "an exception that is none"
