"""What every loss surface can be asked: optimum, range and interval."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.base import AnyUncertainty, Covariance, Draws, StandardErrors, ValidRange
from lehr.simulators.laws.surfaces import Farseer
from lehr.simulators.laws.surfaces.base import Surface, least_loss
from lehr.simulators.planning import choose, ladder
from lehr.simulators.planning.choosing import rung_of


def chinchilla(uncertainty: AnyUncertainty | None = None, **constants: float) -> Chinchilla:
    values = {"E": 1.82, "A": 482.0, "B": 2085.0, "alpha": 0.35, "beta": 0.37, **constants}
    return Chinchilla(
        name="x", title="", n_convention="total", loss_unit="nats/token", uncertainty=uncertainty,
        range=ValidRange(parameters=(1e8, 1e10), tokens=(1e9, 1e12), tokens_per_parameter=(1.0, 100.0)), **values,
    )  # fmt: skip


@given(
    flops=st.floats(1e19, 1e26), alpha=st.floats(0.2, 0.6), beta=st.floats(0.2, 0.6), a=st.floats(1e2, 1e4),
    b=st.floats(1e2, 1e4),
)  # fmt: skip
def test_the_search_finds_the_closed_form(flops: float, alpha: float, beta: float, a: float, b: float) -> None:
    law = chinchilla(A=a, B=b, alpha=alpha, beta=beta)
    searched, _ = Surface.optimum(law, flops)
    exact_n, exact_d = law.optimum(flops)
    assume(exact_n > 1e3 and exact_d > 1e3)  # where the search looks
    # a minimum of doubles is flat over sqrt(eps / curvature): losses near 2 with a reducible part of 1e-3 or more
    assert searched == pytest.approx(exact_n, rel=2e-4)


def test_many_budgets_at_once_are_the_budgets_one_by_one() -> None:
    law, budgets = chinchilla(), np.array([1e19, 1e21, 1e24])
    together = least_loss(law.loss, budgets)
    assert together.tolist() == [float(least_loss(law.loss, c)) for c in budgets]


@pytest.mark.parametrize("flops", [0.0, -1e20, float("nan")])
def test_a_budget_that_is_none_is_refused(flops: float) -> None:
    with pytest.raises(ValueError, match="flops must be above 0"):
        chinchilla().optimum(flops)


def test_warnings_name_each_input_outside_its_range() -> None:
    law = chinchilla()
    assert law.warnings(1e9, 2e10) == []
    assert law.warnings(1e11, 2e12) == [
        "1e+11 parameters lie outside the fitted range, 1e+08 to 1e+10",
        "2e+12 tokens lie outside the fitted range, 1e+09 to 1e+12",
    ]
    assert law.warnings(1e8, 1e12) == ["1e+04 tokens per parameter lie outside the fitted range, 1 to 100"]


def test_the_interval_of_a_covariance_is_that_of_the_normal_distribution() -> None:
    # only E is unsure, so that the loss is normal with its standard deviation
    law = chinchilla(Covariance(parameters=["E"], covariance=[[0.01**2]]))
    found = law.interval(1e9, 2e10, 0.95)
    assert found is not None
    middle = float(law.loss(1e9, 2e10))
    # the standard error of a 2.5 % quantile of 1000 normal draws is 0.08 standard deviations; four of them
    assert np.array(found) - middle == pytest.approx([-0.0196, 0.0196], abs=4 * 0.08 * 0.01)


def test_a_logarithmic_coordinate_multiplies_its_constant() -> None:
    law = chinchilla(Covariance(parameters=["log A"], covariance=[[0.1**2]]))
    found = law.interval(1e9, 2e10)
    assert found is not None
    part = 482.0 * 1e9**-0.35
    expected = [float(law.loss(1e9, 2e10)) + part * (np.exp(z * 0.196) - 1) for z in (-1, 1)]
    # four standard errors of the quantiles, as above
    assert found == pytest.approx(expected, abs=4 * 0.08 * 0.1 * part)


def test_draws_give_their_own_quantiles_for_loss_and_optimum() -> None:
    shifts = np.linspace(-0.02, 0.02, 101)
    law = chinchilla(Draws.of(["E", "alpha"], [[1.82 + s, 0.35] for s in shifts]))
    middle = float(law.loss(1e9, 2e10))
    low, high = law.intervals([1e9, 1e9], [2e10, 2e10], 0.9)
    # of 101 even draws the 5 % quantile is the sixth, to rounding
    assert low == pytest.approx([middle - 0.018] * 2, abs=1e-12)
    assert high == pytest.approx([middle + 0.018] * 2, abs=1e-12)
    (n_low, n_high), _ = law.optimum_interval(1e22) or ((0, 0), (0, 0))
    assert n_low == pytest.approx(n_high)
    assert n_low == pytest.approx(law.optimum(1e22)[0])


def test_a_single_run_scatters_more_widely_than_the_curve() -> None:
    law = chinchilla(Draws.of(["E"], [[1.82 + s] for s in np.linspace(-0.01, 0.01, 401)], residual=0.02))
    curve, run = law.intervals(1e9, 2e10), law.intervals(1e9, 2e10, run=True)
    assert run[0] < curve[0] < curve[1] < run[1]


def test_standard_errors_alone_give_no_interval() -> None:
    law = chinchilla(StandardErrors(errors={"A": 124.5}))
    assert law.interval(1e9, 2e10) is None
    assert law.optimum_interval(1e22) is None
    with pytest.raises(ValueError, match="has no covariance"):
        law.intervals(1e9, 2e10)


def test_a_level_that_is_no_share_is_refused() -> None:
    law = chinchilla(Covariance(parameters=["E"], covariance=[[1e-4]]))
    with pytest.raises(ValueError, match="write a share between 0 and 1"):
        law.interval(1e9, 2e10, 95)


def test_a_covariance_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="2 rows of 2 numbers"):
        Covariance(parameters=["E", "log A"], covariance=[[1.0]])
    with pytest.raises(ValueError, match="20 or more"):
        Draws.of(["E"], [[1.0]])


def test_a_plan_by_farseers_form_keeps_out_of_its_fall_towards_no_data() -> None:
    # conf/law/code_farseer.yaml: 438B on 38B tokens would have the least loss of all
    law = Farseer(
        name="x", title="", n_convention="non_embedding", loss_unit="bits/char",
        s=-0.0047, q=0.239, S=-0.8188, B=62.8936, b=-0.0614, Q=-14.0414, A=-0.0209, a=0.1943, E=-0.1826,
    )  # fmt: skip
    networks = ladder(vocab_size=128256, context_length=4096)
    plan = choose({key: rung_of(network, 4096) for key, network in networks.items()}, 1e23, law)
    # parameters without embeddings are fewer than all
    assert all(c.tokens >= c.parameters - 2 * 128256 * c.d_model for c in plan.candidates)
