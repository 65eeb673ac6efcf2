"""Rows that are alike as the rules want them."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.laws.curves import PowerOfSum
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import in_order, track
from lehr.simulators.tracking.independent import independent
from lehr.simulators.tracking.planned import plan
from lehr.simulators.tracking.track import Tracked

PLAN = plan(PowerOfSum(name="x", title="", L0=2.5, A=0.6, alpha=0.4), np.full(12_000, 1e-3))
STEPS = np.arange(9, 8000, 5)


def smoothed(noise: Floats, weight: float) -> Floats:
    """The exponential mean of ``noise`` (rows,), corrected for its beginning."""
    out, mean = np.empty(len(noise)), 0.0
    for i, one in enumerate(noise):
        mean = weight * mean + (1 - weight) * one
        out[i] = mean / (1 - weight ** (i + 1))
    return out


def noise_of(kind: str, seed: int, rows: int = len(STEPS)) -> Floats:
    rng = np.random.default_rng(seed)
    if kind == "smoothed .9":
        return smoothed(0.01 * rng.standard_normal(rows), 0.9)
    noise = 0.01 * rng.standard_normal(rows)
    weight = {"independent": 0.0, "alike .3": 0.3, "alike .6": 0.6, "alike .9": 0.9}[kind]
    for i in range(1, rows):
        noise[i] = weight * noise[i - 1] + np.sqrt(1 - weight**2) * noise[i]
    return noise


def look(noise: Floats, factor: Floats | float = 1.0) -> Tracked:
    return track(PLAN, in_order(STEPS, PLAN.loss[STEPS] * np.exp(noise) * factor))


@pytest.mark.parametrize("kind", ["alike .6", "smoothed .9"])
def test_a_healthy_run_raises_no_alarm(kind: str) -> None:
    seen = look(noise_of(kind, 1))
    assert (seen.state, seen.alarms) == ("inside", [])
    assert any("write the raw column" in note for note in seen.notes) == (kind in ("alike .6", "smoothed .9"))
    assert seen.final_interval is not None
    assert seen.final_interval[0] <= PLAN.loss[-1] <= seen.final_interval[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["independent", "alike .3", "alike .6", "alike .9", "smoothed .9"])
def test_at_most_a_few_of_many_healthy_runs_raise_an_alarm(kind: str) -> None:
    alarmed = sum(bool(look(noise_of(kind, seed)).alarms) for seed in range(100, 140))
    # one in a hundred of each of six kinds: five or more of 40 have a chance of 9 %, without the rest they had 24 to 40
    assert alarmed <= 4


def test_rows_that_are_left_out_are_said_however_little_they_are_alike() -> None:
    noise, seen = noise_of("independent", 11), []
    for weight in (0.15, 0.9):
        rows = smoothed(noise, weight)
        own = independent(rows)
        assert own.correlation > 0
        assert own.correlation**own.left_out < 0.002
        seen.append(own.left_out)
        (said,) = look(rows).notes[:1]
        assert f"without the first {own.left_out:,}" in said
        assert ("write the raw column" in said) == (weight > 0.3)
    assert seen[0] <= 4


def test_the_correlation_is_that_of_the_rows_and_no_fault_has_one() -> None:
    for weight in (0.3, 0.6, 0.9):
        found = independent(noise_of(f"alike {weight:.1f}".replace("0.", "."), 3))
        # three standard errors of a correlation of so many rows, and the highest that is hardly less likely
        assert abs(found.correlation - weight) < 3 * np.sqrt((1 - weight**2) / 800) + 0.04
    at = np.arange(len(STEPS)) - 1200
    for fault in (
        np.where(at > 0, 0.2, 0.0),
        np.where(at > 0, 0.004 * at, 0.0),
        np.where(at > 0, 0.1 * np.log1p(np.maximum(at, 0)), 0.0),
        np.where(at >= 0, 0.3 * np.exp(-np.maximum(at, 0) / 4), 0.0),
        np.where((at > 0) & (at < 40), -0.1, 0.0),
    ):
        assert independent(noise_of("independent", 4) + fault).correlation == 0.0
