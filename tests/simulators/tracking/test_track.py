"""One look at a run: its place, its notes and its final loss, on synthetic logs."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from lehr.simulators.laws.base import Covariance
from lehr.simulators.laws.curves import MultiPower
from lehr.simulators.laws.curves.bands import band
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import WSD, Decay, Warmup
from lehr.simulators.tracking import in_order, track
from lehr.simulators.tracking.planned import WIDER, plan

LAW = MultiPower(
    name="m", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641,
    worst_relative_error=0.01,
)  # fmt: skip
RATES = WSD(peak=3e-4, warmup=Warmup(steps=500), decay=Decay(steps=1000)).resolve(5000).values()
PLAN = plan(LAW, RATES)
NOISE = 0.003


def log(seed: int, until: int, offset: float = 0.0) -> tuple[np.ndarray, Floats]:
    steps = np.arange(10, until, 10)
    rng = np.random.default_rng(seed)
    return steps, PLAN.loss[steps] * np.exp(offset + rng.normal(0, NOISE, len(steps)))


@pytest.mark.slow
def test_a_run_that_follows_its_forecast_is_inside() -> None:
    seen = track(PLAN, in_order(*log(0, 3000)))
    assert (seen.state, seen.outside, seen.alarms) == ("inside", False, [])
    assert seen.step == 2990
    assert seen.final_forecast == PLAN.loss[-1]
    assert seen.final is not None
    assert seen.final_interval is not None
    assert seen.final_interval[0] < seen.final < seen.final_interval[1]
    assert seen.expected is not None
    assert seen.expected[0] < PLAN.loss[2990] < seen.expected[1]


def test_each_way_out_is_a_state_of_now() -> None:
    steps, losses = log(1, 3000)
    for rows, factor, state in ((1, 1.3, "spike"), (40, 1.3, "divergence"), (100, 0.97, "shift"), (299, 0.97, "drift")):
        changed = losses.copy()
        changed[-rows:] *= factor
        seen = track(PLAN, in_order(steps, changed))
        assert seen.state == state
        assert (seen.final_interval is None) == (seen.astray is not None) == (state in ("divergence", "drift"))
    losses[-100] *= 1.3
    over = track(PLAN, in_order(steps, losses))
    assert over.state == "inside"
    assert [a.kind for a in over.alarms] == ["spike"]


def test_what_has_passed_does_not_shift_the_end_and_its_return_is_no_alarm() -> None:
    steps, losses = log(5, 3600)
    healthy = track(PLAN, in_order(steps, losses))
    passing = np.where((steps >= 2000) & (steps < 2800), 0.95, 1.0)
    seen = track(PLAN, in_order(steps, losses * passing))
    assert seen.state == "inside"
    levels = [a for a in seen.alarms if a.kind not in ("spike", "drift")]
    assert [(int(seen.steps[a.first]), int(seen.steps[a.last])) for a in levels] == [(2000, 2790)]
    assert seen.final is not None
    assert healthy.final is not None
    # of 160 rows after warm-up half are left, whose mean is as sure to sqrt(1/2) of it
    assert abs(np.log(seen.final / healthy.final)) <= 3 * NOISE / sqrt(80)


def test_a_loss_in_another_unit_is_one_fault_with_its_cause() -> None:
    steps, losses = log(6, 3000)
    seen = track(PLAN, in_order(steps, 4 * losses))
    (alarm,) = seen.alarms
    assert (seen.state, alarm.kind, seen.final) == ("drift", "drift", None)
    assert alarm.cause.startswith("the loss is 4 times the forecast throughout")


def test_restarts_repeats_and_gaps_are_resolved_and_told() -> None:
    steps, losses = log(2, 3000)
    spoiled = losses.copy()
    spoiled[250:] *= 1.5
    # the job diverges, is restarted from step 2000 and follows its forecast
    again = steps >= 2000
    at = np.concatenate([steps, steps[again], [2990]])
    values = np.concatenate([spoiled, losses[again], [losses[-1]]])
    seen = track(PLAN, in_order(at, values))
    assert seen.state == "inside"
    assert seen.alarms == []
    assert seen.steps.tolist() == steps[steps >= PLAN.first].tolist()
    assert "goes back once to step 2,000" in seen.notes[0]
    assert "stands again" in seen.notes[1]
    kept = (steps < 1000) | (steps > 1200)
    gaps = track(PLAN, in_order(steps[kept], losses[kept]))
    assert gaps.state == "inside"
    assert "about 210 steps are missing between rows" in gaps.notes


def test_few_rows_none_and_rows_beyond_the_schedule_are_told() -> None:
    nothing = track(PLAN, in_order([], []))
    assert nothing.state == "no rows"
    assert nothing.final == PLAN.loss[-1]
    seen = track(PLAN, in_order([100, 600, 5000, 6000], [9.0, 4.0, 3.4, 3.0]))
    assert seen.step == 5000
    assert "1 row of warm-up left out: the law holds after it" in seen.notes
    assert "1 row after the schedule's 5,000 steps left out" in seen.notes
    assert any("set beside the forecast alone" in note for note in seen.notes)


@pytest.mark.slow
def test_the_interval_of_the_final_loss_covers() -> None:
    """Runs that stray from their law by its own modes, with coefficients drawn for each run, and by noise.

    The interval allows for more than that (``WANDER``, ``ANEW``): over n runs no fewer than 95 % may be covered, but
    for 4 standard errors sqrt(0.95 0.05 / n). It must narrow with rows.
    """
    rng = np.random.default_rng(3)
    n, inside, left, widths = 200, 0, 0, []
    every = np.arange(10, 3000, 10)
    modes, end = PLAN.modes_at(every), PLAN.modes_at(np.array([4999]))[0]
    for _ in range(n):
        drawn = rng.standard_normal(modes.shape[1])
        losses = PLAN.loss[every] * np.exp(modes @ drawn + rng.normal(0, NOISE, len(every)))
        seen = track(PLAN, in_order(every, losses))
        truth = float(PLAN.loss[-1]) * np.exp(end @ drawn)
        if seen.final_interval is None:
            left += 1
            continue
        inside += seen.final_interval[0] <= truth <= seen.final_interval[1]
        widths.append(seen.final_interval[1] - seen.final_interval[0])
    # one in a hundred is far enough off its law to be a false alarm of drift, and no end is said of it
    assert left <= n * 0.01 + 4 * sqrt(n * 0.01)
    n -= left
    assert inside >= n * 0.95 - 4 * sqrt(n * 0.95 * 0.05)
    blind = track(PLAN, in_order([], [])).final_interval
    assert blind is not None
    assert max(widths) < blind[1] - blind[0]


def test_a_covariance_gives_the_allowance() -> None:
    law = MultiPower(
        **{k: getattr(LAW, k) for k in ("L0", "A", "alpha", "B", "C", "beta", "gamma")}, name="m", title="",
        uncertainty=Covariance(parameters=["L0"], covariance=[[1e-4]], residual=0.002),
    )  # fmt: skip
    planned = plan(law, RATES)
    low, high = band(law, RATES, steps=[len(RATES) - 1], noise=0.0)
    # the last mode is what warm-up leaves
    modes = planned.modes_at(np.array([len(RATES) - 1]))[0, :-1]
    band_of = WIDER * np.log(high / low)[0] / 2
    assert planned.times(0.95) * np.linalg.norm(modes) == pytest.approx(band_of, rel=1e-3)
    assert "no run of this fit could be left out" in planned.basis


def test_columns_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="one loss for each step"):
        in_order([1, 2], [3.0])
    with pytest.raises(ValueError, match="negative"):
        in_order([-1], [3.0])


def test_a_log_that_begins_after_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="begin at step 6,000, after the plan's 5,000 steps"):
        track(PLAN, in_order([100, 6000, 6010], [9.0, 3.4, 3.0]))


@pytest.mark.slow
def test_what_does_not_come_back_is_not_over() -> None:
    """A step, and a plateau, long after the windows that raised them; each by what all of its rows show."""
    steps, losses = log(2, 4500)
    began = int(np.searchsorted(steps, 2000))
    stepped = np.where(np.arange(len(steps)) >= began, 1.015, 1.0) * losses
    seen = track(PLAN, in_order(steps, stepped))
    assert seen.state == "shift"
    (alarm,) = seen.alarms
    assert seen.steps[alarm.last] == steps[-1]
    assert alarm.began is not None
    assert seen.steps[alarm.began[0]] <= steps[began] <= seen.steps[alarm.began[1]]
    # means of 60 and of 250 rows differ by three standard errors at most
    assert abs(np.expm1(alarm.size) - 0.015) <= 3 * NOISE * sqrt(1 / 60 + 1 / 250) + 1e-4
    assert seen.final_interval is not None
    assert seen.final_interval[0] < 1.015 * PLAN.loss[-1] < seen.final_interval[1]
    stands = losses * np.where(steps >= 2000, PLAN.loss[2000] / PLAN.loss[steps], 1.0)
    seen = track(PLAN, in_order(steps, stands))
    assert (seen.state, {a.kind for a in seen.alarms if a.last == len(seen.steps) - 1}) == ("plateau", {"plateau"})


def test_what_rises_for_two_rows_and_decays_is_a_spike() -> None:
    steps, losses = log(3, 3000)
    decays = 1 + 0.08 * np.where(steps >= 2000, np.exp(-(steps - 2000) / 20.0), 0.0)
    seen = track(PLAN, in_order(steps, losses * decays))
    assert [(a.kind, int(seen.steps[a.first])) for a in seen.alarms] == [("spike", 2000)]
    assert not seen.outside
