"""Reading printed figures, and the rules of comparison."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.evidence import Fact, Reported, matches_number, parse_figure


@pytest.mark.parametrize(
    ("printed", "value", "half_unit"),
    [
        ("37B", "37e9", "0.5e9"),
        ("14.8T", "14.8e12", "0.05e12"),
        ("2664K", "2664e3", "500"),
        ("$5.576M", "5.576e6", "500"),
        ("2.1e21", "2.1e21", "5e19"),
        ("15,517,456,384", "15517456384", "0.5"),
        ("~21B", "21e9", "0.5e9"),
        ("600+", "600", "0.5"),
        ("32.1 TB", "32.1e12", "0.05e12"),
        ("70%", "70", "0.5"),
    ],
)
def test_a_printed_figure_is_read_with_its_digits(printed: str, value: str, half_unit: str) -> None:
    figure = parse_figure(printed)
    assert figure.value == Decimal(value)
    assert figure.half_unit == Decimal(half_unit)


@pytest.mark.parametrize("printed", ["", "many", "1,23,456", "12 apples", "--3", "3..2", "1e", "B"])
def test_what_is_no_number_is_refused(printed: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        parse_figure(printed)


@given(st.integers(1, 10**15), st.integers(1, 6))
def test_a_number_agrees_with_itself_rounded(value: int, digits: int) -> None:
    printed = f"{Decimal(value):.{digits - 1}e}"
    assert matches_number(printed, value, "rounds")


@given(st.integers(1000, 10**15))
def test_one_unit_of_the_last_digit_away_does_not_agree(value: int) -> None:
    figure = parse_figure(f"{Decimal(value):.2e}")
    assert not matches_number(f"{Decimal(value):.2e}", float(figure.value + 2 * figure.half_unit), "rounds")


def test_truncation_and_rounding_differ() -> None:
    assert matches_number("3.3B", 3_353_032_704, "truncates")
    assert not matches_number("3.3B", 3_353_032_704, "rounds")
    assert not matches_number("3.4B", 3_353_032_704, "truncates")


def test_derived_and_assumed_need_a_note_and_published_a_place() -> None:
    for fact in ({"origin": "assumed"}, {"origin": "derived", "source": "a"}, {"origin": "published", "source": "a"}):
        with pytest.raises(ValueError, match="needs"):
            Fact(**fact)  # type: ignore[arg-type]


def test_an_approximate_figure_needs_its_interval() -> None:
    with pytest.raises(ValueError, match="interval"):
        Reported(quantity="tokens", printed="1T", source="a", place="b", rule="approximate")
