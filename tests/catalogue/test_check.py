"""Every published figure of the catalogue agrees with its projection, or differs for a cause on record."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import Figured, RunFigure
from lehr.recipes.checking import check_all, compare
from lehr.recipes.costing.printed import energy_candidates
from lehr.recipes.errors import LehrError
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.evidence import Candidate, Reported


def test_no_figure_fails() -> None:
    catalogue = Catalogue()
    rows = check_all(catalogue, lambda name: project_by_name(catalogue, name))
    failing = [
        f"{r.subject}, {r.quantity}: {r.reported} of {r.source}, {r.place}: projected {r.projected}"
        for r in rows
        if r.verdict == "FAILS"
    ]
    assert not failing, "\n".join(failing)


def figure(**fields: str) -> Reported:
    return Reported(quantity="parameters.total", source="a", place="b", **fields)


def test_a_figure_that_is_off_fails() -> None:
    assert compare("m", figure(printed="7B"), [Candidate("", 8_030_261_248)]).verdict == "FAILS"


def test_a_known_cause_turns_red_when_it_agrees() -> None:
    row = figure(printed="8B", known_cause="the report rounds up")
    assert compare("m", row, [Candidate("", 7_400_000_000)]).verdict == "differs, known cause"
    assert compare("m", row, [Candidate("", 8_030_261_248)]).verdict == "FAILS"


def test_a_figure_beside_which_nothing_is_projected_fails() -> None:
    assert compare("m", figure(printed="8B"), [Candidate("", None)]).verdict == "FAILS"


def test_the_convention_that_agrees_is_named() -> None:
    both = [Candidate("all", 37_552_282_624), Candidate("excl_input_embedding", 36_625_603_584)]
    assert compare("m", figure(printed="37B"), both).rule == "rounds; excl_input_embedding"


def test_an_interval_decides_where_the_projection_has_one() -> None:
    hours = Candidate("projected", 2.0e6, "h", 1.5e6, 3.0e6)
    assert compare("m", figure(printed="2664K"), [hours]).verdict == "agrees"
    assert compare("m", figure(printed="3664K"), [hours]).verdict == "FAILS"


def test_energy_and_carbon_are_those_of_the_hours_at_what_their_source_reckons_with() -> None:
    """LLaMA's Table 15: 1,022,362 hours at 400 W and a PUE of 1.1 are 449.8 MWh, and at 0.385 kg a kWh 173.2 t."""
    at = Figured(watts=400, pue=1.1, carbon=0.385)
    row = RunFigure(quantity="carbon_t", printed="173", source="a", place="b", at=at)
    found = energy_candidates(1_022_362, row)
    assert found["energy_mwh"][0].value == pytest.approx(1_022_362 * 0.4 * 1.1 / 1000)
    assert compare("m", row, found["carbon_t"]).verdict == "agrees"
    counted = RunFigure(
        quantity="carbon_t", printed="1", source="a", place="b", at=Figured(watts=100, hours=1e4, carbon=1)
    )
    assert energy_candidates(None, counted)["carbon_t"][0].value == 1.0
    with pytest.raises(LehrError, match="write at: "):
        energy_candidates(1.0, RunFigure(quantity="energy_mwh", printed="1", source="a", place="b"))
