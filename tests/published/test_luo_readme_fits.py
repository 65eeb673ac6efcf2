"""Fits on the authors' three curves against their table of test results (README of their repository), on six others."""

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.reading import LogReading, read_runs
from lehr.simulators.laws.base import Covariance
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.laws.curves.bands import band
from lehr.simulators.laws.curves.base import constant_values
from lehr.simulators.laws.curves.fitting import CurveFit, LoggedRun, Score, fit_curve, make_run, mean_score, score
from tests.data import data_file
from tests.published.luo_curves import HELD_OUT, PRINTED, TRAINED_ON, WARM_UP, rows, schedule


def logged(size: str, names: tuple[str, ...]) -> list[LoggedRun]:
    runs = []
    for name in names:
        steps, loss, _ = rows(size, name)
        runs.append(make_run(name, steps, loss, schedule(name)))
    return runs


def as_accurate(found: Score, printed: tuple[float, ...]) -> None:
    r2, *errors = printed
    assert found.r2 >= r2
    for mine, theirs in zip(
        (found.mae, found.rmse, found.mean_relative_error, found.worst_relative_error), errors, strict=True
    ):
        assert mine <= theirs


def on_held_out_curves(fit: CurveFit, size: str) -> Score:
    return mean_score([score(fit.law, run) for run in logged(size, HELD_OUT)])


@pytest.mark.parametrize("size", PRINTED)
def test_luo_readme_multi_power(size: str) -> None:
    as_accurate(on_held_out_curves(fit_curve(logged(size, TRAINED_ON)), size), PRINTED[size])


@pytest.mark.parametrize("size", PRINTED)
def test_luo_readme_multi_power_with_the_schedule_read_from_the_logs(size: str) -> None:
    reading = LogReading(warmup_steps=WARM_UP)
    files = {n: str(data_file(f"mpl_loss_curves/csv_{size}/{n}.csv")) for n in (*TRAINED_ON, *HELD_OUT)}
    fit = fit_curve([one.run for one in read_runs([files[n] for n in TRAINED_ON], reading)])
    test = read_runs([files[n] for n in HELD_OUT], reading)
    as_accurate(mean_score([score(fit.law, one.run) for one in test]), PRINTED[size])


@pytest.mark.parametrize(("size", "r2"), [("25", 0.993), ("100", 0.995)])
def test_momentum_law_on_the_same_curves(size: str, r2: float) -> None:
    # with its decay held at 0.999 the momentum law reaches 0.9933 and 0.9959 here; the fit finds the decay too
    fit = fit_curve(logged(size, TRAINED_ON), "momentum")
    assert on_held_out_curves(fit, size).r2 >= r2
    low, high = fit.intervals["decay"]
    assert 0.99 < low < fit.law.decay < high < 1  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_band_covers_the_held_out_curves() -> None:
    inside, of_long_curves = [], []
    for size in PRINTED:
        law = fit_curve(logged(size, TRAINED_ON)).law
        for run in logged(size, HELD_OUT):
            low, high = band(law, run.rates, steps=run.steps)
            inside.append(float(np.mean((low <= run.loss) & (run.loss <= high))))
            if run.steps[-1] > 24000:
                of_long_curves.append(inside[-1])
    # twelve curves, each of which strays as a whole: one wholly outside a band of 95 % would be expected every other
    # time, and would leave 11 / 12
    assert np.mean(inside) >= 11 / 12
    # three times as long as any that was fitted: the band widens, and holds what it says
    assert np.mean(of_long_curves) >= 0.95


@pytest.mark.parametrize(("name", "kind"), [("momentum", "momentum"), ("turning", "multi_power")])
@pytest.mark.parametrize("size", PRINTED)
def test_the_fitted_laws_of_the_catalogue_are_these_fits(size: str, name: str, kind: str) -> None:
    law = Catalogue().law(f"{name}_{size}m")
    assert isinstance(law, CurveLaw)
    fit = fit_curve(logged(size, TRAINED_ON), kind)
    # the file has six digits
    for constant, value in constant_values(fit.law).items():
        assert getattr(law, constant) == pytest.approx(value, rel=1e-4), constant
    assert isinstance(law.uncertainty, Covariance)
    assert isinstance(fit.law.uncertainty, Covariance)
    for figure in ("strays", "strays_annealed"):
        assert getattr(law.uncertainty, figure) == pytest.approx(getattr(fit.law.uncertainty, figure), rel=1e-3), figure
