"""Every curve law: its formula, what all of them have in common, and what they refuse."""

from typing import Any

import msgspec
import numpy as np
import pytest

from lehr.simulators.laws import AnyLaw
from lehr.simulators.laws.curves import (
    CURVE_LAWS,
    CptShift,
    CurveLaw,
    CurveRange,
    Momentum,
    MultiPower,
    PowerOfSum,
    constant_values,
)

EXAMPLES: dict[str, CurveLaw] = {
    "power_of_sum": PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5),
    "momentum": Momentum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, C=4.0, decay=0.99),
    "multi_power": MultiPower(name="x", title="", L0=3.0, A=0.5, alpha=0.5, B=364.0, C=2.07, beta=0.58, gamma=0.64),
    "cpt_shift": CptShift(
        name="x", title="", L0=3.0, A=0.5, alpha=0.5, C1=4.0, C2=3.0, decay=0.99, B=0.2, E=3.0, beta=0.5
    ),
}
PEAK = 3e-4


def wsd(n: int = 3000, warm_up: int = 100, decay: int = 600, final: float = 0.1) -> np.ndarray:
    t = np.arange(float(n))
    return PEAK * np.minimum(t / warm_up, 1) * (1 - (1 - final) * np.clip((t - (n - decay)) / decay, 0, 1))


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(CURVE_LAWS)


