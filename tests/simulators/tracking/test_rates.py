"""The logged learning rate beside the plan: each known bug by its name, from the first row that shows it."""

import numpy as np
import pytest

from lehr.simulators.schedules import Cosine, Linear, Warmup
from lehr.simulators.tracking.rates import departure

PLAN = Cosine(peak=3e-4, floor_ratio=0.1, warmup=Warmup(steps=2000)).resolve(24000).values()
STEPS = np.arange(2050, 24000, 50)
LONG = Cosine(peak=3e-4, floor_ratio=0.1, warmup=Warmup(steps=2000)).resolve(48000).values()


def cosine(steps: int = 24000, *, peak: float = 3e-4, floor: float = 3e-5, warmup: int = 2000) -> np.ndarray:
    return Cosine(peak=peak, floor=floor, warmup=Warmup(steps=warmup)).resolve(steps).values()


RESUMED = 8000
AFTER = STEPS >= RESUMED


def rate(at: np.ndarray) -> np.ndarray:
    return PLAN[np.clip(at, 0, len(PLAN) - 1)]


BUGS = {
    "began again": (np.where(AFTER, rate(STEPS - RESUMED), rate(STEPS)), RESUMED),
    "counted twice": (np.where(AFTER, rate(STEPS + RESUMED), rate(STEPS)), RESUMED),
    "steps 4 times an update": (rate(4 * STEPS), 2050),
    "steps 2 times an update since the run was resumed": (
        np.where(AFTER, rate(RESUMED + 2 * (STEPS - RESUMED)), rate(STEPS)),
        RESUMED,
    ),
    "8 times the planned one since": (np.where(AFTER, 8 * rate(STEPS), rate(STEPS)), RESUMED),
    "once in 2 updates": (rate(STEPS // 2), 2050),
    "10 times the planned one": (10 * rate(STEPS), 2050),
    "stands still": (np.where(STEPS < 12000, rate(STEPS), rate(np.full_like(STEPS, 12000))), 12000),
    "runs 1,000 steps ahead: a shorter warm-up": (rate(STEPS + 1000), 2050),
    "runs 173 steps behind": (np.where(AFTER, rate(STEPS - 173), rate(STEPS)), RESUMED),
    "another length": (LONG[STEPS], 2050),
}


@pytest.mark.parametrize("bug", BUGS)
def test_each_bug_is_named(bug: str) -> None:
    logged, since = BUGS[bug]
    found = departure(PLAN, STEPS, logged)
    assert found is not None
    assert bug in found.cause
    # a rate that changes slowly is 1 % off within a fifteenth of the run
    assert since <= found.step <= since + 1700


HELD = np.concatenate([np.linspace(0.0, 3e-4, 2000), np.full(16000, 3e-4), np.linspace(3e-4, 3e-5, 6000)])


@pytest.mark.parametrize(("bug", "place"), [
    ("counted twice when the run was resumed", STEPS + RESUMED),
    ("steps 2 times an update since the run was resumed", 2 * STEPS - RESUMED),
])  # fmt: skip
def test_what_goes_wrong_where_a_plan_stands_still_is_dated_there(bug: str, place: np.ndarray) -> None:
    found = departure(HELD, STEPS, HELD[np.clip(np.where(AFTER, place, STEPS), 0, len(HELD) - 1)])
    assert found is not None
    assert found.step > RESUMED + 1000
    # a fall that is a line is told to the step but for what agrees of it
    said, step = found.cause.rsplit(" ", 1)
    assert bug in said
    assert abs(int(step.replace(",", "")) - RESUMED) <= 60


SETTINGS = {
    "it falls to a floor of 1e-05, the plan's to 3e-05": cosine(floor=1e-5),
    "it falls to a floor of 0, the plan's to 3e-05": cosine(floor=0.0),
    "its warm-up has 4,000 steps, the plan's 2,000": cosine(warmup=4000),
    "its warm-up has 1,000 steps, the plan's 2,000": cosine(warmup=1000),
    "it is that of a run of 240,000 steps, the plan's of 24,000 (a factor of ten: another unit, or a zero too many)": (
        cosine(240000)
    ),
    "it is that of a run of 31,000 steps, the plan's of 24,000: another length": cosine(31000),
    "the rate is 1e+03 times the planned one throughout (a factor of a thousand: another unit": 1000 * PLAN,
    "its peak is 0.3, the plan's 0.0003 (a factor of a thousand: another unit, or zeros too many), and the floor": (
        cosine(peak=0.3)
    ),
    "its decay has another shape: linear": Linear(peak=3e-4, floor=3e-5, warmup=Warmup(steps=2000))
    .resolve(24000)
    .values(),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("digits", [pytest.param(17, marks=pytest.mark.slow), 5])
def test_the_setting_that_another_value_was_given_is_named_with_it(setting: str, digits: int) -> None:
    logged = np.array([float(f"{rate:.{digits - 1}e}") for rate in SETTINGS[setting][STEPS]])
    found = departure(PLAN, STEPS, logged)
    assert found is not None
    assert setting in found.cause


def test_a_log_that_counts_from_0_again_when_resumed_is_told_from_where() -> None:
    steps = np.arange(50, 6001, 50)
    found = departure(PLAN, steps, np.array([float(f"{value:.6g}") for value in rate(steps + RESUMED)]))
    assert found is not None
    assert found.cause.startswith(
        "it is that of the plan 8,000 steps on: the log counts its steps from 0 again, as of a "
    )


def test_a_rate_that_stops_below_half_of_its_peak_may_have_a_floor_there() -> None:
    found = departure(PLAN, STEPS, np.maximum(PLAN[STEPS], 1e-4))
    assert found is not None
    assert found.cause.endswith("or was not restored; or 0.0001 is a floor that the plan has not")


def test_a_shift_is_told_to_the_step_and_since_when_though_it_hardly_matters_at_first() -> None:
    found = departure(PLAN, STEPS, rate(STEPS - 50))
    assert found is not None
    # the cosine is flat at its top: 50 steps are 0.2 % of the rate after a fifth of the run
    assert 4000 <= found.step <= 8000
    assert found.cause.startswith("the schedule runs 50 steps behind (since step 2,050, where it hardly matters): a ")
    # where a decade's digits are known, one shift alone makes all of the rounded rates
    for digits in (2, 3):
        printed = np.array([float(f"{value:.{digits}g}") for value in rate(STEPS - 400)])
        rough = departure(PLAN, STEPS, printed)
        assert rough is not None
        assert "the schedule runs 400 steps behind" in rough.cause


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_log_that_counts_from_another_step_is_on_its_plan(shift: int) -> None:
    assert departure(PLAN, STEPS, rate(STEPS + shift)) is None


def test_printed_digits_and_one_odd_row_are_no_departure() -> None:
    logged = np.array([float(f"{value:.3g}") for value in rate(STEPS)])
    logged[7] = 0.0
    assert departure(PLAN, STEPS, logged) is None


def test_a_batch_that_changes_where_the_rates_leave_is_the_cause() -> None:
    """Batches twice as large, of a plan by tokens: its rates come twice as fast from there on."""
    since = 10_000
    logged = rate(np.where(since < STEPS, 2 * STEPS - since, STEPS))
    batches = np.where(since < STEPS, 512.0, 256.0)
    alone = departure(PLAN, STEPS, logged)
    found = departure(PLAN, STEPS, logged, columns={"batch": (STEPS, batches)})
    assert alone is not None
    assert found is not None
    assert "steps 2 times an update" in alone.cause
    first = int(STEPS[since < STEPS][0])
    assert found.cause.startswith(f"the batch is 512 from step {first:,} on, 256 before")
    assert "an update" not in found.cause
    # a batch that changed long before is none
    early = departure(PLAN, STEPS, logged, columns={"batch": (STEPS, np.where(2 * STEPS[0] < STEPS, 512.0, 256.0))})
    assert early is not None
    assert early.cause == alone.cause
