"""The rule for rates of dense networks and mixtures, on the runs that it was fitted to (Li et al. 2025,
arXiv:2503.04715; github.com/step-law/steplaw)."""

from __future__ import annotations

import csv
from collections import defaultdict

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.hyper import PowerRules
from tests.data import data_file

SEQUENCE = 2048


def grids(name: str, keys: tuple[str, ...]) -> dict[tuple[float, float], np.ndarray]:
    """(N, D) to the runs of a grid: rate, batch [tokens], smoothed loss."""
    found = defaultdict(list)
    with data_file(f"steplaw/{name}").open() as file:
        for row in csv.DictReader(file):
            run = (float(row["lr"]), float(row["bs"]) * SEQUENCE, float(row["smooth loss"]))
            # a run that diverged has no loss, and a few rows no size
            if np.isfinite([*run, float(row["N"])]).all():
                found[tuple(row[k] for k in keys)].append(run)
    return {(float(k[0]), float(k[1]), *k[2:]): np.array(v) for k, v in found.items()}  # type: ignore[misc]


def dense() -> dict[tuple[float, float], np.ndarray]:
    return grids("dense_lr_bs_loss.csv", ("N", "D"))


def mixtures() -> dict[tuple[float, float], np.ndarray]:
    return grids("moe_lr_bs_loss.csv", ("N", "D", "Na", "nume", "topk"))


def law() -> PowerRules:
    found = Catalogue().law("step_law_grids")
    assert isinstance(found, PowerRules)
    return found


def best(runs: np.ndarray) -> np.ndarray:
    return np.asarray(runs[runs[:, 2].argmin()])


def test_the_constants_are_the_least_squares_of_the_best_rates() -> None:
    found = [(k[0], k[1], best(v)[0]) for g in (dense(), mixtures()) for k, v in g.items()]
    assert len(found) == 33
    n, d, rate = np.log(np.array(found)).T
    design = np.stack([np.ones_like(n), n, d], axis=1)
    (c, a, b), *_ = np.linalg.lstsq(design, rate, rcond=None)
    rule = law().rate
    assert rule is not None
    # the file has five digits
    assert (np.exp(c), a, b) == pytest.approx((rule.coefficient, rule.n, rule.d), rel=2e-4)


@pytest.mark.parametrize(("runs", "worst"), [(dense, 1.7), (mixtures, 2.0)], ids=["dense", "mixtures"])
def test_the_rule_is_near_the_best_measured_rate(runs: object, worst: float) -> None:
    ratios = np.array([float(law().peak_rate(n=k[0], d=k[1])) / best(v)[0] for k, v in runs().items()])  # type: ignore[operator]
    assert 0.8 < np.exp(np.log(ratios).mean()) < 1.25
    assert np.exp(np.abs(np.log(ratios)).max()) < worst


@pytest.mark.parametrize("runs", [dense, mixtures], ids=["dense", "mixtures"])
def test_the_runs_nearest_to_the_rule_lose_little(runs: object) -> None:
    regrets = []
    for (n, d, *_), grid in runs().items():  # type: ignore[operator]
        rate, batch = float(law().peak_rate(n=n, d=d)), float(law().batch_tokens(d=d))
        apart = np.log(grid[:, 0] / rate) ** 2 + np.log(grid[:, 1] / batch) ** 2
        regrets.append(grid[apart.argmin(), 2] / grid[:, 2].min() - 1)
    assert np.median(regrets) < 0.002


def test_rates_of_mixtures_do_not_follow_the_active_parameters() -> None:
    # 708 runs of one total and four active sizes: read at the active size the published law is 2.6 times too high
    published = Catalogue().law("step_law")
    assert isinstance(published, PowerRules)
    assert published.every_expert
    with data_file("steplaw/moe_lr_bs_loss.csv").open() as file:
        active = {
            (float(r["N"]), float(r["D"]), r["Na"], r["nume"], r["topk"]): float(r["Na"]) for r in csv.DictReader(file)
        }
    ratios = {
        of: np.exp(np.mean([np.log(float(published.peak_rate(n=n, d=k[1])) / best(v)[0]) for k, v in mixtures().items()
                            for n in [active[k] if of == "active" else k[0]]]))  # type: ignore[index]
        for of in ("active", "total")
    }  # fmt: skip
    assert ratios["active"] == pytest.approx(2.60, abs=0.005)
    assert ratios["total"] == pytest.approx(0.82, abs=0.005)


def test_half_and_double_the_rate_cost_what_the_file_says() -> None:
    costs: dict[float, list[float]] = {0.5: [], 2.0: []}
    for grid in [*dense().values(), *mixtures().values()]:
        rate, batch, loss = best(grid)
        for factor, found in costs.items():
            # rates of the grids are powers of the square root of two apart
            there = (np.abs(grid[:, 1] / batch - 1) < 0.01) & (np.abs(np.log(grid[:, 0] / (rate * factor))) < 0.1)
            if there.any():
                found.append(float(grid[there, 2].min() / loss - 1))
    said = law().regret
    assert said is not None
    assert np.median(costs[0.5]) == pytest.approx(said.half, abs=5e-5)
    assert np.median(costs[2.0]) == pytest.approx(said.double, abs=5e-5)
