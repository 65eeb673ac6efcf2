"""Errors that runs of one size share widen the intervals, and independent ones do not."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.laws.fitting import LawFit, fit_law, make_runs, resample
from lehr.simulators.laws.fitting.shared import shared_errors

SIZES, RATIOS = (5e7, 1e8, 2e8, 4e8, 8e8), (5, 15, 45, 135)
TRUTH = {"E": 1.85, "alpha": 0.33, "beta": 0.34}


def made(seed: int, *, shared: float) -> LawFit:
    """Five sizes at four ratios with an error of 0.3 %, of whose spread so much is shared by a size."""
    rng = np.random.default_rng(seed)
    n, d = np.array([(size, size * ratio) for size in SIZES for ratio in RATIOS]).T
    error = 0.003 * np.sqrt(1 - shared**2) * rng.standard_normal(len(n))
    error += 0.003 * shared * np.repeat(rng.standard_normal(len(SIZES)), len(RATIOS))
    loss = (TRUTH["E"] + 400 * n ** -TRUTH["alpha"] + 1500 * d ** -TRUTH["beta"]) * np.exp(error)
    return fit_law(make_runs(n, d, loss), starts=60)


@pytest.mark.slow
def test_sizes_whose_errors_lie_together_are_seen_and_said() -> None:
    found = [shared_errors(made(seed, shared=0.9)) for seed in range(10)]
    assert sum(one is not None for one in found) >= 6
    one = next(one for one in found if one is not None)
    assert (one.df, one.size.tolist()) == (2, [i for i in range(5) for _ in range(4)])
    assert 0.0005 < one.spread < 0.02
    assert "lie together: 5 sizes" in one.said(resampled=True)
    shifts = one.shifts(50, 0)
    assert shifts.shape == (50, 20)
    assert np.all(shifts[:, ::4] == shifts[:, 1::4])


@pytest.mark.slow
def test_independent_errors_are_told_as_shared_no_oftener_than_one_time_in_ten() -> None:
    """Of 60 tables six; twelve, three standard deviations more, would say that the test is too lax."""
    assert sum(shared_errors(made(seed, shared=0.0)) is not None for seed in range(60)) <= 12


@pytest.mark.slow
def test_intervals_hold_planted_constants_where_errors_are_shared() -> None:
    held = {False: 0, True: 0}
    for seed in range(30):
        fit = made(100 + seed, shared=0.8)
        for widened in (False, True):
            drawn = resample(fit, 60, seed=seed, shared=shared_errors(fit) if widened else None)
            for name, value in TRUTH.items():
                low, high = drawn.interval(name)
                held[widened] += low < value < high
    print({widened: count / 90 for widened, count in held.items()})
    # of 90 intervals of 95 %: runs drawn one by one hold too few
    assert held[True] >= 81
    assert held[True] > held[False]


def test_few_sizes_or_runs_of_one_tell_nothing() -> None:
    n, d = np.array([(size, size * ratio) for size in (1e8, 2e8, 4e8) for ratio in (10, 30, 90)]).T
    three = fit_law(make_runs(n, d, 1.85 + 400 * n**-0.33 + 1500 * d**-0.34), starts=20)
    assert shared_errors(three) is None
