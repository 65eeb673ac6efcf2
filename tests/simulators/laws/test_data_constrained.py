"""Repeated data and excess parameters are worth less, and never worth less than nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.laws import DataConstrained
from lehr.simulators.laws.surfaces.chinchilla import additive_optimum


def law(**constants: float) -> DataConstrained:
    values = {"E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.35, "beta": 0.35, "R_D_star": 15.4, "R_N_star": 5.3}
    return DataConstrained(
        name="x", title="", n_convention="total", loss_unit="nats/token", **(values | constants)
    )  # fmt: skip


sizes, tokens = st.floats(1e7, 1e11), st.floats(1e9, 1e13)


@given(n=sizes, d=tokens, epochs=st.floats(1.0, 1e4))
def test_repeats_are_worth_something_but_less_than_fresh_tokens(n: float, d: float, epochs: float) -> None:
    unique = d / epochs
    n_worth, d_worth = law().worth(n, d, unique)
    # doubles: D' is computed from differences of numbers of its own size
    assert unique * (1 - 1e-9) <= d_worth <= d * (1 + 1e-9)
    assert d_worth <= unique * (1 + 15.4) * (1 + 1e-12)
    assert n_worth <= n * (1 + 1e-9)
    assert law().loss(n, d, unique) >= law().loss(n, d) - 1e-12


@given(n=sizes, d=tokens, more=st.floats(1.0, 10.0))
def test_more_training_on_the_same_data_never_harms(n: float, d: float, more: float) -> None:
    assert law().loss(n, d * more, 1e10) <= law().loss(n, d, 1e10) + 1e-12


def test_one_epoch_is_chinchillas_form_up_to_the_optimal_size() -> None:
    surface = law()
    n = np.array([1e8, 1e9])
    expected = 1.87 + 521 * n**-0.35 + 1488 * 100e9**-0.35
    assert float(surface.size_for(100e9)) > 1e9
    # D - U is zero and exp(0) one: the same formula, a few roundings; 1e15 unique tokens are more than 100e9
    assert surface.loss(n, 100e9) == pytest.approx(expected, rel=1e-12)
    assert surface.loss(n, 100e9, 1e15) == pytest.approx(expected, rel=1e-12)


def test_the_size_for_fresh_tokens_is_chinchillas_optimum() -> None:
    for alpha, beta in ((0.35, 0.35), (0.34, 0.28)):
        surface = law(alpha=alpha, beta=beta)
        n, d = additive_optimum(1e22, 521.0, 1488.0, alpha, beta)
        # powers of powers of 1e22: roundings of 2**-53 grow by logarithms and exponents, to less than 1e-12
        assert float(surface.size_for(d)) == pytest.approx(n, rel=1e-12)
        assert surface.optimum(1e22) == pytest.approx((n, d), rel=1e-12)


def test_the_optimum_beats_its_neighbours_and_needs_more_epochs_than_parameters() -> None:
    surface, unique = law(), 10e9
    n, d = surface.optimum(1e22, unique)
    best = float(surface.loss(n, d, unique))
    for factor in (0.8, 0.95, 1.05, 1.25):
        assert float(surface.loss(n * factor, d / factor, unique)) > best
    fresh_n, fresh_d = surface.optimum(1e22)
    # R_D* is larger than R_N*: scarce data makes the model smaller, not larger
    assert n < fresh_n
    assert d > fresh_d
    assert d / unique > 10


def test_many_budgets_at_once_and_plenty_of_data() -> None:
    surface = law()
    n, d = surface.optimum(np.array([1e20, 1e22]), 1e15)  # type: ignore[arg-type]
    exact = surface.optimum(np.array([1e20, 1e22]))  # type: ignore[arg-type]
    # the search of a flat minimum: sqrt(eps / curvature), as in test_surfaces
    assert n == pytest.approx(exact[0], rel=2e-4)
    assert d == pytest.approx(exact[1], rel=2e-4)


@pytest.mark.parametrize(("flops", "unique"), [(0.0, 1e9), (1e20, 0.0), (1e20, -1.0)])
def test_budgets_that_are_none_are_refused(flops: float, unique: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        law().optimum(flops, unique)
