"""Hours and money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.projection.cost import accelerator_hours, implied_mfu
from lehr.simulators.quantities import Amount, Interval


@given(st.floats(1e18, 1e27), st.floats(1e12, 1e16), st.floats(0.01, 1.0))
def test_hours_and_implied_utilisation_are_inverse(flops: float, peak: float, mfu: float) -> None:
    hours = accelerator_hours(flops, peak, mfu).value
    # two divisions and two multiplications, each off by half an ulp at most
    assert implied_mfu(flops, peak, hours) == pytest.approx(mfu, rel=4 * 2.3e-16)


def test_an_interval_of_utilisation_turns_round() -> None:
    hours = accelerator_hours(3.6e18, 1e15, Interval(low=0.25, central=0.5, high=1.0))
    assert (hours.low, hours.value, hours.high) == (1.0, 2.0, 4.0)


def test_amounts_add_their_bounds() -> None:
    total = Amount(value=2, low=1, high=4, unit="h") + Amount(value=3, unit="h")
    assert (total.low, total.value, total.high) == (4, 5, 7)
    with pytest.raises(ValueError, match="do not add"):
        Amount(value=1, unit="h") + Amount(value=1, unit="USD")


bounds = st.lists(st.floats(0, 1e12), min_size=3, max_size=3).map(sorted)


@given(bounds, bounds)
def test_bounds_add_as_if_both_erred_the_same_way(a: list[float], b: list[float]) -> None:
    one, two = (Amount(low=low, value=value, high=high, unit="h") for low, value, high in (a, b))
    total = one + two
    assert (total.low, total.value, total.high) == (a[0] + b[0], a[1] + b[1], a[2] + b[2])
    assert total == two + one
    bare = Amount(value=1.0, unit="h") + Amount(value=2.0, unit="h")
    assert (bare.low, bare.high) == (None, None)


def test_an_interval_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="not in rising order"):
        Interval(low=0.5, central=0.4, high=0.6)
