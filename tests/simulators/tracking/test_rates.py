"""The logged learning rate beside the plan: each known bug by its name, from the first row that shows it."""

import numpy as np
import pytest

from lehr.simulators.schedules import Cosine, Warmup
from lehr.simulators.tracking.rates import departure

PLAN = Cosine(peak=3e-4, floor_ratio=0.1, warmup=Warmup(steps=2000)).resolve(24000).values()
STEPS = np.arange(2050, 24000, 50)
LONG = Cosine(peak=3e-4, floor_ratio=0.1, warmup=Warmup(steps=2000)).resolve(48000).values()
RESUMED = 8000
AFTER = STEPS >= RESUMED


def rate(at: np.ndarray) -> np.ndarray:
    return PLAN[np.clip(at, 0, len(PLAN) - 1)]


BUGS = {
    "began again": (np.where(AFTER, rate(STEPS - RESUMED), rate(STEPS)), RESUMED),
    "counted twice": (np.where(AFTER, rate(STEPS + RESUMED), rate(STEPS)), RESUMED),
    "steps 4 times an update": (rate(4 * STEPS), 2050),
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


def test_a_shift_is_told_to_the_step_and_since_when_though_it_hardly_matters_at_first() -> None:
    found = departure(PLAN, STEPS, rate(STEPS - 50))
    assert found is not None
    # the cosine is flat at its top: 50 steps are 0.2 % of the rate after a fifth of the run
    assert 4000 <= found.step <= 8000
    assert found.cause.startswith("the schedule runs 50 steps behind (since step 2,050, where it hardly matters): a ")
    printed = np.array([float(f"{value:.3g}") for value in rate(STEPS - 400)])
    rough = departure(PLAN, STEPS, printed)
    assert rough is not None
    (about,) = [int(word) for word in rough.cause.split() if word.isdigit()]
    assert "the schedule runs about" in rough.cause
    assert abs(about - 400) <= 4


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_log_that_counts_from_another_step_is_on_its_plan(shift: int) -> None:
    assert departure(PLAN, STEPS, rate(STEPS + shift)) is None


def test_printed_digits_and_one_odd_row_are_no_departure() -> None:
    logged = np.array([float(f"{value:.3g}") for value in rate(STEPS)])
    logged[7] = 0.0
    assert departure(PLAN, STEPS, logged) is None