@pytest.mark.parametrize("kind", EXAMPLES)
class TestContract:
    def test_it_is_told_apart_by_its_kind(self, kind: str) -> None:
        law = EXAMPLES[kind]
        plain = msgspec.to_builtins(law)
        assert plain["kind"] == kind
        assert msgspec.convert(plain, AnyLaw) == law

    def test_its_constants_are_its_numbers(self, kind: str) -> None:
        law = EXAMPLES[kind]
        assert tuple(constant_values(law)) == law.constants_of_law
        assert len(law.constants_of_law) == sum(
            isinstance(value, float) for value in msgspec.structs.asdict(law).values()
        )

    def test_chosen_steps_agree_with_all_steps(self, kind: str) -> None:
        law, rates = EXAMPLES[kind], wsd()
        steps = np.array([150, 2399, 2400, 2401, 2999])
        exact = law.loss_at(rates, steps, changed_at=2000)
        # B sum |change| times the tolerance of 1e-7 of the fast sum
        assert np.allclose(law.loss(rates, changed_at=2000)[steps], exact, rtol=0, atol=364 * 6e-4 * 1e-7)

    def test_loss_falls_while_the_rate_is_constant(self, kind: str) -> None:
        loss = EXAMPLES[kind].loss(np.full(2000, PEAK))
        assert (np.diff(loss[10:]) < 0).all()

    def test_a_step_knows_nothing_of_later_ones(self, kind: str) -> None:
        law, rates = EXAMPLES[kind], wsd()
        # the fast sum's nodes depend on the whole schedule: again its tolerance
        assert np.allclose(law.loss(rates)[100:2500], law.loss(rates[:2500])[100:], rtol=0, atol=364 * 6e-4 * 2e-7)

    @pytest.mark.parametrize(
        ("rates", "message"),
        [
            ([], "one learning rate for each step"),
            ([[1.0]], "one learning rate for each step"),
            ([1e-4, float("nan")], "step 1 is not a finite number"),
            ([1e-4, 1e-4, -1e-4], "step 2 is negative"),
        ],
    )
    def test_bad_rates_are_refused(self, kind: str, rates: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            EXAMPLES[kind].loss(rates)

    def test_a_step_beyond_the_schedule_is_refused(self, kind: str) -> None:
        with pytest.raises(ValueError, match="steps 0 to 9; 3 to 10 were asked"):
            EXAMPLES[kind].loss_at(np.full(10, PEAK), [3, 10])

    def test_bad_constants_are_refused(self, kind: str) -> None:
        plain = msgspec.to_builtins(EXAMPLES[kind])
        for name, value in (("A", 0.0), ("alpha", -0.1)):
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({**plain, name: value}, AnyLaw)


@pytest.mark.parametrize("kind", ["momentum", "multi_power", "cpt_shift"])
def test_annealing_lowers_the_loss_below_the_sum_alone(kind: str) -> None:
    law, rates = EXAMPLES[kind], wsd()
    plain = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    gain = plain.loss(rates)[1:] - law.loss(rates)[1:]
    assert gain[2998] > gain[2398] + 1e-3


@pytest.mark.parametrize("kind", ["momentum", "multi_power", "cpt_shift"])
def test_warming_up_again_costs(kind: str) -> None:
    low = np.r_[np.full(2000, PEAK), np.full(1000, PEAK / 10)]
    again = low.copy()
    again[2500:] = PEAK
    # soon after, before the larger steps have paid
    assert EXAMPLES[kind].loss(again)[2505] > EXAMPLES[kind].loss(low)[2505]


def test_momentum_law_by_its_definition() -> None:
    law, rates = EXAMPLES["momentum"], wsd()
    assert isinstance(law, Momentum)
    flat = rates.copy()
    flat[:100] = PEAK
    m = s2 = 0.0
    for t in range(1, 3000):
        m = law.decay * m + (flat[t - 1] - flat[t])
        s2 += m
    expected = law.L0 + law.A * flat.sum() ** -law.alpha - law.C * s2
    # 3000 additions
    assert law.loss(rates)[-1] == pytest.approx(expected, rel=3000 * 2**-52)


def test_without_a_change_of_data_the_cpt_law_is_the_momentum_law() -> None:
    cpt, momentum = EXAMPLES["cpt_shift"], EXAMPLES["momentum"]
    # the same sums; the two losses are put together in another order: a few roundings of 2**-53
    assert np.allclose(cpt.loss(wsd())[100:], momentum.loss(wsd())[100:], rtol=1e-14)


def test_cpt_shift_by_its_definition() -> None:
    law, rates = EXAMPLES["cpt_shift"], np.r_[wsd(), wsd(1000, 50, 200)]
    assert isinstance(law, CptShift)
    momentum = EXAMPLES["momentum"]
    flat = rates.copy()
    flat[:100] = PEAK
    m1 = m2 = s21 = s22 = 0.0
    for t in range(1, 4000):
        m1 = law.decay * m1 + (flat[t - 1] - flat[t]) * (t < 3000)
        m2 = law.decay * m2 + (flat[t - 1] - flat[t]) * (t >= 3000)
        s21, s22 = s21 + m1, s22 + m2
    shift = law.B * (1 - (1 + law.E * flat[3000:].sum()) ** -law.beta)
    expected = law.L0 + law.A * flat.sum() ** -law.alpha - law.C1 * s21 - law.C2 * s22 + shift
    loss = law.loss(rates, changed_at=3000)
    # 4,000 sums; before the change of data the two laws are one, but for the order of a few sums
    assert loss[-1] == pytest.approx(expected, rel=4000 * 2**-52)
    assert np.allclose(loss[100:3000], momentum.loss(rates)[100:3000], rtol=1e-14)
    with pytest.raises(ValueError, match="changed_at is 4001"):
        law.loss(rates, changed_at=4001)


def test_constants_of_the_multi_power_law_do_not_care_where_warm_up_begins() -> None:
    """Rates of zero before training begins change nothing."""
    law, rates = EXAMPLES["multi_power"], wsd()
    later = law.loss(np.r_[np.zeros(50), rates])
    assert np.isinf(later[:50]).all()
    # two evaluations, each within its tolerance
    assert np.allclose(later[60:], law.loss(rates)[10:], rtol=0, atol=2 * 364 * 6e-4 * 1e-7)


def test_a_drop_to_zero_pays_nothing_until_the_rate_rises() -> None:
    law = EXAMPLES["multi_power"]
    loss = law.loss(np.r_[np.full(500, PEAK), np.zeros(100), np.full(10, PEAK / 2)])
    # the law promises 1e-7 B sum |drops|, with B = 364 and drops of three times 3e-4; two values differ by two errors
    assert np.allclose(loss[500:600], loss[499], rtol=0, atol=2 * 364 * 9e-4 * 1e-7)
    assert loss[600] < loss[599]


def test_a_schedule_outside_the_range_is_named() -> None:
    fitted = CurveRange(steps=(2160, 24000), peak_rate=(3e-4, 3e-4))
    assert fitted.curve_warnings(np.full(24000, 3e-4)) == []
    assert fitted.curve_warnings(np.full(24000, 6e-4)) == [
        "0.0006 as peak learning rate lies outside the fitted range, 0.0003 to 0.0003"
    ]
