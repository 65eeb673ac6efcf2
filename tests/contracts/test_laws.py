"""What every law of the catalogue keeps, whatever its form."""

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import Farseer, Frontier
from lehr.simulators.laws.hyper import HyperLaw
from lehr.simulators.laws.inference import answers_of
from lehr.simulators.laws.surfaces import Surface

CATALOGUE = Catalogue()
LAWS = {name: CATALOGUE.law(name) for name in CATALOGUE.files("law")}
SURFACES = [name for name, law in LAWS.items() if isinstance(law, Surface)]
FRONTIERS = [name for name, law in LAWS.items() if isinstance(law, Frontier)]
RULES = [name for name, law in LAWS.items() if isinstance(law, HyperLaw)]


def surface(name: str) -> Surface:
    law = LAWS[name]
    assert isinstance(law, Surface)
    return law


@pytest.mark.parametrize("name", SURFACES)
def test_the_loss_falls_with_size_and_with_tokens(name: str) -> None:
    n, d = np.meshgrid(np.logspace(8, 10.5, 20), np.logspace(9.5, 12, 20))
    loss = surface(name).loss(n, d)
    assert np.all(np.isfinite(loss) & (loss > 0))
    assert np.all(np.diff(loss, axis=0) < 0)
    assert np.all(np.diff(loss, axis=1) < 0)


@pytest.mark.parametrize("name", SURFACES)
def test_many_points_at_once_are_the_points_one_by_one(name: str) -> None:
    law = surface(name)
    n, d = np.array([[1e8], [1e9]]), np.array([2e9, 2e10, 2e11])
    grid = law.loss(n, d)
    assert grid.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            # numpy raises arrays and scalars to powers in other code
            assert grid[i, j] == pytest.approx(float(law.loss(n[i, 0], d[j])), rel=1e-13)


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("flops", [1e19, 1e21, 1e23])
def test_the_optimum_beats_its_neighbours_and_is_where_a_search_ends(name: str, flops: float) -> None:
    law = surface(name)
    n, d = law.optimum(flops)
    # N and D are powers of the budget: an exponent's rounding, 2**-53, times the logarithm of 1e23, 53, a few times
    assert 6 * n * d == pytest.approx(flops, rel=1e-13)
    best = float(law.loss(n, d))
    if not isinstance(law, Farseer):  # which promises any loss to sizes far beyond its runs, where a search ends
        # two ways to one minimum: their losses differ by rounding
        assert float(law.loss(*Surface.optimum(law, flops))) == pytest.approx(best, rel=1e-12)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert float(law.loss(n * factor, d / factor)) > best


@pytest.mark.parametrize("name", FRONTIERS)
def test_a_frontier_spends_its_budget(name: str) -> None:
    law = LAWS[name]
    assert isinstance(law, Frontier)
    n, d = law.optimum(1e21)
    spent = law.flops_per_nd * n * d
    # where both powers are published they multiply to the budget as far as their digits go; Kaplan's C is the least
    # compute, half of what a run at the critical batch costs, and Hunyuan-Large's exponents add up to 1.03
    assert 0.3e21 < spent < 9e21
    assert float(law.flops_for(n)) == pytest.approx(1e21, rel=1e-9)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_answers_something_and_grows_no_rate_with_size(name: str) -> None:
    law = LAWS[name]
    inputs = {
        "n": 3e8,
        "d": 6e9,
        "flops": 1.1e19,
        "experts": 1.0,
        "loss": 3.0,
        "batch": 0.5e6,
        "rate": 1e-3,
        "new_d": 2e10,
    }
    assert isinstance(law, HyperLaw)
    answered = 0
    for compute, _ in law.answers().values():
        for names in (
            ("n", "d", "flops", "experts", "loss"),
            ("n", "d"),
            ("n", "d", "batch", "rate"),
            ("rate", "d", "new_d"),
        ):
            try:
                value = float(compute(**{k: inputs[k] for k in names}))
            except (ValueError, TypeError):
                continue
            assert 0 < value < np.inf
            answered += 1
    assert answered


@pytest.mark.parametrize("name", LAWS)
def test_a_law_says_what_its_figures_ask(name: str) -> None:
    law = LAWS[name]
    assert {figure.quantity for figure in law.reported} <= set(answers_of(law))
    # and survives being written and read again
    assert msgspec.convert(msgspec.to_builtins(law), type(law)) == law
