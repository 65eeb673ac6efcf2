"""Losses in another unit."""

from itertools import product
from math import log

import pytest

from lehr.simulators.laws.base import LossUnit
from lehr.simulators.laws.units import PER, convert_loss

UNITS: tuple[LossUnit, ...] = ("nats/token", "bits/token", "bits/byte", "bits/char")


@pytest.mark.parametrize(("unit", "to"), list(product(UNITS, UNITS)))
def test_there_and_back(unit: LossUnit, to: LossUnit) -> None:
    there = convert_loss(2.5, unit, to, bytes_per_token=4.4, chars_per_token=4.2)
    back = convert_loss(there, to, unit, bytes_per_token=4.4, chars_per_token=4.2)
    # at most six products and quotients: six roundings of 2**-53
    assert float(back) == pytest.approx(2.5, rel=6 * 2**-53)


def test_by_hand() -> None:
    assert set(UNITS) == set(PER)
    assert float(convert_loss(1.0, "nats/token", "bits/token")) == pytest.approx(1 / log(2))
    assert float(convert_loss(3.0, "bits/token", "bits/byte", bytes_per_token=3.0)) == pytest.approx(1.0)
    assert float(convert_loss(1.0, "bits/byte", "bits/char", bytes_per_token=4.4, chars_per_token=4.0)) == (
        pytest.approx(1.1)
    )


def test_the_same_text_under_two_tokenizers_compares_by_byte_alone() -> None:
    # a vocabulary with longer tokens has a higher loss a token for the same model of the same text
    short = convert_loss(0.70, "bits/byte", "nats/token", bytes_per_token=3.5)
    long = convert_loss(0.70, "bits/byte", "nats/token", bytes_per_token=4.6)
    assert float(long / short) == pytest.approx(4.6 / 3.5)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ValueError, match="needs chars_per_token"):
        convert_loss(1.0, "bits/char", "nats/token")
    with pytest.raises(ValueError, match="above 0"):
        convert_loss(1.0, "bits/byte", "nats/token", bytes_per_token=0.0)
    with pytest.raises(ValueError, match="no cross-entropy"):
        convert_loss(1.0, "1 - pass rate", "nats/token")
