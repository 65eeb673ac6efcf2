"""Muennighoff et al. 2023 (arXiv:2305.16264): the repository's worked values of equation 17."""

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import DataConstrained


def law() -> DataConstrained:
    found = Catalogue().law("muennighoff")
    assert isinstance(found, DataConstrained)
    return found


@pytest.mark.parametrize(
    ("n", "d", "printed"), [(6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)]
)
def test_the_loss_of_the_two_models_on_25b_unique_tokens(n: float, d: float, printed: float) -> None:
    # the same arithmetic in doubles, in another order
    assert float(law().loss(n, d, 25e9)) == pytest.approx(printed, rel=1e-9)


def test_the_optimum_for_1e22_flops_on_25b_unique_tokens() -> None:
    printed_d, printed_n = 2.3734e11, 7.0224e9
    n, d = law().optimum(1e22, 25e9)
    # theirs is the best of a grid: no better than ours, and worse by less than double rounding of their printed loss
    theirs = float(law().loss(printed_n, 1e22 / 6 / printed_n, 25e9))
    ours = float(law().loss(n, d, 25e9))
    assert 0 <= theirs - ours < 1e-7
    # so flat a minimum leaves sqrt(2 * 1e-7 / curvature) of log N open; curvature measured on the law itself
    step = 0.01
    sides = [float(law().loss(n * np.exp(s), d / np.exp(s), 25e9)) for s in (-step, step)]
    open_by = np.sqrt(2e-7 / ((sum(sides) - 2 * ours) / step**2))
    assert abs(np.log(printed_n / n)) < open_by
    assert abs(np.log(printed_d / d)) < open_by
    assert d / 25e9 == pytest.approx(9.493, rel=float(open_by))


def test_the_optimal_size_for_fresh_tokens_is_a_twentieth() -> None:
    # equation 17: U_N = 0.051 U_D
    assert float(law().size_for(100e9)) / 100e9 == pytest.approx(0.051, abs=0.0005)


def test_four_epochs_are_nearly_as_good_as_fresh_data_and_forty_are_not() -> None:
    # abstract: up to 4 epochs negligible changes to loss; section 5: after 16 returns diminish, at 40 repeating is
    # worthless. Worth of the last token of each run, against a fresh one:
    last = [
        float(law().worth(1e9, epochs * 10e9 + 1e9, 10e9)[1] - law().worth(1e9, epochs * 10e9, 10e9)[1]) / 1e9
        for epochs in (1, 4, 16, 40)
    ]
    assert float(law().worth(1e9, 40e9, 10e9)[1]) / 40e9 > 0.9
    assert last[2] == pytest.approx(np.exp(-1), abs=0.03)  # R_D* = 15.4 repeats are the e-folding
    assert last[3] < 0.1
