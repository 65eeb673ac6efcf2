"""Besiroglu et al. 2024 (arXiv:2404.10102), Table 1: standard errors and intervals of every constant, by bootstrap."""

import csv

import numpy as np
import pytest

from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.base import Draws
from lehr.simulators.laws.fitting import Resampled, fit_law, make_runs, resample
from lehr.simulators.numerics.levenberg import huber
from tests.data import data_file

DRAWS = 400
# Table 1: value, standard error, 95 % interval
TABLE = {
    "E": (1.8172, 0.026, 1.769, 1.871),
    "alpha": (0.3478, 0.015, 0.317, 0.373),
    "beta": (0.3658, 0.021, 0.331, 0.415),
    "A": (482.01, 124.5, 285.0, 744.0),
}


@pytest.fixture(scope="module")
def found() -> Resampled:
    with data_file("epoch_chinchilla/svg_extracted_data.csv").open() as file:
        rows = list(csv.DictReader(file))
    n, c, loss = (np.array([float(r[key]) for r in rows]) for key in ("Model Size", "Training FLOP", "loss"))
    kept = loss < np.sort(loss)[-5]
    return resample(fit_law(make_runs(n[kept], c[kept] / 6 / n[kept], loss[kept])), DRAWS)


@pytest.mark.slow
def test_every_start_of_the_paper_is_tried(found: Resampled) -> None:
    assert found.fit.n_starts == 4500


@pytest.mark.slow
def test_the_objective_is_the_sum_of_huber_losses_of_the_law(found: Resampled) -> None:
    runs = found.fit.runs
    residual = np.log(found.fit.law.loss(runs.parameters, runs.tokens)) - np.log(runs.loss)
    # two ways to the same sum of 240 doubles
    assert float(huber(residual, 1e-3)) == pytest.approx(found.fit.objective, rel=1e-9)


@pytest.mark.parametrize("name", TABLE)
def test_standard_errors_and_intervals(found: Resampled, name: str) -> None:
    value, error, low, high = TABLE[name]
    assert isinstance(found.law.uncertainty, Draws)
    column = found.law.uncertainty.table()[:, found.law.uncertainty.parameters.index(name)]
    # the standard error of a standard deviation from 400 draws is its 1 / sqrt(800); four of them, and printed digits
    assert np.std(column) == pytest.approx(error, rel=4 / np.sqrt(2 * DRAWS) + 0.5 / 15)
    # that of a 2.5 % quantile of 400 normal draws is 0.13 standard deviations; four of them
    assert found.interval(name) == pytest.approx((low, high), abs=4 * 0.13 * error)
    # the table's values are means of bootstraps, which lie within a fifth of a standard error of the optimum
    assert getattr(found.fit.law, name) == pytest.approx(value, abs=0.2 * error)


def test_hoffmanns_printed_constants_miss_their_own_runs(found: Resampled) -> None:
    printed = Chinchilla(
        name="x",
        title="",
        n_convention="total",
        loss_unit="nats/token",
        E=1.69,
        A=406.4,
        B=410.7,
        alpha=0.34,
        beta=0.28,
    )
    runs = found.fit.runs
    residual = np.log(printed.loss(runs.parameters, runs.tokens) / runs.loss)
    assert float(huber(residual, 1e-3)) > 2 * found.fit.objective
