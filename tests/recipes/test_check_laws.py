"""Reported figures of laws: asked by name, at inputs by name."""

import msgspec
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.checking import check_law
from lehr.recipes.errors import LehrError
from lehr.simulators.laws.base import Law, LawFigure


def with_figure(name: str, **fields: object) -> Law:
    figure = LawFigure(source="a", place="b", **fields)  # type: ignore[arg-type]
    return msgspec.structs.replace(Catalogue().law(name), reported=[figure])


@pytest.mark.parametrize(
    ("law", "quantity", "at", "printed"),
    [
        ("chinchilla", "loss", {"n": 70e9, "d": 1.4e12}, "1.937"),
        ("besiroglu", "optimum.tokens", {"flops": 5.76e23}, "1.33T"),
        ("deepseek_llm", "optimum.parameters", {"flops": 4.5e23}, "4.32e11"),
        ("step_law", "batch_tokens", {"d": 100e9}, "1.11M"),
        ("muennighoff", "loss", {"n": 6.34e9, "d": 242e9, "unique": 25e9}, "2.2256"),
        ("muennighoff", "optimum.epochs", {"flops": 1e22, "unique": 25e9}, "9.5"),
        ("zhang_critical_batch", "batch_tokens", {"n": 151e6}, "504K"),
        ("power_lines", "timescale", {"n": 1e9, "d": 20e9}, "0.22"),
        ("gadre_error_c4", "score", {"loss": 2.5}, "0.536"),
        ("kaplan_steps", "loss", {"n": 1e9, "steps": 250000.0}, "2.374"),
        ("kaplan_parameters", "loss", {"x": 1e9}, "2.376"),
    ],
)
def test_a_figure_is_computed_and_agrees(law: str, quantity: str, at: dict[str, float], printed: str) -> None:
    (row,) = check_law(with_figure(law, quantity=quantity, at=at, printed=printed))
    assert (row.verdict, row.subject) == ("agrees", f"law {law}")
    assert all(f"{name} {value:g}" in row.rule for name, value in at.items())


def test_a_figure_that_differs_fails() -> None:
    (row,) = check_law(with_figure("chinchilla", quantity="loss", at={"n": 70e9, "d": 1.4e12}, printed="1.94"))
    assert row.verdict == "agrees"
    (row,) = check_law(with_figure("chinchilla", quantity="loss", at={"n": 70e9, "d": 1.4e12}, printed="1.95"))
    assert row.verdict == "FAILS"


def test_questions_that_a_law_cannot_answer_are_errors() -> None:
    with pytest.raises(LehrError, match="'losses' is not known"):
        check_law(with_figure("chinchilla", quantity="losses", printed="1.9"))
    with pytest.raises(LehrError, match="correct `at`"):
        check_law(with_figure("chinchilla", quantity="loss", at={"size": 1e9}, printed="1.9"))
    with pytest.raises(LehrError, match="needs d"):
        check_law(with_figure("step_law", quantity="peak_rate", at={"n": 1e9}, printed="1e-3"))


def test_every_figure_of_the_catalogues_laws_agrees_or_has_its_cause() -> None:
    catalogue = Catalogue()
    rows = [row for name in catalogue.files("law") for row in check_law(catalogue.law(name))]
    assert rows
    assert [row for row in rows if row.verdict == "FAILS"] == []
