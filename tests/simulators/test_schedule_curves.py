"""What must hold of every schedule, and DeepSeek-V3's four phases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.catalogue import Catalogue
from simulators.schedules import (
    WSD,
    Constant,
    Cosine,
    Curve,
    Decay,
    Linear,
    Milestone,
    MultiStep,
    Phases,
    Stretch,
    Warmup,
    join,
)

PEAK = 3e-4
WARM = st.integers(0, 300)
KINDS = st.sampled_from(
    [
        lambda warm: Constant(peak=PEAK, warmup=warm),
        lambda warm: Cosine(peak=PEAK, floor_ratio=0.1, warmup=warm),
        lambda warm: Linear(peak=PEAK, warmup=warm, convention="end"),
        lambda warm: WSD(peak=PEAK, floor=1e-5, warmup=warm, decay=Decay(fraction=0.2, shape="one_minus_sqrt")),
        lambda warm: WSD(peak=PEAK, floor=1e-5, warmup=warm, decay=Decay(fraction=0.2, shape="exponential")),
        lambda warm: MultiStep(peak=PEAK, warmup=warm, milestones=[Milestone(fraction=0.8, ratio=0.316)]),
    ]
)


@given(KINDS, WARM, st.integers(400, 2000))
def test_a_curve_has_every_step_and_stays_between_zero_and_the_peak(kind: object, warm: int, n_steps: int) -> None:
    curve: Curve = kind(Warmup(steps=warm)).resolve(n_steps)  # type: ignore[operator]
    values = curve.values()
    assert len(values) == curve.n_steps == n_steps
    assert values.min() >= 0
    # half an ulp of the peak, from peak = end + (start - end) x 1
    assert values.max() <= PEAK * (1 + 2.3e-16)
    np.testing.assert_array_equal(curve.at(np.arange(n_steps)), values)
    assert [curve.at(step) for step in (0, n_steps // 2, n_steps - 1)] == [values[0], values[n_steps // 2], values[-1]]
    assert curve.integral(n_steps) == values.sum()


def test_deepseek_v3_has_the_four_phases_of_its_report() -> None:
    stage = Catalogue().recipe("deepseek_v3").stages["pt"]
    curve = stage.curve()
    assert curve is not None
    assert stage.batch is not None
    clock = stage.batch.clock(4096)
    at = {tokens: float(curve.at(round(clock.step_at(tokens)))) for tokens in (5e12, 12.15e12, 14.5e12, 14.7e12)}
    assert at[5e12] == 2.2e-4
    # half way of the cosine, to the rounding of a boundary to a whole step: 1/68,000 of the way
    assert at[12.15e12] == pytest.approx((2.2e-4 + 2.2e-5) / 2, rel=1e-4)
    assert at[14.5e12] == 2.2e-5
    assert at[14.7e12] == 7.3e-6
    assert curve.at(1000) == 1.1e-4
    assert curve.final == 7.3e-6


def test_joined_stages_keep_their_own_warm_up() -> None:
    one = Cosine(peak=3e-4, floor=3e-5).resolve(100)
    two = Cosine(peak=1e-4, warmup=Warmup(steps=10)).resolve(50)
    both = join({"pt": one, "cpt": two})
    np.testing.assert_array_equal(both.values(), np.concatenate([one.values(), two.values()]))
    assert both.at(100) == 0.0
    assert both.phase_at(105) == "cpt: warm-up"


@pytest.mark.parametrize(
    ("schedule", "complaint"),
    [
        (Cosine(peak=1e-4, warmup=Warmup(steps=101)), "longer than the stage's 100"),
        (WSD(peak=1e-4, warmup=Warmup(steps=50), decay=Decay(steps=51)), "longer than the stage's 100"),
        (Phases(peak=1e-4, phases=[Stretch(steps=90), Stretch(steps=20, to=0.0)]), "longer than the stage's 100"),
        (Phases(peak=1e-4, phases=[Stretch(steps=50)]), "end after 50 of 100"),
        (WSD(peak=1e-4, decay=Decay(steps=5, shape="exponential")), "floor above 0"),
        (Cosine(peak=1e-4, warmup=Warmup(tokens=1e9)), "needs the stage's batch"),
    ],
)
def test_what_does_not_fit_is_refused(schedule: Cosine, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        schedule.resolve(100)


def test_a_floor_above_the_peak_is_refused() -> None:
    with pytest.raises(ValueError, match="above peak"):
        Cosine(peak=1e-4, floor=2e-4)


def test_a_step_outside_the_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="steps 0 to 99"):
        Constant(peak=1e-4).resolve(100).at(100)
