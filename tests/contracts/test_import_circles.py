"""No two rooms lean on each other: no circle of imports between modules, nor between folders at any depth."""

from __future__ import annotations

import re

import pytest

from tests.contracts.imports import ROOT, circles, folders, graph, importers

DEPTHS = range(2, 6)
"""``recipes/fitting`` lies two levels below ``lehr``, the deepest folder four."""

ROOMS = ("fitting", "planning", "scheduling", "tracking", "sweeping", "exploring", "rehearsing")
"""Where a verb's result is made, is a structure, is told and is drawn."""


def test_circles_are_found() -> None:
    # a search that finds nothing anywhere proves nothing
    assert circles({"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("a"), "d": frozenset("a")}) == [[*"abc"]]
    assert "lehr.recipes.errors" in graph()["lehr.recipes.catalogue.yaml"]
    assert "lehr.recipes.report.plots.loss" in graph()["lehr.recipes.report.plots"]
    # one inside a function
    assert "lehr.recipes.catalogue.recipe_files" in graph()["lehr.recipes.catalogue.files"]


def test_no_modules_import_each_other() -> None:
    assert circles(graph()) == []


@pytest.mark.parametrize("depth", DEPTHS)
def test_no_folders_import_each_other(depth: int) -> None:
    assert circles(folders(graph(), depth)) == []


def test_verbs_are_imported_by_the_command_alone() -> None:
    assert list(importers(graph(), "lehr.recipes.verbs")) == []
    # and by the command through its table of verbs
    said = [p.name for p in sorted((ROOT / "recipes").rglob("*.py")) if re.search(r"recipes\.verbs\.", p.read_text())]
    assert said == ["cli.py"]


def test_the_command_is_imported_by_nothing() -> None:
    assert list(importers(graph(), "lehr.recipes.cli")) == []


def test_simulators_know_no_recipes() -> None:
    crossing = [
        (name, other)
        for name, others in graph().items()
        for other in others
        if name.startswith("lehr.simulators") and other.startswith("lehr.recipes")
    ]
    assert crossing == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_results_has_these_modules(room: str) -> None:
    assert {"run", "result", "text", "figures"} <= {path.stem for path in (ROOT / "recipes" / room).glob("*.py")}


def test_a_role_has_one_word() -> None:
    other_words = {"telling", "told", "words", "pictures", "picture", "figure", "plot", "results", "command"}
    assert [p for p in sorted((ROOT / "recipes").rglob("*.py")) if p.stem in other_words] == []


def test_few_modules_stand_at_the_top() -> None:
    assert len(list((ROOT / "recipes").glob("*.py"))) <= 9
