"""A run beside a law's optimum, and a mixture beside dense models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.counting import count_parameters
from lehr.simulators.laws import Chinchilla, Frontier
from lehr.simulators.laws.frontier import PowerOfCompute
from lehr.simulators.laws.moe import EfficiencyLeverage, RoutedLaw
from lehr.simulators.projection.assessment import allocate, allocate_frontier, dense_equivalent, sparsity_of


def chinchilla() -> Chinchilla:
    return Chinchilla(
        name="x", title="", n_convention="total", loss_unit="nats/token", E=1.8172, A=482.01, B=2085.43, alpha=0.3478,
        beta=0.3658,
    )  # fmt: skip


@given(n=st.floats(1e8, 1e12), ratio=st.floats(0.1, 1e4))
def test_the_cheapest_run_of_equal_loss_costs_no_more(n: float, ratio: float) -> None:
    law = chinchilla()
    found = allocate(law, n, ratio * n)
    assert found.best_loss is not None
    assert found.loss is not None
    # a minimum of doubles: the two may differ in the last digits where the run is the optimum
    assert found.best_loss <= found.loss * (1 + 1e-12)
    assert found.best_parameters * found.best_tokens * 6 == pytest.approx(found.flops)
    if found.equal_loss_flops is not None:
        assert found.equal_loss_flops <= found.flops * (1 + 1e-9)
        # the budget is found to a relative 1e-12; an optimum that is searched is flat to 1e-9 in its loss
        assert float(law.loss(*law.optimum(found.equal_loss_flops))) == pytest.approx(found.loss, rel=1e-9)


def test_the_optimum_is_its_own_cheapest_run() -> None:
    law = chinchilla()
    found = allocate(law, *law.optimum(1e22))
    assert found.over_training == pytest.approx(1)
    # a loss is flat at its optimum: rounding it in the last digit moves the budget by some 1e-7
    assert found.equal_loss_flops == pytest.approx(1e22, rel=1e-6)


@pytest.mark.parametrize(("n", "d"), [(0.0, 1e9), (1e9, -1.0)])
def test_no_parameters_or_tokens_are_refused(n: float, d: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        allocate(chinchilla(), n, d)


def test_a_frontier_is_asked_at_the_runs_own_work() -> None:
    law = Frontier(name="x", title="", n_convention="total", tokens=PowerOfCompute(coefficient=0.299, exponent=0.537))
    found = allocate_frontier(law, 8e9, 15e12, 1e30)
    assert found.flops == 6 * 8e9 * 15e12
    assert found.best_tokens == pytest.approx(0.299 * found.flops**0.537)
    assert found.best_parameters * found.best_tokens * 6 == pytest.approx(found.flops)
    assert found.loss is None


def test_a_frontier_of_flops_per_token_counts_the_work_as_given() -> None:
    law = Frontier(
        name="x", title="", n_convention="flops_per_token", flops_per_nd=1.0,
        tokens=PowerOfCompute(coefficient=5.8316, exponent=0.4757),
    )  # fmt: skip
    # DeepSeek LLM at its own budget is its own optimum, whatever N is
    found = allocate_frontier(law, 1.0, 1.041e12, 4.5e23)
    assert found.flops == 4.5e23
    assert found.over_training == pytest.approx(1, rel=1e-3)
    assert found.parameters == pytest.approx(4.5e23 / 6 / 1.041e12)


def test_deepseek_v3_in_the_terms_of_the_laws() -> None:
    architecture = Catalogue().model("deepseek_v3").shape()
    sparsity = sparsity_of(architecture)
    assert sparsity is not None
    # 256 routed experts and a shared one, of which 8 and the shared one are used; 2 x 7168 / 2048
    assert sparsity.expansion == pytest.approx(257 / 9)
    assert sparsity.granularity == pytest.approx(7)
    count = count_parameters(architecture)
    routed, leverage = Catalogue().law("clark_rl_r"), Catalogue().law("ling_leverage")
    assert isinstance(routed, RoutedLaw)
    assert isinstance(leverage, EfficiencyLeverage)
    # of 37B active parameters and 130e9 tokens RL-R says that routing gains nothing beyond its cutoff's order
    found = dense_equivalent(routed, sparsity, count, 14.8e12, 3.7e24)
    assert found.inputs["tokens"] == 130e9
    assert found.work_same_tokens == pytest.approx(1, abs=0.1)
    assert len(found.warnings) == 2
    found = dense_equivalent(leverage, sparsity, count, 14.8e12, 3.7e24)
    assert found.work_best == pytest.approx(float(leverage.leverage(9 / 257, 7, 3.7e24)))
    assert found.parameters is None
