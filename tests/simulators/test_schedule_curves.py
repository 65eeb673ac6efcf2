"""What must hold of every schedule."""

from __future__ import annotations

from typing import get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.schedules import (
    WSD,
    WSDS,
    Batch,
    Constant,
    Cosine,
    Curve,
    Decay,
    Duration,
    InverseSqrt,
    Linear,
    Milestone,
    MultiStep,
    Phases,
    Polynomial,
    PowerLaw,
    Stretch,
    Warmup,
    WeightDecay,
    join,
)
from lehr.simulators.schedules.base import Convention, DecayShape
from lehr.simulators.schedules.batch import Milestone as BatchMilestone
from lehr.simulators.schedules.batch import Milestones
from lehr.simulators.training import Optimizer

PEAK = 3e-4
WARM = st.integers(0, 300)
KINDS = st.sampled_from(
    [
        lambda warm: Constant(peak=PEAK, warmup=warm),
        lambda warm: Cosine(peak=PEAK, floor_ratio=0.1, warmup=warm),
        lambda warm: Linear(peak=PEAK, warmup=warm, convention="end"),
        lambda warm: WSD(peak=PEAK, floor=1e-5, warmup=warm, decay=Decay(fraction=0.2, shape="one_minus_sqrt")),
        lambda warm: WSD(peak=PEAK, floor=1e-5, warmup=warm, decay=Decay(fraction=0.2, shape="exponential")),
        lambda warm: WSD(
            peak=PEAK, floor=1e-5, warmup=warm, decay=Decay(fraction=0.2, shape="inverse_root", power=9.0)
        ),
        lambda warm: WSD(peak=PEAK, floor=1e-5, warmup=warm, decay=Decay(fraction=0.2, shape="half_cosine")),
        lambda warm: Cosine(peak=PEAK, floor_ratio=0.1, warmup=warm, tail=Decay(fraction=0.1)),
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
    curve = Constant(peak=1e-4).resolve(100)
    for wrong in (-1, 100):
        with pytest.raises(ValueError, match="steps 0 to 99"):
            curve.at(wrong)
        with pytest.raises(ValueError, match="steps 0 to 99"):
            curve.phase_at(wrong)
    for wrong in (-1, 101):
        with pytest.raises(ValueError, match="has 100 steps"):
            curve.integral(wrong)


@pytest.mark.parametrize("shape", get_args(DecayShape))
def test_every_decay_goes_from_peak_to_floor_and_never_rises(shape: DecayShape) -> None:
    schedule = WSD(peak=PEAK, floor=1e-5, decay=Decay(steps=500, shape=shape, power=3.0), convention="end")
    values = schedule.resolve(501).values()
    assert values[0] == PEAK
    # the last update stands at the end: a few roundings of numbers up to the peak, 3e-4 x 2**-53 = 3e-20 each
    assert values[-1] == pytest.approx(1e-5, abs=1e-18)
    assert (np.diff(values) <= 1e-19).all()


def test_a_logarithmic_warm_up_reaches_the_peak_on_its_last_update() -> None:
    values = Constant(peak=PEAK, warmup=Warmup(steps=50, shape="log")).resolve(100).values()
    assert values[0] == 0.0
    # log(50) / log(50), of a product that is rounded: a few times 2**-53
    assert values[49] == pytest.approx(PEAK, rel=1e-14)
    assert (np.diff(values[:50]) > 0).all()
    with pytest.raises(ValueError, match="2 steps or more"):
        Constant(peak=PEAK, warmup=Warmup(steps=1, shape="log")).resolve(100)


def test_an_inverse_square_root_stops_at_its_floor_or_tends_to_it() -> None:
    cut = InverseSqrt(peak=PEAK, floor_ratio=0.25, warmup=Warmup(steps=10)).resolve(1000)
    assert [phase.name for phase in cut.phases] == ["warm-up", "decay", "floor"]
    # peak / sqrt(t / 10) is a quarter of the peak at t = 160
    assert cut.phase_at(159) == "decay"
    assert cut.phase_at(160) == "floor"
    limit = InverseSqrt(peak=PEAK, floor_ratio=0.25, floor_is="limit", warmup=Warmup(steps=10)).resolve(1000)
    assert limit.values()[10:].min() > 0.25 * PEAK


def test_a_tail_goes_on_where_the_decay_has_come_to() -> None:
    whole = Cosine(peak=PEAK, floor_ratio=0.1, warmup=Warmup(steps=100)).resolve(1000).values()
    cut = Cosine(peak=PEAK, floor_ratio=0.1, warmup=Warmup(steps=100), tail=Decay(steps=200)).resolve(1000).values()
    np.testing.assert_array_equal(cut[:800], whole[:800])
    # the tail begins at the rate that the decay has come to, by the same formula: a few times 2**-53
    assert cut[800] == pytest.approx(whole[800], rel=1e-14)
    # its last update stands one of 200 before zero: 1 - 199 / 200 keeps 2**-53 of 1, which is 2e-14 of it
    assert cut[-1] == pytest.approx(cut[800] / 200, rel=1e-13)
    with pytest.raises(ValueError, match="longer than the 900"):
        Cosine(peak=PEAK, warmup=Warmup(steps=100), tail=Decay(steps=950)).resolve(1000)


def test_a_power_law_needs_a_warm_up_to_count_in() -> None:
    with pytest.raises(ValueError, match="counted in warm-ups"):
        PowerLaw(peak=PEAK).resolve(100)


def test_weight_decay_changes_over_its_duration() -> None:
    values = WeightDecay(start=0.1, end=0.01, shape="cosine", over=Duration(fraction=0.5)).values(100)
    assert values[0] == 0.1
    # cos(pi / 2) is 6e-17 instead of zero, beside numbers of the same size: a few times 2**-53
    assert values[25] == pytest.approx(0.055, rel=1e-14)
    assert (values[50:] == 0.01).all()
    with pytest.raises(ValueError, match="0 steps"):
        WeightDecay(start=0.1, end=0.01, over=Duration(steps=0)).values(100)


def test_a_recipe_may_say_how_weight_decay_changes() -> None:
    optimizer = msgspec.convert({"kind": "adamw", "weight_decay": {"start": 0.033, "end": 0.1}}, Optimizer)
    assert optimizer.weight_decay == WeightDecay(start=0.033, end=0.1)
    assert msgspec.convert({"kind": "adamw", "weight_decay": 0.1}, Optimizer).weight_decay == 0.1


@pytest.mark.parametrize("kind", [Cosine, Linear, Polynomial])
@pytest.mark.parametrize("convention", ["start", "end", "end_in_warmup"])
@pytest.mark.parametrize("length", [{"steps": 600}, {"tokens": 600 * 64 * 128.0}], ids=str)
def test_a_decay_goes_on_where_an_earlier_stage_left_it(
    kind: type[Cosine], convention: Convention, length: dict[str, float]
) -> None:
    clock = Batch(sequences=64).clock(128)
    whole = kind(peak=1.0, floor=0.1, convention=convention).resolve(1000)
    over = Duration(tokens=1000 * 64 * 128.0) if "tokens" in length else Duration(steps=1000)
    schedule = kind(peak=1.0, floor=0.1, convention=convention, over=over, elapsed=Duration(**length))  # type: ignore[arg-type]
    # the same phase read at the same place: to the last bit
    np.testing.assert_array_equal(schedule.resolve(400, clock).values(), whole.values()[600:])
    # and it ends where the whole does, but for one step
    one = abs(whole.values()[-1] - whole.values()[-2])
    assert schedule.resolve(400, clock).final == pytest.approx(whole.final, abs=2 * one)


def test_a_decay_in_tokens_ends_a_stage_whose_batch_grew() -> None:
    """One update after another: 10 of 32 sequences, then 10 of 64; 800 sequences are 5 of those and all of these."""
    ramp = Milestones(start=32, milestones=[BatchMilestone(tokens=10 * 32 * 128, sequences=64)])
    batch = Batch(sequences=64, ramp=ramp)
    clock = batch.clock(128)
    sizes = [32] * 10 + [64] * 10
    curve = WSD(peak=1.0, decay=Decay(tokens=800 * 128)).resolve(20, clock)
    fallen = int((curve.values() == 1.0).sum()) - 1
    assert sum(sizes[fallen:]) == 800
    assert [phase.steps for phase in curve.phases] == [5, 15]
    # a decay that ends in the middle, at 500 sequences, takes the 180 of the larger batch and 20 of the smaller
    ends = WSDS(peak=1.0, floor=0.1, decay=Decay(tokens=212 * 128), ends=[Duration(tokens=500 * 128)])
    found = ends.resolve(20, clock)
    # 320 sequences are ten updates and 180 are 2.8 more, so that it ends after 13; from there 3 x 64 + 20: 4 updates
    assert [phase.steps for phase in found.phases] == [9, 4, 7]
