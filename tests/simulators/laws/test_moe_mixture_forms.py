"""The forms of mixtures of experts, data mixtures and fine-tuning: limits, bad input and files."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.laws.mixture import DomainCpt, MixingLaw, largest_domain_share
from lehr.simulators.laws.moe.base import saturating
from lehr.simulators.laws.moe.clark import fit_routed
from lehr.simulators.laws.moe.memory import best_under_memory
from lehr.simulators.laws.sft import fit_rectified
from tests.simulators.cases import JOINT, LEVERAGE, NARROW_REPLAY, ROUTED, SPARSITY, WIDE_REPLAY


def test_one_expert_is_the_start_of_the_saturation() -> None:
    assert float(saturating(1.0, 2.0732, 290.4521)) == pytest.approx(2.0732)
    with pytest.raises(ValueError, match="a dense model has 1"):
        saturating([0.5, 2.0], 2.0, 300.0)


def test_a_dense_model_is_worth_itself() -> None:
    sizes = np.array([25e6, 1.3e9, 1e11])
    assert ROUTED.effective_parameters(sizes, 1) == pytest.approx(sizes)
    assert JOINT.dense_size([1e9, 3e9], 20e9, 1) == pytest.approx([1e9, 3e9], rel=1e-11)
    n, d = JOINT.optimum(1e21, 1)
    assert JOINT.dense_flops(n, d, 1) == pytest.approx(1e21, rel=1e-6)


@given(active=st.floats(1e8, 1e11), ratio=st.floats(5.0, 500.0), experts=st.floats(2.0, 32.0))
def test_equal_loss_is_equal_loss(active: float, ratio: float, experts: float) -> None:
    dense = JOINT.dense_size(active, ratio * active, experts)
    loss = float(JOINT.loss(active, ratio * active, experts))
    assert float(JOINT.loss(dense, ratio * active)) == pytest.approx(loss, rel=1e-12)


def test_no_dense_size_reaches_a_loss_below_what_its_tokens_allow() -> None:
    # on 1e13 tokens the data term alone is .15 for a dense model, and .14 is what the mixture is left with
    assert np.isnan(JOINT.dense_size(1e16, 1e13, 32))


def test_memory_that_nothing_fits_into_leaves_no_choice() -> None:
    assert best_under_memory(JOINT, 1e21, 1e3) == []
    with pytest.raises(ValueError, match="memory must be above 0"):
        best_under_memory(JOINT, 1e21, 0.0)
    free = best_under_memory(JOINT, 1e21, 1e15)
    assert not any(choice.limited for choice in free)
    assert [choice.experts for choice in free] == [32, 16, 8, 4, 2, 1]


@pytest.mark.parametrize("sparsity", [-0.1, 1.0])
def test_a_sparsity_that_is_none_is_refused(sparsity: float) -> None:
    with pytest.raises(ValueError, match="write 0 or more, below 1"):
        SPARSITY.loss(1e9, 1e11, sparsity)


@pytest.mark.parametrize("activation", [0.0, 1.5])
def test_an_activation_that_is_none_is_refused(activation: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        LEVERAGE.leverage(activation, 8, 1e21)


def test_optimal_sparsity_grows_with_size() -> None:
    # the paper's first finding, at a fixed budget: tokens are what the active parameters leave
    sparsity = np.linspace(0, 0.98, 99)

    def best(total: float) -> float:
        tokens = 1e21 / 6 / (total * (1 - sparsity))
        return float(sparsity[np.argmin(SPARSITY.loss(total, tokens, sparsity))])

    assert best(1e9) < best(1e10) < best(1e11)


def test_too_few_or_constant_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="give 7 or more"):
        fit_routed([1e8] * 3, [1, 2, 4], [3.0, 2.9, 2.8])
    with pytest.raises(ValueError, match="must both vary"):
        fit_routed([1e8] * 8, range(1, 9), np.linspace(3, 2, 8))
    with pytest.raises(ValueError, match="give 4 or more"):
        fit_rectified([1, 2, 3], [3.0, 2.0, 1.0])
    with pytest.raises(ValueError, match="above 0"):
        fit_rectified([1, 2, 4, 8], [3.0, 2.0, 1.0, -0.1])
    with pytest.raises(ValueError, match="no curve to fit"):
        fit_rectified([1, 2, 4, 8], [1.0, 2.0, 3.0, 4.0])


def test_replay_outside_the_table_has_no_answer() -> None:
    assert np.isnan(NARROW_REPLAY.old_loss(0.5))
    assert NARROW_REPLAY.least_share(0.001) is None
    with pytest.raises(ValueError, match="shares must rise"):
        msgspec.structs.replace(NARROW_REPLAY, shares=[0.05, 0.0]).__post_init__()


def test_more_replay_keeps_more_and_learns_less() -> None:
    shares = np.linspace(0.0, 0.5, 11)
    assert (np.diff(WIDE_REPLAY.old_loss(shares)) < 0).all()
    assert (np.diff(WIDE_REPLAY.new_loss(shares)) >= 0).all()
    # 5 % leaves 2.57, 18.4 % above what it was before
    assert WIDE_REPLAY.least_share(2.57 / 2.17 - 1 + 1e-9) == pytest.approx(0.05, abs=1e-3)


def test_the_domain_share_of_a_law_is_where_general_loss_meets_the_limit() -> None:
    general = DomainCpt(
        name="x", title="", n_convention="total", loss_unit="nats/token", E=1.0, A=100.0, alpha=0.25, B=50.0, eta=0.1,
        beta=0.2, C=0.2, eps=0.01, gamma=0.3,
    )  # fmt: skip
    before = float(general.loss(1.8e9, 10e9, 1.0))
    share = largest_domain_share(lambda s: float(general.loss(1.8e9, 10e9, 1 - s)), before, 0.03)
    assert share is not None
    assert float(general.loss(1.8e9, 10e9, 1 - share)) == pytest.approx(1.03 * before, rel=1e-9)
    assert largest_domain_share(lambda s: 3.0, before=2.0) is None
    assert largest_domain_share(lambda s: 2.0, before=2.0) == 1.0


def test_a_mixing_law_knows_its_domains() -> None:
    mixing = MixingLaw(
        name="x", title="", loss_unit="nats/token", c={"code": 1.0}, k={"code": 1.0}, t={"code": {"code": -1.0}}
    )
    with pytest.raises(ValueError, match="has no domain 'law'"):
        mixing.loss("law", {})
    with pytest.raises(ValueError, match="not trained on 'text'"):
        mixing.loss("code", {"text": 0.5})
    with pytest.raises(ValueError, match="same validation domains"):
        MixingLaw(name="x", title="", loss_unit="nats/token", c={"code": 1.0}, k={}, t={})
