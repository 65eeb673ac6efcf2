"""Errors that runs of one size share widen the intervals, and independent ones do not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.extrapolation import tables
from lehr.simulators.laws.fitting import LawFit, fit_law, make_runs, resample
from lehr.simulators.laws.fitting.shared import USUAL, SharedErrors, shared_errors
from tests.data import data_file

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
    clear = [one for one in found if one is not None and one.clear]
    assert len(clear) >= 6
    one = clear[0]
    assert (one.df_between, one.size.tolist()) == (2, [i for i in range(5) for _ in range(4)])
    assert 0.5 < one.ratio < 20
    assert "lie together: 5 sizes" in str(one.said(resampled=True))


@pytest.mark.slow
def test_independent_errors_are_told_as_shared_no_oftener_than_one_time_in_ten() -> None:
    """Of 60 tables six; twelve, three standard deviations more, would say that the test is too lax."""
    found = [shared_errors(made(seed, shared=0.0)) for seed in range(60)]
    assert sum(one is not None and one.clear for one in found) <= 12


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


def test_what_is_believed_before_is_what_public_tables_have() -> None:
    """Where sizes say nothing, draws have the prior's median; where many do, their own."""
    size = np.repeat(np.arange(3), 4)
    told = SharedErrors(size=size, between=0.0, within=7e-6, df_between=0, df_within=7, each=4.0)
    drawn = told.shifts(4000, 0)
    assert drawn.shape == (4000, 12)
    assert np.all(drawn[:, ::4] == drawn[:, 1::4])
    # median of |normal times half-Cauchy of median .5|, of runs that scatter by 1e-3: simulated apart, .32
    rng = np.random.default_rng(1)
    apart = 0.5 * np.abs(rng.standard_cauchy(10**5) * rng.standard_normal(10**5)) * np.sqrt(7 / rng.chisquare(7, 10**5))
    assert float(np.median(np.abs(drawn))) == pytest.approx(1e-3 * float(np.median(apart)), rel=0.1)
    size = np.repeat(np.arange(400), 4)
    # 397 sizes' means as those of runs whose sizes share twice their own scatter: 1 + 4 * 2**2
    told = SharedErrors(size=size, between=397 * 17e-6, within=1198e-6, df_between=397, df_within=1198, each=4.0)
    assert told.ratio == pytest.approx(2)
    assert float(told.shifts(400, 0).std()) == pytest.approx(2e-3, rel=0.05)


@pytest.mark.slow
def test_usual_ratio_is_the_median_of_public_tables() -> None:
    data_file("extrapolation")
    data_file("clark_routed")
    data_file("epoch_chinchilla")
    found = [shared_errors(fit_law(train, starts=120)) for train, _ in tables().values()]
    ratios = [one.ratio for one in found if one is not None and one.df_between > 1]
    assert len(ratios) >= 20
    assert pytest.approx(float(np.median(ratios)), abs=0.06) == USUAL


def test_few_runs_of_a_size_tell_nothing() -> None:
    n, d = np.array([(size, size * ratio) for size in (1e8, 2e8, 4e8, 8e8) for ratio in (10, 40)]).T
    loss = (1.85 + 400 * n**-0.33 + 1500 * d**-0.34) * np.exp(0.001 * np.cos(np.arange(8.0)))
    assert shared_errors(fit_law(make_runs(n, d, loss), starts=20)) is None
