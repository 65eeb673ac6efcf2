"""Every published figure of the catalogue agrees with its projection, or differs for a cause on record."""

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.checking import Candidate, check_all, compare
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.evidence import Reported


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
