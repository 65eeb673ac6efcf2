"""Every system that the survey names is found in the catalogue by that name."""

import csv
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.names import entries, look_up
from lehr.recipes.errors import LehrError
from tests.command import lehr

CATALOGUE = Catalogue()
ENTRIES = entries(CATALOGUE)
SYSTEMS = list(csv.DictReader((Path(__file__).parent / "systems.csv").read_text().splitlines()))
# families, general models, mixtures, recurrent, diffusion, hybrid, closed, code, embeddings; then data and methods
GROUP_OF_SECTION = {"9": {"dataset"}, "10": {"method"}}
ELSEWHERE = {"Transformer": {"method"}, "D3PM": {"method"}, "Diffusion-LM": {"method"}}


@pytest.mark.parametrize("row", SYSTEMS, ids=lambda r: f"{r['section']}-{r['name']}")
def test_it_is_found(row: dict[str, str]) -> None:
    found = look_up(row["name"], ENTRIES)
    wanted = ELSEWHERE.get(row["name"]) or GROUP_OF_SECTION.get(row["section"], {"model"})
    assert {entry.group for entry in found} & wanted, row["name"]


def test_a_name_of_nothing_is_not_found() -> None:
    assert look_up("no such system", ENTRIES) == []


CLOSED = [model.name for model in CATALOGUE.models().values() if model.open == "closed"]


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_model_says_so_when_its_shape_is_asked_for(name: str) -> None:
    with pytest.raises(LehrError, match=f"{name} is closed"):
        CATALOGUE.model(name).shape()


def test_a_count_of_a_closed_model_is_one_line() -> None:
    done = lehr("count", "model=gpt_5")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "closed" in done.stderr


def test_an_unknown_name_has_three_neighbours() -> None:
    done = lehr("find", "name=Starcodr")
    assert done.returncode == 2
    assert done.stderr.strip().endswith("the nearest are StarCoder, StarCoder2, SantaCoder")
