"""From loss and compute to scores: limits, inverses and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.laws.downstream import (
    DifficultyCluster,
    ExponentialError,
    Observational,
    PassRatePower,
    Sigmoid,
    SigmoidScore,
    TaskLadder,
)

ERROR = ExponentialError(
    name="x", title="", metric="error", benchmark="b", loss_unit="nats/token", epsilon=0.85, k=2.08, gamma=0.756
)


@given(loss=st.floats(1.5, 6))
def test_the_error_grows_with_the_loss_up_to_chance(loss: float) -> None:
    assert float(ERROR.score(loss)) < float(ERROR.score(loss + 0.1)) < ERROR.epsilon
    # 0.756 x 1000 is beyond what a double holds of an exponential
    assert float(ERROR.score(1e3)) == ERROR.epsilon


@given(x=st.floats(-3, 3))
def test_the_sigmoid_inverts(x: float) -> None:
    curve = Sigmoid(a=-0.7, b=1.0, k=2.0, x0=0.5)
    # x is at most 3: at k = 2 the tail is e**-7 of the height, which turns a rounding of 2**-53 into 1e-13
    assert float(curve.inverse(curve.at(x))) == pytest.approx(x, abs=1e-12)


def test_the_sigmoid_has_no_value_beyond_its_ends_and_never_overflows() -> None:
    curve = Sigmoid(a=0.75, b=0.25, k=-8.0, x0=1.0)
    assert np.isnan(curve.inverse(0.2))
    assert curve.at(np.array([-1e6, 1e6])) == pytest.approx([1.0, 0.25])
    score = SigmoidScore(
        name="x", title="", metric="accuracy", benchmark="b", loss_unit="nats/token", sigmoid=curve
    )  # fmt: skip
    assert float(score.score(1.0)) == 0.625


def test_a_ladder_chains_its_two_steps() -> None:
    curve = Sigmoid(a=-0.7, b=1.0, k=4.0, x0=0.8)
    law = TaskLadder(
        name="x", title="", metric="accuracy", benchmark="b", n_convention="non_embedding", loss_unit="bits/byte",
        E=0.3, A=60.0, B=100.0, alpha=0.25, beta=0.25, sigmoid=curve,
    )  # fmt: skip
    n, d = np.array([1e9, 7e9]), 4e12
    assert law.score(n, d) == pytest.approx(curve.at(law.loss(n, d)))
    assert law.score(7e9, d) > law.score(1e9, d)


def test_more_compute_passes_more() -> None:
    power = PassRatePower(name="x", title="", metric="pass rate", benchmark="b", alpha=1.0, k=0.1, unit=1e21)
    cluster = DifficultyCluster(
        name="x", title="", metric="accuracy", benchmark="b", g=0.25, a=2.0, b=0.2, c=0.01, unit=1e21
    )
    budgets = np.logspace(18, 40, 30)
    for law, low, high in ((power, 0.0, 1.0), (cluster, 0.25, 0.25 + 0.75 * np.exp(-0.01))):
        scores = law.score(budgets)
        assert np.all(np.diff(scores) > 0)
        assert np.all((scores > low) & (scores < high))
        with pytest.raises(ValueError, match="flops must be above 0"):
            law.score(0.0)
    # -log of the mean is the power law
    assert -np.log(power.score(1e25)) == pytest.approx((1e25 / 1e21) ** -0.1)


def test_capabilities_have_as_many_components_as_the_law() -> None:
    law = Observational(name="x", title="", metric="error", benchmark="b", h=0.8, alpha=0.0, beta=[1.0, -1.0])
    assert law.score([[0.0, 0.0], [50.0, -50.0]]) == pytest.approx([0.4, 0.8])
    with pytest.raises(ValueError, match="fitted with 2 components"):
        law.score([1.0, 2.0, 3.0])
