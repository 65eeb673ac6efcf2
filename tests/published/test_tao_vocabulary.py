"""Tao et al. 2024 (arXiv:2407.13623): the vocabulary that a network wants at the budget that is optimal for it."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import VocabularyLaw


def law() -> VocabularyLaw:
    found = Catalogue().law("tao_vocabulary")
    assert isinstance(found, VocabularyLaw)
    return found


def optimal_flops(n: float) -> float:
    """The budget of ``n`` parameters beside the vocabulary by their approach 1: N_nv = 0.0834 C**0.5."""
    return float((n / np.exp(-2.4846510161625193)) ** 2)


def test_llama_2_70b_wants_216_thousand_entries_or_more() -> None:
    # abstract: "at least 216K"; the optimum of the printed constants is 218K
    assert law().best(70e9, 8192, optimal_flops(70e9)) == pytest.approx(217e3, rel=0.01)


def test_the_optimum_is_where_the_derivative_of_their_loss_vanishes() -> None:
    # the loss in their units: N in millions, D in billions of tokens, F = 6 (N + V d) D
    n, width, flops = 2.87e9, 3200, optimal_flops(2.87e9)
    best = law().best(n, width, flops)
    a2, alpha2, b, beta = law().A2, law().alpha2, law().B, law().beta
    table, tokens = best * width / 1e6, flops / 6 / (n + best * width) / 1e9
    falls = alpha2 * a2 * table ** -(alpha2 + 1) / 1e6
    rises = beta * b * tokens**-beta / (n + best * width)
    # golden section finds a minimum to the square root of a double's roundings
    assert falls == pytest.approx(rises, rel=1e-6)


@pytest.mark.parametrize("times", [0.2, 1.0, 5.0])
def test_more_data_wants_a_larger_vocabulary(times: float) -> None:
    # section 4.3: with N fixed, the vocabulary grows with the data
    n = 302e6
    assert law().best(n, 1024, times * optimal_flops(n)) < law().best(n, 1024, 2 * times * optimal_flops(n))
