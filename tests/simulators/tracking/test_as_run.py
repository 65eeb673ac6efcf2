"""A run that had other rates than planned is judged by those, as far as a law may say anything of them."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.laws.curves import CurveRange, MultiPower
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import Cosine, Warmup
from lehr.simulators.tracking import Tracked, in_order
from lehr.simulators.tracking.as_run import track_as_run
from lehr.simulators.tracking.planned import Plan, plan

LAW = MultiPower(
    name="m", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641,
    worst_relative_error=0.01, range=CurveRange(peak_rate=(3e-4, 3e-4)),
)  # fmt: skip
RATES = Cosine(peak=3e-4, floor_ratio=0.1, warmup=Warmup(steps=500)).resolve(10000).values()
PLAN = plan(LAW, RATES)
EVERY = np.arange(len(RATES))
UNTIL = 7000


def look(
    rates: Floats, factor: Floats | float = 1.0, shown: Floats | None = None, back: int = 0
) -> tuple[Plan, Tracked]:
    """Of a run with ``rates`` at step ``UNTIL``, whose log shows other rates and counts ``back`` steps less."""
    steps = np.arange(9 + back, UNTIL, 10)
    noise = np.random.default_rng(0).normal(0, 0.002, len(steps))
    losses = LAW.loss(rates)[steps] * np.exp(noise) * factor
    logged = (rates if shown is None else shown)[steps]
    return track_as_run(LAW, PLAN, in_order(steps - back, losses), rates=(steps - back, logged))


OTHER = {
    "stands still": np.where(EVERY < 3000, RATES, RATES[3000]),
    "counted twice": RATES[np.minimum(np.where(EVERY < 3000, EVERY, EVERY + 3000), len(RATES) - 1)],
    "half": 0.5 * RATES,
    "longer": Cosine(peak=3e-4, floor_ratio=0.1, warmup=Warmup(steps=500)).resolve(20000).values()[: len(RATES)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHER)
def test_its_own_rates_explain_its_loss(name: str) -> None:
    rates = OTHER[name]
    forecast, seen = look(rates)
    assert (seen.state, seen.loss_state, seen.by_logged_rates, seen.alarms) == ("rate", "inside", True, [])
    taken_up = np.where(UNTIL > EVERY, rates, RATES)
    steps = np.arange(9, UNTIL, 10)
    assert forecast.rates[steps] == pytest.approx(rates[steps], rel=0.0021)
    assert forecast.rates[UNTIL:] == pytest.approx(RATES[UNTIL:], rel=1e-12)
    assert seen.final_interval is not None
    assert seen.final_interval[0] < LAW.loss(taken_up)[-1] < seen.final_interval[1]
    assert seen.final_forecast == PLAN.loss[-1]


@pytest.mark.slow
def test_a_fault_of_the_loss_is_seen_beside_its_own_rates() -> None:
    rises = 1 + 4e-4 * np.maximum(np.arange(9, UNTIL, 10) - 6500, 0)
    _, seen = look(OTHER["stands still"], rises)
    assert (seen.state, seen.by_logged_rates, seen.final) == ("rate", True, None)
    assert {"divergence"} <= {alarm.kind for alarm in seen.alarms}
    assert seen.astray == "the run diverges, which no law describes"


@pytest.mark.slow
def test_a_column_that_the_loss_does_not_follow_is_not_the_rate() -> None:
    forecast, seen = look(RATES, shown=0.25 * RATES)
    assert (seen.state, seen.by_logged_rates, seen.alarms) == ("rate", False, [])
    assert forecast is PLAN


def test_nothing_is_said_of_rates_far_from_the_fitted_ones() -> None:
    _, seen = look(5 * RATES)
    assert (seen.state, seen.by_logged_rates, seen.final) == ("rate", False, None)


@pytest.mark.slow
def test_steps_that_a_log_counts_from_0_again_are_put_right() -> None:
    _, seen = look(RATES, back=2000)
    assert (seen.state, seen.rate, seen.alarms) == ("inside", None, [])
    assert seen.step == UNTIL - 1
    assert "2,000 were added" in seen.notes[0]


def test_rates_that_stand_still_from_the_first_row_are_no_other_place_of_the_plan() -> None:
    """At its end a plan has that rate for long: no count of steps is told by it."""
    wsd = np.concatenate(
        [np.linspace(0, 3e-4, 500), np.full(4500, 3e-4), np.linspace(3e-4, 3e-5, 3000), np.full(2000, 3e-5)]
    )
    steps = np.arange(9, 5000, 10)
    planned = plan(LAW, wsd)
    rates = np.full(len(wsd), 3e-5)
    _, seen = track_as_run(LAW, planned, in_order(steps, LAW.loss(rates)[steps]), rates=(steps, rates[steps]))
    assert seen.rate is not None
    assert seen.rate.resumed_at is None


def any_rates(rng: np.random.Generator, at: np.ndarray) -> Floats:
    """Rates at steps ``at`` as no plan has them."""
    there = RATES[at]
    digits = np.array([float(f"{rate:.0e}") for rate in there])
    ways = [
        there * rng.choice([0.5, 3.0, 10.0, 1e-3, 1e4]), np.full(len(at), rng.choice([0.0, 3e-5, 1e-9])), -there,
        np.where(np.arange(len(at)) < rng.integers(0, len(at) + 1), there, np.nan), digits * rng.choice([1.0, 1.5]),
        rng.uniform(0, 6e-4, len(at)), RATES[np.clip(at + rng.integers(-3000, 3000), 0, len(RATES) - 1)],
    ]  # fmt: skip
    return np.asarray(ways[int(rng.integers(0, len(ways)))])


@pytest.mark.slow
def test_whatever_a_column_of_rates_holds_a_look_ends() -> None:
    for seed in range(120):
        rng = np.random.default_rng(seed)
        steps = np.arange(int(rng.integers(0, 3000)), 3001 + int(rng.integers(0, 6900)), int(rng.choice([20, 60, 500])))
        losses = PLAN.loss[steps] * np.exp(rng.normal(0, 0.003, len(steps)))
        _, seen = track_as_run(LAW, PLAN, in_order(steps, losses), rates=(steps, any_rates(rng, steps)))
        if seen.final is not None:
            assert seen.final_interval is not None
            assert seen.final_interval[0] <= seen.final <= seen.final_interval[1], seed
