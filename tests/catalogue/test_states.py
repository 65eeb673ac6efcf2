"""Published, not published and not read are three things: none is said without what it needs."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.gaps import FIELDS, bare, counted, entries
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.simulators.evidence import Provenance
from lehr.simulators.objectives import NextToken
from lehr.simulators.quantities import Bound
from lehr.simulators.training import Hardware, Recipe, SharedHours, Stage
from tests.command import lehr

CATALOGUE = Catalogue()
README = Path(__file__).parents[2] / "README.md"
FILES = [path for group in ("model", "recipe", "dataset") for path in CATALOGUE.files(group).values()]
SAID = re.compile(r"\b(not|nor|never|nobody|no one) (was |were |is |are |has )?(been )?published", re.IGNORECASE)
MOST_BARE = 40
"""Stages of which neither length nor rate nor batch is on record."""


def by_name(path: Path) -> str:
    return str(path.relative_to(CONF))


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_nothing_is_called_not_published_without_the_places_searched(path: Path) -> None:
    places = load_yaml(path)["provenance"].get("not_published", {})
    said = SAID.search(path.read_text())
    assert said is None or places, said


def test_a_place_is_needed() -> None:
    default = {"origin": "assumed", "note": "x"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"default": default, "not_published": {"stages": []}}, Provenance)


@pytest.mark.parametrize("name", CATALOGUE.files("recipe"))
def test_what_is_not_published_is_not_there(name: str) -> None:
    """A path that names one value must name an absent one; that of a whole stage, or of all, speaks of the rest."""
    recipe = CATALOGUE.recipe(name)
    for path in recipe.provenance.not_published:
        parts = path.split(".")
        assert parts[0] in ("stages", "base"), path
        if parts[0] == "stages" and len(parts) > 1:
            assert parts[1] in recipe.stages, path
        value = msgspec.to_builtins(recipe)
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
        assert len(parts) < 3 or value in (None, {}, []), f"{path} is {value}"


@pytest.mark.parametrize("name", CATALOGUE.files("recipe"))
def test_each_thing_asked_of_a_stage_has_one_state(name: str) -> None:
    recipe = CATALOGUE.recipe(name)
    found = entries(recipe)
    assert len(found) == len(FIELDS) * len(recipe.order)
    assert all((e.state == "not published") == bool(e.searched) for e in found)
    assert sum(counted(found).values()) == len(found)


def test_few_stages_are_bare() -> None:
    found = [f"{recipe.name}.{stage}" for recipe in CATALOGUE.recipes().values() for stage in bare(recipe)]
    assert len(found) <= MOST_BARE, found


def test_the_readme_counts_what_nobody_has_read() -> None:
    found = [entry for recipe in CATALOGUE.recipes().values() for entry in entries(recipe)]
    said = re.search(r"nobody has read \(([\d,]+) of ([\d,]+) figures of stages\)", README.read_text())
    assert said is not None
    assert [int(figure.replace(",", "")) for figure in said.groups()] == [counted(found)["not read"], len(found)]


def test_the_count_is_a_command() -> None:
    done = lehr("check", "gaps=true", "format=json", "model=deepseek_v3")
    told = json.loads(done.stdout)
    expected = counted(entries(CATALOGUE.recipe("deepseek_v3")))
    assert told["summary"] == expected
    assert len(told["gaps"]) == expected["not published"] + expected["not read"]


def test_a_bound_is_not_a_point() -> None:
    with pytest.raises(ValueError, match="a bound is"):
        Bound()
    with pytest.raises(ValueError, match="not below"):
        Bound(at_least=2e12, at_most=1e12)


def recipe(hours: SharedHours) -> Recipe:
    stage = Stage(kind="SFT", objective=NextToken())
    first = Stage(kind="SFT", objective=NextToken(), hardware=Hardware(accelerator="h800", hours=hours))
    return Recipe(name="x", model="x", order=["a", "b"], stages={"a": first, "b": stage})


def test_hours_are_shared_by_stages_that_are_there() -> None:
    hardware = recipe(SharedHours(total=5e3, stages=["a", "b"])).stages["a"].hardware
    assert hardware is not None
    assert (hardware.own_hours, hardware.stated_hours) == (None, 5e3)
    with pytest.raises(ValueError, match="'c'"):
        recipe(SharedHours(total=5e3, stages=["a", "c"]))
    with pytest.raises(ValueError, match="first"):
        recipe(SharedHours(total=5e3, stages=["b", "a"]))


def test_shared_hours_cover_the_later_stages_too() -> None:
    states = {(e.stage, e.what): e.state for e in entries(CATALOGUE.recipe("deepseek_v3"))}
    assert states["rl", "hours"] == states["sft", "hours"] == "published"
