"""A run beside a law's optimum, and a mixture beside dense models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.counting import count_parameters
from lehr.simulators.laws import Chinchilla, Frontier
from lehr.simulators.laws.frontier import PowerOfCompute
from lehr.simulators.planning.ladder import mixture
from lehr.simulators.projection.assessment import allocate, allocate_frontier, dense_equivalent, sparsity_of
from tests.simulators.cases import JOINT, LEVERAGE, ROUTED


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


def test_a_mixture_in_the_terms_of_the_laws() -> None:
    network = mixture(4096, expansion=8, top_k=8, vocab_size=128256, context_length=8192)
    sparsity = sparsity_of(network)
    assert sparsity is not None
    # 64 experts of which 8 are used, each an eighth of an MLP of 3.5 x 4096: 2 x 4096 / 1792
    assert sparsity.expansion == 8
    assert sparsity.granularity == pytest.approx(2 * 4096 / 1792)
    count = count_parameters(network)
    found = dense_equivalent(ROUTED, sparsity, count, 1e12, 5e22)
    assert found.inputs == {"active_non_embedding": count.active["excl_embeddings"], "tokens": 130e9, "experts": 8}
    assert found.parameters == float(ROUTED.effective_parameters(count.active["excl_embeddings"], 8))
    found = dense_equivalent(LEVERAGE, sparsity, count, 1e12, 5e22)
    assert found.work_best == pytest.approx(float(LEVERAGE.leverage(1 / 8, 2 * 4096 / 1792, 5e22)))
    assert found.parameters is None
    found = dense_equivalent(JOINT, sparsity, count, 1e12, 5e22)
    same = float(JOINT.dense_size(count.active["all"], 1e12, 8)) / count.active["all"]
    # told to twelve digits
    assert found.work_same_tokens == pytest.approx(same, rel=1e-11)
