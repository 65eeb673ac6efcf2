"""Where an alarm has begun, of rows that rise by a known step: as near as their noise lets one tell."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.course import dated
from lehr.simulators.tracking.judging import alarms
from lehr.simulators.tracking.onset import SURE, Run, onset
from lehr.simulators.tracking.rules import Alarm, Rules

ROWS, BEGINS = 320, 250
NOISE = 0.003


def found(e: Floats, *, still: bool = False, fall: float = 1e-4) -> tuple[int, bool]:
    """How many rows late a beginning is told, and whether the interval holds the true one, of an alarm that begins
    thirty rows early."""
    nothing, level = np.zeros(len(e)), -fall * np.arange(len(e))
    told = onset(Run(e, level, nothing, nothing[:, None], np.isfinite(e)), BEGINS - 30, len(e) - 1, still=still)
    return told.row - BEGINS, told.first <= BEGINS <= told.last


def noise(seed: int) -> Floats:
    return NOISE * np.random.default_rng(seed).standard_normal(ROWS)


def rows_that_are_sure(slope: float) -> float:
    """Of rows that rise by ``slope`` from a known level: the sum of squares of m rows is a third of m cubed."""
    return float((3 * SURE * (NOISE / slope) ** 2) ** (1 / 3))


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.0005, 0.001, 0.002, 0.004, 0.02])
def test_a_rise_is_dated_as_well_as_its_noise_allows(slope: float) -> None:
    since = np.maximum(np.arange(ROWS) - BEGINS + 1, 0)
    late = np.array([found(noise(seed) + slope * since) for seed in range(60)])
    # of a line through m rows, where it meets a known level: a normal number, to the next row; 60 of them tell its 90 %
    # quantile with a standard error of 0.19
    deviation = 2 * NOISE / slope / sqrt(rows_that_are_sure(slope))
    assert np.median(np.abs(late[:, 0])) <= 0.674 * deviation + 1
    assert np.quantile(np.abs(late[:, 0]), 0.9) <= (1.645 + 2 * 0.19) * deviation + 1
    # of 60 intervals at 95 % fewer than 51 hold in one case of 800
    assert late[:, 1].sum() >= 51


@pytest.mark.parametrize("size", [0.02, 0.1])
def test_a_step_is_dated_to_the_row(size: float) -> None:
    late = np.array([found(noise(seed) + size * (np.arange(ROWS) >= BEGINS)) for seed in range(10)])
    # a row before may have risen by chance
    assert np.median(np.abs(late[:, 0])) == 0
    assert np.abs(late[:, 0]).max() <= 1
    assert late[:, 1].all()


def test_a_loss_that_stands_still_is_dated_by_what_its_forecast_falls() -> None:
    fall = 0.001
    still = fall * np.maximum(np.arange(ROWS) - BEGINS + 1, 0)
    late = np.array([found(noise(seed) + still, still=True, fall=fall) for seed in range(10)])
    # a tenth of a row's noise a row: three rows of it are one deviation
    assert np.median(np.abs(late[:, 0])) <= 6
    assert late[:, 1].sum() >= 8


def test_what_the_law_errs_by_slowly_is_not_taken_for_the_beginning() -> None:
    """The rows before drift by a hundredth in all, along a mode of the law."""
    drift = 0.01 * np.arange(ROWS) / ROWS
    e = noise(0) + drift + 0.004 * np.maximum(np.arange(ROWS) - BEGINS + 1, 0)
    nothing = np.zeros(ROWS)
    told = onset(Run(e, nothing, nothing, drift[:, None], np.isfinite(e)), BEGINS - 30, ROWS - 1)
    assert abs(told.row - BEGINS) <= 2


@pytest.mark.slow
def test_a_long_log_of_noisy_rows_is_dated_by_means_and_then_by_rows() -> None:
    n, begins, slope, scatter = 40_000, 30_000, 2e-5, 0.04
    rng, nothing = np.random.default_rng(0), np.zeros(n)
    e = scatter * rng.standard_normal(n) + slope * np.maximum(np.arange(n) - begins + 1, 0)
    told = onset(Run(e, nothing, nothing, nothing[:, None], np.isfinite(e)), begins - 2000, n - 1)
    assert told.first <= begins <= told.last
    # 2 s / (b sqrt(m)) of the m = (3 SURE (s/b)^2)^(1/3) = 920 rows that make it sure
    assert abs(told.row - begins) <= 3 * 2 * scatter / slope / sqrt(920)


@pytest.mark.parametrize(("size", "kinds"), [(0.008, []), (0.08, ["divergence"])])
def test_after_a_restart_of_the_rate_a_level_is_told_only_that_has_risen_far(size: float, kinds: list[str]) -> None:
    """Laws are not fitted to rates that rise again, and miss by some tenths of a per cent what these make of a loss."""
    e = noise(1) + size * (np.arange(ROWS) >= BEGINS)
    rules, nothing = Rules(rows=ROWS), np.zeros((ROWS, 1))
    assert [a.kind for a in alarms(e, nothing, rules, until=BEGINS - 20).found if a.kind != "drift"] == kinds
    assert {a.kind for a in alarms(e, nothing, rules).found} & {"divergence", "shift"}


def test_alarms_that_begin_together_are_one_with_the_mean_of_a_shift() -> None:
    lasts = BEGINS + 50
    e = noise(3) + 0.01 * ((np.arange(ROWS) >= BEGINS) & (np.arange(ROWS) <= lasts))
    nothing = np.zeros(ROWS)
    run = Run(e, nothing, nothing, nothing[:, None], np.isfinite(e))
    two = [Alarm(kind="shift", first=BEGINS - 12, last=BEGINS + 30, size=0.018),
           Alarm(kind="shift", first=BEGINS + 35, last=BEGINS + 50, size=0.011)]  # fmt: skip
    (one,) = dated(two, run)
    assert (one.first, one.last) == (BEGINS, lasts)
    # means of 51 rows and of the 60 before differ by three standard errors at most
    assert abs(one.size - 0.01) <= 3 * NOISE * sqrt(1 / 51 + 1 / 60)
