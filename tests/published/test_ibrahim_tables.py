"""Ibrahim et al. 2024 (arXiv:2403.08763), Tables 2, 4 and 12: a weak shift needs 5 % of replay, a strong one 25 %."""

import json

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.mixture import ReplayTable
from tests.data import data_file

SETS = {
    "ibrahim_german_405m": "pile_to_german_405M",
    "ibrahim_slimpajama_405m": "pile_to_slimpajama_405M",
    "ibrahim_slimpajama_10b": "pile_to_slimpajama_10B",
}


def law(name: str) -> ReplayTable:
    found = Catalogue().law(name)
    assert isinstance(found, ReplayTable)
    return found


@pytest.mark.parametrize("name", SETS)
def test_the_file_holds_the_table(name: str) -> None:
    tables = json.loads(data_file("cpt_published_tables/cpt_tables.json").read_text())
    table = tables["ibrahim2024_arxiv_2403.08763"][SETS[name]]
    rows = [[round(100 * s, 3), o, n] for s, o, n in zip(law(name).shares, law(name).old, law(name).new, strict=True)]
    assert rows == [[float(x) for x in row] for row in table["replay"]]
    assert law(name).old_before == table["base_old"]


def test_the_paper_keeps_old_losses_with_5_and_with_25_percent() -> None:
    weak, strong = law("ibrahim_slimpajama_405m"), law("ibrahim_german_405m")
    # what the paper calls enough: within 3 % of the old loss for the weak shift, 8 % for the strong
    assert weak.least_share(0.03) == pytest.approx(0.05, abs=0.015)
    assert strong.least_share(0.075) == pytest.approx(0.25, abs=0.02)
