"""Laws of the optimum alone, of one scarce thing, and of steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.laws import Frontier, SinglePower
from lehr.simulators.laws.base import ValidRange
from lehr.simulators.laws.frontier import PowerOfCompute
from lehr.simulators.laws.hyper import overheads
from lehr.simulators.laws.steps import StepsLaw

TOKENS = PowerOfCompute(coefficient=0.299, exponent=0.537)
SIZES = PowerOfCompute(coefficient=0.0993, exponent=0.498)


def frontier(**fields: object) -> Frontier:
    return Frontier(name="x", title="", n_convention="total", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("law", [frontier(tokens=TOKENS), frontier(parameters=SIZES)], ids=["tokens", "parameters"])
def test_what_is_not_given_is_what_the_budget_leaves(law: Frontier) -> None:
    n, d = law.optimum(1e22)
    # a power and its inverse: roundings of 2**-53 grow by the logarithm of 1e22, 51, and by 1 / 0.46
    assert 6 * n * d == pytest.approx(1e22, rel=1e-13)
    assert float(law.flops_for(n)) == pytest.approx(1e22, rel=1e-13)
    ten = law.optimum(1e23)[0] / n
    assert np.log10(ten) == pytest.approx(law.size_exponent(), rel=1e-13)


def test_both_given_are_both_as_published_in_their_unit() -> None:
    day = 8.64e19
    law = frontier(
        parameters=PowerOfCompute(coefficient=1.3e9, exponent=0.73, unit=day),
        tokens=PowerOfCompute(coefficient=2e10, exponent=0.27, unit=day),
    )
    assert law.optimum(day) == (1.3e9, 2e10)
    assert float(law.flops_for(1.3e9)) == pytest.approx(day)


def test_budgets_broadcast() -> None:
    law, budgets = frontier(tokens=TOKENS), np.array([1e20, 1e24])
    n, d = law.optimum(budgets)  # type: ignore[arg-type]
    assert [(a, b) for a, b in zip(n, d, strict=True)] == [law.optimum(c) for c in budgets]  # type: ignore[call-overload]


def test_flops_per_token_need_no_six() -> None:
    law = Frontier(name="x", title="", n_convention="flops_per_token", flops_per_nd=1, tokens=TOKENS)
    m, d = law.optimum(1e22)
    # one power, as above
    assert m * d == pytest.approx(1e22, rel=1e-13)
    assert law.answers()["optimum.parameters"][1] == "FLOP/token"
    # and back, by its own count of the work of a token
    assert float(law.flops_for(m)) == pytest.approx(1e22, rel=1e-13)


@given(per_nd=st.floats(0.5, 12.0), flops=st.floats(1e17, 1e27))
def test_the_budget_of_an_optimal_size_at_any_work_for_a_token(per_nd: float, flops: float) -> None:
    law = frontier(tokens=TOKENS, flops_per_nd=per_nd)
    n, d = law.optimum(flops)
    # as above, with one quotient more
    assert per_nd * n * d == pytest.approx(flops, rel=1e-13)
    assert float(law.flops_for(n)) == pytest.approx(flops, rel=1e-12)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="needs `parameters` or `tokens`"):
        frontier()
    with pytest.raises(ValueError, match="flops must be above 0"):
        frontier(tokens=TOKENS).optimum(0.0)
    with pytest.raises(ValueError, match="write parameters, tokens or flops"):
        SinglePower(name="x", title="", of="steps", x_c=1.0, alpha=0.1)


def test_warnings_name_the_budget() -> None:
    law = frontier(tokens=TOKENS, range=ValidRange(flops=(6e18, 1e22)))
    assert law.warnings(1e20) == []
    assert law.warnings(3.8e25) == ["3.8e+25 FLOP lie outside the fitted range, 6e+18 to 1e+22"]
    single = SinglePower(name="x", title="", of="tokens", x_c=5.4e13, alpha=0.095, range=ValidRange(tokens=(1e7, 1e10)))
    assert single.warnings(1e12) == ["1e+12 tokens lie outside the fitted range, 1e+07 to 1e+10"]


STEPS = StepsLaw(
    name="x", title="", n_convention="non_embedding", loss_unit="nats/token", N_c=6.5e13, alpha_N=0.077, S_c=2.1e3,
    alpha_S=0.76, B_star=2e8, alpha_B=0.21,
)  # fmt: skip


def test_the_loss_of_a_finite_batch_satisfies_its_own_equation() -> None:
    n, steps, batch = np.array([1e7, 1e9]), 1e5, np.array([0.1e6, 4e6])
    loss = STEPS.loss(n, steps, batch)
    critical = 2e8 / loss ** (1 / 0.21)
    slower, _ = overheads(batch, critical)
    assert loss == pytest.approx(STEPS.loss(n, steps / slower), rel=1e-9)
    # a batch far beyond the critical one is as fast as can be
    assert float(STEPS.loss(1e9, 1e5, 1e15)) == pytest.approx(float(STEPS.loss(1e9, 1e5)), rel=1e-6)
