"""Choosing small runs: the algebra of the variance, what a design must keep to, and that it beats a grid."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from lehr.simulators.counting import count_parameters
from lehr.simulators.designing import (
    Belief,
    Pool,
    Target,
    belief_about,
    belief_after,
    isoflop_grid,
    pool_of,
    propose,
    sharpest,
    sharpness,
)
from lehr.simulators.designing.choosing import FEWEST_SIZES, _Scorer
from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.fitting import make_runs
from lehr.simulators.planning.choosing import rung_of
from lehr.simulators.planning.ladder import SMALL, dense, ladder
from lehr.simulators.planning.reading import Key, Rung

LAW = Chinchilla(
    name="planted", title="", n_convention="total", loss_unit="nats/token",
    E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658,
)  # fmt: skip
NOISE = 0.005
BUDGET = 2e20


def rungs() -> dict[Key, Rung]:
    sizes = {"vocab_size": 32000, "context_length": 2048}
    networks = [*(dense(width, **sizes) for width in SMALL), *ladder(**sizes).values()]
    found = {(count_parameters(network).total, 1): rung_of(network, 2048) for network in networks}
    return {key: rung for key, rung in found.items() if rung.width < 2560}


def asked(budget: float = BUDGET, target: float = 1e23) -> tuple[Belief, Pool, Target]:
    pool = pool_of(rungs(), "total", budget=budget)
    n, d = LAW.optimum(target)
    return belief_about(LAW, pool.n, pool.d, NOISE), pool, Target(n=np.array([n]), d=np.array([d]))


def test_the_gain_of_a_run_is_the_variance_that_it_takes_away() -> None:
    belief, pool, target = asked()
    scorer = _Scorer(belief, pool, target, 0.006)
    rows = [0, 30, 60, 90]
    before, gains = scorer.gains(rows)
    assert before == pytest.approx(scorer.variance(rows), rel=1e-9)
    for i in (5, 40, len(pool) - 1):
        assert before - gains[i] == pytest.approx(scorer.variance([*rows, i]), rel=1e-6)


def test_the_variance_is_that_of_a_linear_bayesian_fit() -> None:
    """Against a weighted least-squares problem that has the prior as further rows."""
    belief, pool, target = asked()
    rows = list(range(0, len(pool), 9))
    slopes = belief.at(belief.theta[None], pool.n[rows], pool.d[rows])[1][0].T / NOISE
    root = np.linalg.inv(np.linalg.cholesky(belief.covariance))
    stacked = np.concatenate([slopes, root])
    wanted = belief.at(belief.theta[None], target.n, target.d)[1][0, :, 0]
    expected = np.sum(np.linalg.lstsq(stacked.T @ stacked, wanted, rcond=None)[0] * wanted)
    alone = msgspec.structs.replace(belief, theta=belief.theta)
    scorer = _Scorer(alone, pool, target, 0.0)  # without misfit a run's doubt is its noise
    scorer.slopes, scorer.wanted, scorer.start = scorer.slopes[:1], scorer.wanted[:1], scorer.start[:1]
    assert scorer.variance(rows) == pytest.approx(expected, rel=1e-6)


def test_designs_keep_to_the_money_the_runs_and_the_sizes() -> None:
    belief, pool, target = asked()
    for design in propose(belief, pool, target, budget=BUDGET, most=14):
        assert design.cost <= BUDGET
        assert len(design.rows) <= 14
        assert len(set(design.rows)) == len(design.rows)
        assert len(set(pool.n[design.rows])) >= FEWEST_SIZES


@pytest.mark.slow
def test_a_design_is_sharper_than_a_grid_for_the_same_money() -> None:
    belief, pool, target = asked()
    ours = sharpest(belief, pool, target, budget=BUDGET, most=20)
    grid = isoflop_grid(belief, rungs(), target, budget=BUDGET)
    assert grid.cost == pytest.approx(BUDGET, rel=1e-9)
    # worlds that took no part in the choice
    a, b = (sharpness(belief, design, target, worlds=200, seed=7) for design in (ours, grid))
    assert a.constants < 0.85 * b.constants
    assert a.loss < b.loss


@pytest.mark.slow
def test_more_money_and_less_noise_make_it_sharper() -> None:
    belief, pool, target = asked()
    few = min(d.spread for d in propose(belief, pool, target, budget=BUDGET))
    quiet = msgspec.structs.replace(belief, noise=NOISE / 4)
    assert min(d.spread for d in propose(quiet, pool, target, budget=BUDGET)) < few
    richer, wider, _ = asked(budget=10 * BUDGET)
    assert min(d.spread for d in propose(richer, wider, target, budget=10 * BUDGET)) < few


def test_runs_that_exist_count() -> None:
    _, pool, target = asked()
    rows = list(range(0, len(pool), 6))
    noise = np.exp(NOISE * np.random.default_rng(0).standard_normal(len(rows)))
    made = make_runs(pool.n[rows], pool.d[rows], LAW.loss(pool.n[rows], pool.d[rows]) * noise)
    after = belief_after(made, NOISE)
    assert after.law(after.theta).loss(1e9, 2e10) == pytest.approx(LAW.loss(1e9, 2e10), rel=0.01)
    alone = msgspec.structs.replace(after, made=None)
    spreads = [min(d.spread for d in propose(b, pool, target, budget=BUDGET)) for b in (after, alone)]
    assert spreads[0] < spreads[1]


def test_a_budget_that_pays_for_no_run_is_refused() -> None:
    with pytest.raises(ValueError, match="pay for runs of 0 sizes"):
        pool_of(rungs(), "total", budget=1e12)
