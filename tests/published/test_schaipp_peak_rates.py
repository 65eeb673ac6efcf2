"""Runs of a 124M model at three peak rates (Schaipp et al., arXiv:2501.18965): fits carry over to a rate not fitted."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.recipes.reading import LogReading, read_runs
from lehr.simulators.laws.curves.bands import band, row_noise
from lehr.simulators.laws.curves.fitting import LoggedRun, fit_curve, mean_score, score
from tests.data import data_file

NAMES = {
    "0p0005": ("wsd_linear0p2_{}_50000", "wsd_linear0_{}_50000", "cosz_linear0_{}_50000", "wsd_linear0p6_{}_50000"),
    "0p001": ("wsd_linear0p2_{}_50000", "wsd_linear0_{}_50000", "cosz_linear0_{}_50000", "wsd_linear0p6_{}_50000"),
    "0p002": ("wsd_linear0p2_{}_50000", "wsd_linear0p6_{}_50000", "wsd_sqrt0p2_{}_50000", "wsd_linear0p1_{}_15000"),
}


def runs(*rates: str) -> list[LoggedRun]:
    files = [
        str(data_file(f"schaipp_124m/validation/L12H12_{name.format('lr' + rate)}.csv"))
        for rate in rates
        for name in NAMES[rate]
    ]
    return [one.run.after_warm_up() for one in read_runs(files, LogReading())]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fitted", "other", "error"),
    [
        # with a clock in the rates themselves: 2.3, 1.8, 1.6 and 6.4 %
        (("0p0005", "0p001"), "0p002", 0.003),
        (("0p0005", "0p002"), "0p001", 0.003),
        (("0p0005",), "0p001", 0.01),
        (("0p0005",), "0p002", 0.02),
    ],
)
def test_an_unseen_peak_rate_is_forecast(fitted: tuple[str, ...], other: str, error: float) -> None:
    fit, inside = fit_curve(runs(*fitted)), []
    held_out = runs(other)
    assert mean_score([score(fit.law, run) for run in held_out]).mean_relative_error <= error
    for run in held_out:
        low, high = band(fit.law, run.rates, steps=run.steps, noise=row_noise(run.loss))
        inside.append(np.mean((low <= run.loss) & (run.loss <= high)))
    assert np.mean(inside) >= 0.9
