"""How alarms go on, whatever a log holds."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.laws.base import Covariance
from lehr.simulators.laws.curves import MultiPower
from lehr.simulators.schedules import WSD, Decay, Warmup
from lehr.simulators.tracking import in_order, track
from lehr.simulators.tracking.course import dated
from lehr.simulators.tracking.onset import Run
from lehr.simulators.tracking.planned import plan
from lehr.simulators.tracking.rules import KINDS, Alarm

LAW = MultiPower(
    name="m", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641,
    uncertainty=Covariance(parameters=["L0"], covariance=[[1e-5]], residual=0.002, left_out=3),
)  # fmt: skip
PLAN = plan(LAW, WSD(peak=3e-4, warmup=Warmup(steps=200), decay=Decay(steps=1000)).resolve(4000).values())


def wander(rng: np.random.Generator, n: int) -> np.ndarray:
    """Residuals [log loss] of a run that strays, jumps and is lost, as no healthy one does."""
    e = 0.003 * rng.standard_normal(n) + np.cumsum(rng.choice([0.0, 0.001, 0.004]) * rng.standard_normal(n))
    for _ in range(int(rng.integers(0, 4))):
        at = int(rng.integers(0, n))
        e[at : at + int(rng.integers(1, n))] += rng.choice([-0.05, 0.02, 0.3, np.nan])
    return np.asarray(e)


@pytest.mark.slow
def test_every_alarm_of_every_log_begins_before_it_ends() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        steps = np.arange(210, int(rng.integers(300, 4000)), int(rng.choice([5, 20, 60])))
        seen = track(PLAN, in_order(steps, PLAN.loss[steps] * np.exp(wander(rng, len(steps)))))
        for alarm in seen.alarms:
            assert 0 <= alarm.first <= alarm.last < len(seen.steps), seed
            assert alarm.kind in KINDS


def test_alarms_that_the_rows_do_not_bear_out_are_left_as_they_are() -> None:
    """Above the forecast, and below the rows before."""
    nothing = np.zeros(200)
    e = np.concatenate([np.full(100, 0.05), np.full(50, 0.02), np.full(50, 0.05)])
    run = Run(e, nothing, nothing, nothing[:, None], np.isfinite(e))
    found = dated([Alarm(kind="divergence", first=110, last=140, size=0.02)], run)
    assert [alarm.kind for alarm in found] == ["divergence"]


@pytest.mark.parametrize(("rows", "factor"), [(130, 1.015), (20, 1.02), (60, 1.05)])
def test_what_rises_once_and_follows_the_forecast_is_a_shift_and_has_an_end(rows: int, factor: float) -> None:
    steps = np.arange(20, 3000, 10)
    noise = 0.001 * np.random.default_rng(6).standard_normal(len(steps))
    since = np.arange(len(steps)) >= len(steps) - rows
    seen = track(PLAN, in_order(steps, PLAN.loss[steps] * np.exp(noise) * np.where(since, factor, 1.0)))
    (alarm,) = [a for a in seen.alarms if a.kind != "spike"]
    assert (seen.state, alarm.kind, alarm.first) == ("shift", "shift", len(seen.steps) - rows)
    # four standard errors of the mean, beside that of the rows before
    assert abs(alarm.size - np.log(factor)) < 4 * 0.001 * np.sqrt(1 / rows + 1 / 60)
    assert seen.final_interval is not None
    assert seen.final_interval[0] < factor * PLAN.loss[-1] < seen.final_interval[1]
    # one that goes on rising is none, and has no end
    rises = np.exp(noise + np.where(since, np.log(factor) * (np.arange(len(steps)) - len(steps) + rows + 1), 0.0))
    seen = track(PLAN, in_order(steps, PLAN.loss[steps] * np.minimum(rises, 5.0)))
    assert (seen.state, seen.final) == ("divergence", None)
