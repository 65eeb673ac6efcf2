"""Laws of hyper-parameters: what they need, what they refuse, and identities that hold for any constants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.laws.base import ValidRange
from lehr.simulators.laws.hyper import (
    CriticalBatch,
    HyperLaw,
    LogLinearRate,
    LossCriticalBatch,
    PowerRules,
    Powers,
    Timescale,
    overheads,
    timescale,
    transfer,
)

positive = st.floats(1e-3, 1e12)


def test_a_rule_takes_compute_from_size_and_tokens() -> None:
    rule = Powers(coefficient=0.3, flops=-0.125)
    assert float(rule.at(n=1e9, d=1e11)) == float(rule.at(flops=6e20))
    assert float(rule.at(n=1e9, d=1e11, flops=1e21)) == float(rule.at(flops=1e21))
    assert rule.needs() == ["flops"]


def test_rules_broadcast() -> None:
    rule = Powers(coefficient=1.79, n=-0.713, d=0.307)
    grid = rule.at(n=np.array([[1e8], [1e9]]), d=np.array([1e10, 1e11, 1e12]))
    assert grid.shape == (2, 3)
    assert grid[1, 2] == float(rule.at(n=1e9, d=1e12))


def test_sequences_become_tokens() -> None:
    rules = PowerRules(
        name="x", title="", batch=Powers(coefficient=2.0, n=0.5), batch_unit="sequences", sequence_length=2048
    )
    assert float(rules.batch_tokens(n=1e8)) == 2.0 * 1e4 * 2048


@pytest.mark.parametrize(
    ("law", "question", "inputs", "says"),
    [
        (PowerRules(name="x", title="", rate=Powers(coefficient=1.0, n=1.0)), "peak_rate", {}, "needs n"),
        (PowerRules(name="x", title="", rate=Powers(coefficient=1.0)), "batch_tokens", {}, "nothing about the batch"),
        (PowerRules(name="x", title="", batch=Powers(coefficient=1.0)), "peak_rate", {}, "nothing about the learning"),
        (PowerRules(name="x", title="", rate=Powers(coefficient=1.0, n=1.0)), "peak_rate", {"n": 0.0}, "above 0"),
        (LogLinearRate(name="x", title="", intercept=0.0032, slope=0.00014), "peak_rate", {}, "needs n"),
        (LossCriticalBatch(name="x", title="", B_star=2e8, alpha_B=0.21), "batch_tokens", {"n": 1e9}, "needs loss"),
        (
            CriticalBatch(
                name="x", title="", of="tokens", coefficient=1.0, exponent=0.5, sequence_length=512, overhead=0.2
            ),
            "batch_tokens",
            {"n": 1e9},
            "needs d",
        ),
    ],
)
def test_what_cannot_be_answered(law: HyperLaw, question: str, inputs: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        getattr(law, question)(**inputs)


def test_a_law_without_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="needs `rate` or `batch`"):
        PowerRules(name="x", title="")
    with pytest.raises(ValueError, match="needs `sequence_length`"):
        PowerRules(name="x", title="", batch=Powers(coefficient=1.0), batch_unit="sequences")


def test_warnings_name_what_lies_outside() -> None:
    law = PowerRules(
        name="x", title="", rate=Powers(coefficient=1.0), range=ValidRange(parameters=(6e7, 1e9), tokens=(2e9, 1e11))
    )
    assert law.warnings(n=1e8, d=1e10) == []
    assert law.warnings(n=7e9, d=1e12) == [
        "7e+09 parameters lie outside the fitted range, 6e+07 to 1e+09",
        "1e+12 tokens lie outside the fitted range, 2e+09 to 1e+11",
    ]


def test_warnings_name_a_ratio_that_no_run_had() -> None:
    law = Timescale(
        name="x", title="", coefficient=1.084, exponent=-0.527, range=ValidRange(tokens_per_parameter=(20, 1280))
    )
    assert law.warnings(n=1e9, d=2e12) == ["2e+03 tokens per parameter lie outside the fitted range, 20 to 1.28e+03"]


@given(batch=positive, critical=positive)
def test_steps_and_data_trade_along_a_hyperbola(batch: float, critical: float) -> None:
    steps, data = overheads(batch, critical)
    # (S/S_min - 1)(E/E_min - 1) = 1; 1 + x - 1 keeps eps / x of x
    assert float((steps - 1) * (data - 1)) == pytest.approx(1, rel=1e-15 * (batch / critical + critical / batch) + 1e-9)
    # E = B S, with E_min = B_crit S_min
    assert float(data / steps) == pytest.approx(batch / critical, rel=1e-12)


@given(ratio=st.floats(1, 1e4), n=st.floats(1e7, 1e11), rate=st.floats(1e-5, 1e-2), batch=st.floats(1e4, 1e8))
def test_weight_decay_gives_back_its_time_scale(ratio: float, n: float, rate: float, batch: float) -> None:
    law = Timescale(name="x", title="", coefficient=1.084, exponent=-0.527)
    decay = law.weight_decay(batch=batch, rate=rate, n=n, d=ratio * n)
    # one power and ten products: roundings of 2**-53
    assert float(timescale(batch, rate, decay, ratio * n)) == pytest.approx(1.084 * ratio**-0.527, rel=1e-13)


def test_transfer_of_the_same_network_changes_nothing() -> None:
    same = transfer(width=1, depth=1)
    assert {getattr(same, f) for f in same.__struct_fields__} == {1.0}


@given(first=st.floats(0.1, 10), second=st.floats(0.1, 10), a=st.floats(0.5, 1))
def test_transfers_compose(first: float, second: float, a: float) -> None:
    once = transfer(width=first * second, depth=first * second, depth_exponent=a)
    parts = [transfer(width=w, depth=w, depth_exponent=a) for w in (first, second)]
    # powers of products against products of powers: a few roundings of 2**-53
    for field in once.__struct_fields__:
        assert getattr(once, field) == pytest.approx(getattr(parts[0], field) * getattr(parts[1], field), rel=1e-13)


def test_transfer_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        transfer(width=0)
    with pytest.raises(ValueError, match=r"from 0\.5 to 1"):
        transfer(width=2, depth_exponent=0.3)
