"""How far off one healthy row may lie, by the tails that the rows before it show."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.numerics.student import t_quantile, t_tail
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import in_order, track
from lehr.simulators.tracking.alone import alone
from lehr.simulators.tracking.tails import tails_of
from tests.simulators.tracking.test_independent import PLAN, STEPS, look, smoothed

LOG_NORMAL = 0.8


def noise_of(kind: str, seed: int, rows: int = len(STEPS)) -> Floats:
    """With a standard deviation of 1 %."""
    rng = np.random.default_rng(seed)
    if kind == "normal":
        return 0.01 * rng.standard_normal(rows)
    if kind == "log-normal":
        square = np.exp(LOG_NORMAL**2)
        return np.asarray(
            0.01 * (np.exp(LOG_NORMAL * rng.standard_normal(rows)) - np.sqrt(square)) / np.sqrt(square * (square - 1))
        )
    degrees = int(kind.removeprefix("t"))
    return np.asarray(0.01 * rng.standard_t(degrees, rows) / np.sqrt(degrees / (degrees - 2)))


def reach(rows: Floats, tail: float) -> float:
    return float(tails_of(rows, rows=len(rows), tail=tail, reference=200).above_below[0, -1])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "degrees"), [("normal", 10_000), ("t5", 5), ("t3", 3)])
def test_a_healthy_row_lies_beyond_about_as_often_as_said(kind: str, degrees: int) -> None:
    for tail in (1e-4, 4e-6):
        far = float(np.median([reach(noise_of(kind, seed, 8000), tail) for seed in range(9)])) / 0.01
        t = far * np.sqrt(degrees / (degrees - 2))
        # to the grid of degrees of freedom: of a t with 3 one with 4 is taken, whose quantile of 4e-6 is a third less
        assert t_tail(t, degrees) < 3.4 * tail
        assert t < 1.35 * t_quantile(tail, degrees)


def test_a_row_beyond_once_is_an_event_and_again_and_again_a_tail() -> None:
    rows = noise_of("normal", 1)
    once, often = rows.copy(), rows.copy()
    once[1000] += 0.3
    often[400:1500:40] += 0.3
    for tail in (1e-4, 4e-6):
        assert reach(once, tail) < 1.5 * reach(rows, tail) < 0.15
        assert reach(often, tail) > 0.3


@pytest.mark.parametrize("kind", ["t3", "log-normal"])
def test_a_healthy_log_with_tails_raises_no_alarm_with_a_law_or_without(kind: str) -> None:
    noise = noise_of(kind, 2)
    seen = look(noise)
    assert (seen.state, seen.alarms) == ("inside", [])
    assert any("the noise of the rows has tails" in note for note in seen.notes)
    own = alone(PLAN.rates, in_order(STEPS, PLAN.loss[STEPS] * np.exp(noise)))
    assert own.alarms == []
    assert any("the noise of the rows has tails" in note for note in own.notes)


@pytest.mark.parametrize(("kind", "size"), [("normal", 0.12), ("t5", 0.25)])
def test_a_spike_beyond_the_tails_is_told(kind: str, size: float) -> None:
    noise = noise_of(kind, 3)
    noise[1200] += size
    (spike,) = look(noise).alarms
    assert (spike.kind, spike.first, spike.last) == ("spike", 1200, 1200)
    (own,) = alone(PLAN.rates, in_order(STEPS, PLAN.loss[STEPS] * np.exp(noise))).alarms
    assert (own.kind, own.first) == ("spike", 1200)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "t5", "t3", "log-normal", "t5 smoothed"])
def test_few_of_many_healthy_logs_with_tails_raise_an_alarm(kind: str) -> None:
    alarmed = 0
    for seed in range(200, 240):
        noise = noise_of(kind.split(maxsplit=1)[0], seed)
        alarmed += bool(look(smoothed(noise, 0.9) if "smoothed" in kind else noise).alarms)
    # one in a hundred of each of six kinds, and as many again before the tails are known: seven have a chance of 12 %
    assert alarmed <= 6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "t5", "t3", "log-normal", "normal smoothed"])
def test_without_a_law_few_of_many_healthy_logs_raise_an_alarm(kind: str) -> None:
    alarmed = 0
    for seed in range(300, 340):
        noise = noise_of(kind.split(maxsplit=1)[0], seed)
        noise = smoothed(noise, 0.9) if "smoothed" in kind else noise
        alarmed += bool(alone(PLAN.rates, in_order(STEPS, PLAN.loss[STEPS] * np.exp(noise))).alarms)
    # one in a hundred of spikes and of divergences, and as many again before the tails are known
    assert alarmed <= 4


def test_a_spike_of_a_twentieth_is_told_where_rows_are_quiet() -> None:
    losses = PLAN.loss[STEPS] * np.exp(0.1 * noise_of("normal", 4))
    for row in (60, 400, 1500):
        spiked = losses.copy()
        spiked[row] *= 1.05
        (spike,) = track(PLAN, in_order(STEPS, spiked)).alarms
        assert (spike.kind, spike.first) == ("spike", row)


def falling(seed: int, scatter: float) -> tuple[Floats, Floats]:
    """A healthy run's steps, and its losses with ``scatter``."""
    steps = np.arange(10.0, 15_010.0, 10.0)
    noise = np.random.default_rng(seed).standard_normal(len(steps))
    return steps, (2.1 + 4 / np.sqrt(1 + 0.1 * steps)) * np.exp(scatter * noise)


@pytest.mark.parametrize(("digits", "scatter"), [(1, 0.015), (2, 0.0012), (2, 0.004), (4, 0.004)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_digits_hide_no_spike_and_no_divergence_and_raise_nothing(digits: int, scatter: float, seed: int) -> None:
    """A tenth and a hundredth are two to four times as much as such rows scatter: equal rows, and whole steps. Dates
    within 2 % of the run; how far chance may lie as for normal rows that scatter by the digits too."""
    steps, losses = falling(seed, scatter)
    spiked, risen = losses.copy(), losses.copy()
    spiked[1350:1352] *= 1.3
    risen[1350:] *= np.exp(np.linspace(0, 0.3, 150))
    planned = np.full(15_001, 3e-4)
    found = []
    for values in (losses, spiked, risen):
        rows = in_order(steps.astype(int), values.round(digits), np.full(len(steps), 10.0**-digits))
        judged = alone(planned, rows)
        found.append([(alarm.kind, abs(alarm.first - 1350) <= 30) for alarm in judged.alarms])
    assert found == [[], [("spike", True)], [("divergence", True)]]
    unit = 10.0**-digits / float(np.median(losses))
    settings = {"rows": len(steps), "tail": 0.01 / len(steps), "reference": 200}
    here = tails_of(np.log(losses.round(digits)), unit=unit, **settings)
    assert here.above < 8 * np.hypot(scatter, unit / np.sqrt(6))
