"""Sardana et al. 2024 (arXiv:2401.00448): the optimal size and tokens of a model that is served."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.inference import LifetimeOptimum, lifetime_optimum


def law(name: str) -> Chinchilla:
    found = Catalogue().law(name)
    assert isinstance(found, Chinchilla)
    return found


def optimum(name: str, size: float, served: float) -> LifetimeOptimum:
    """For the quality of the model whose optimal size is ``size``."""
    surface = law(name)
    total = surface.alpha + surface.beta
    g = (surface.alpha * surface.A / (surface.beta * surface.B)) ** (1 / total)
    flops = 6 * (size / g) ** (total / surface.beta)
    return lifetime_optimum(surface, training_flops=flops, generated_tokens=served)


def test_quality_of_30b_and_1e13_tokens() -> None:
    found = optimum("chinchilla_three_digits", 30e9, 1e13)
    # section 2: a 13.6B model on 2.84 times the data saves 28 % of all FLOPs; half a unit of each last digit
    assert found.best.parameters == pytest.approx(13.6e9, abs=0.05e9)
    assert found.best.tokens / found.cheapest_to_train.tokens == pytest.approx(2.84, abs=0.005)
    assert found.saving == pytest.approx(0.28, abs=0.005)


def test_quality_of_70b_and_1e13_tokens() -> None:
    found = optimum("chinchilla_three_digits", 70e9, 1e13)
    # Table 1: 41.6B on 7.92T tokens; 12 % saved
    assert found.best.parameters == pytest.approx(41.6e9, abs=0.05e9)
    assert found.best.tokens == pytest.approx(7.92e12, abs=0.005e12)
    assert found.saving == pytest.approx(0.12, abs=0.005)


def test_two_digits_of_the_exponents_give_another_optimum() -> None:
    found = optimum("chinchilla", 30e9, 1e13)
    # a unit of the second digit of alpha and beta moves the size by a sixth and the saving by a third
    assert found.best.parameters == pytest.approx(15.9e9, abs=0.05e9)
    assert found.saving == pytest.approx(0.18, abs=0.005)
