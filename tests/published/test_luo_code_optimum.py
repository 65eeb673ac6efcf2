"""Luo et al. 2025 (arXiv:2510.08702): code wants more tokens per parameter, 150 at 5.36e21 FLOP."""

import pytest

from lehr.recipes.catalogue.files import Catalogue


def ratio(name: str, flops: float) -> float:
    n, d = Catalogue().surface(name).optimum(flops)
    return d / n


def test_farseer_form_at_the_budget_of_the_paper() -> None:
    # "150" has two or three digits; the constants have three or four, of exponents that multiply a logarithm of 21
    assert ratio("code_farseer", 5.36e21) == pytest.approx(150, rel=0.05)


@pytest.mark.parametrize(("flops", "expected"), [(1e20, 77), (1e21, 134), (5.36e21, 199), (1e23, 401)])
def test_chinchilla_form_by_budget(flops: float, expected: float) -> None:
    # computed once by independent code; half a unit of the last digit
    assert ratio("code_chinchilla", flops) == pytest.approx(expected, abs=0.5)


def test_the_farseer_form_is_the_better_one_in_the_corners_that_were_trained() -> None:
    farseer, chinchilla = (Catalogue().surface(name) for name in ("code_farseer", "code_chinchilla"))
    # both were fitted to the same 117 runs, so that they agree inside the grid
    for n, d in ((0.2e9, 2e9), (0.2e9, 128e9), (1e9, 30e9)):
        assert float(farseer.loss(n, d)) == pytest.approx(float(chinchilla.loss(n, d)), rel=0.01)
