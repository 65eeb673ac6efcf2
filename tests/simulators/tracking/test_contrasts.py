"""Plateaus and divergences by local contrasts, and the noise that a log shares with the fitted runs taken off."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from lehr.simulators.laws.curves.batches import Batches, shared_noise
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import in_order, track
from lehr.simulators.tracking.contrasts import contrasts
from lehr.simulators.tracking.pairing import paired
from lehr.simulators.tracking.planned import Plan

ROWS, SPACING = 1000, 50
STEPS = SPACING * np.arange(1, ROWS + 1)
LOSS = 3.0 + 5.0 * np.arange(1, ROWS * SPACING + 2) ** -0.3
BATCHES = 0.04 * np.random.default_rng(0).standard_normal(ROWS)


def own(seed: int) -> Floats:
    return 0.002 * np.random.default_rng(seed).standard_normal(ROWS)


def planned(batches: Batches | None) -> Plan:
    knots = np.arange(0, ROWS * SPACING, SPACING)
    modes = np.stack([1e-3 * np.ones(ROWS), 2e-3 * np.linspace(1.0, 0.0, ROWS)], axis=1)
    rates = np.full(ROWS * SPACING + 1, 1e-3)
    return Plan(rates=rates, loss=LOSS, knots=knots, modes=modes, basis="", first=0, noise=0.04, batches=batches)


def shared() -> Batches:
    found = shared_noise([(STEPS, BATCHES + own(1)), (STEPS, BATCHES + own(2))])
    assert found is not None
    return found


def kinds(losses: Floats, batches: Batches | None, until: int) -> list[str]:
    seen = track(planned(batches), in_order(STEPS[:until], losses[:until]))
    return [alarm.kind for alarm in seen.alarms if alarm.last >= 500]


def test_faults_below_the_noise_of_the_batches_are_seen_where_the_fitted_runs_had_them_too() -> None:
    healthy = LOSS[STEPS] * np.exp(BATCHES + own(3))
    rows = np.arange(ROWS)
    spike = np.where(rows == 500, 1.05, 1.0) * healthy
    rising = healthy * np.exp(np.clip((rows - 500) / 40, 0.0, 1.0) * np.log(1.2))
    batches = shared()
    assert kinds(healthy, batches, ROWS) == kinds(healthy, None, ROWS) == []
    # within 2 % of the run
    assert kinds(spike, batches, 501) == ["spike"]
    assert "divergence" in kinds(rising, batches, 520)
    assert kinds(spike, None, 501) == []
    assert "divergence" in kinds(rising, None, 525)


def test_other_batches_are_told_and_nothing_is_taken_off() -> None:
    again = np.concatenate([BATCHES[:500], BATCHES[:500]])
    residuals = again + own(4)
    found = paired(residuals, STEPS, shared())
    assert found.since is not None
    assert abs(found.since - 500) <= 12
    assert found.residuals is residuals
    seen = track(planned(shared()), in_order(STEPS, LOSS[STEPS] * np.exp(residuals)))
    assert any("the batches are no more those of the fitted runs" in note for note in seen.notes)


def test_a_spike_does_not_end_what_is_shared() -> None:
    residuals = BATCHES + own(5)
    residuals[[300, 304]] += 0.3
    assert paired(residuals, STEPS, shared()).since is None


def test_runs_of_other_batches_share_nothing() -> None:
    other = 0.04 * np.random.default_rng(9).standard_normal(ROWS)
    assert shared_noise([(STEPS, BATCHES), (STEPS, other)]) is None
    assert paired(other, STEPS, shared()).correlation is None
    # and rows that hardly scatter need nothing of the kind
    assert shared_noise([(STEPS, 0.01 * BATCHES + own(1)), (STEPS, 0.01 * BATCHES + own(2))]) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "noise", "fall"),
    [(100, 3e-4, 0.12), (250, 3e-4, 0.12), (250, 1e-3, 0.12), (1000, 2e-3, 0.12), (1000, 0.04, 0.12), (250, 3e-3, 0.6)],
)
def test_healthy_rows_give_no_more_false_alarms_than_stated(rows: int, noise: float, fall: float) -> None:
    """At the stated 10 % the count over n runs has a standard deviation of at most sqrt(n 0.1 0.9); 4 of them are
    passed with a probability of 3e-5. The loss falls as a power of the step, by ``fall``."""
    rng, n = np.random.default_rng(1), 300
    forecast = -fall * np.log(np.arange(20, 20 + rows))
    still = rising = 0
    for _ in range(n):
        found = contrasts(
            noise * rng.standard_normal(rows), forecast, np.zeros((rows, 1)), np.ones(rows, bool), rows=rows,
            false_alarms=0.1,
        )  # fmt: skip
        still += found.still.any()
        rising += found.rising.any()
    assert max(still, rising) <= n * 0.1 + 4 * sqrt(n * 0.1 * 0.9)
    assert max(still, rising) >= n * 0.01
