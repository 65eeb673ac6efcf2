"""Approach 2's bias: none where both exponents are equal and the grid is centred, as printed otherwise."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from lehr.simulators.laws.fitting.isoflop import fit_parabolas
from tests.profiles import isoflop_profiles, parabola_bias
from tests.simulators.laws.fitting.cases import CHINCHILLA, planted

PRINTED = msgspec.structs.replace(CHINCHILLA, E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
STEEP = msgspec.structs.replace(CHINCHILLA, E=1.69, A=406.4, B=410.7, alpha=0.465, beta=0.155)
EQUAL = msgspec.structs.replace(CHINCHILLA, E=1.69, A=406.4, B=410.7, alpha=0.31, beta=0.31)
BUDGETS = np.geomspace(1e17, 1e21, 5)


def test_on_chinchillas_surface_it_says_3_92t_tokens_instead_of_4_04t() -> None:
    # Czech et al. 2026, sizes within a factor of 8: -2.9 % at 1e24 FLOP; half a unit of the digits printed
    bias = parabola_bias(PRINTED, 1e24)
    assert bias.found == pytest.approx(3.92e12, rel=0.005 / 3.92)
    assert bias.tokens == pytest.approx(4.04e12, rel=0.005 / 4.04)
    assert bias.relative == pytest.approx(-0.029, abs=0.0005)


def test_it_is_exact_where_both_exponents_are_equal_and_the_grid_is_centred() -> None:
    # rounding of a parabola through values that differ by 1e-3
    assert parabola_bias(EQUAL, 1e24).relative == pytest.approx(0, abs=1e-6)
    assert abs(parabola_bias(EQUAL, 1e24, centre=3.0).relative) > 0.01


def test_wider_grids_are_worse() -> None:
    errors = [abs(parabola_bias(STEEP, 1e24, width=w).relative) for w in (2, 4, 8, 16)]
    assert errors == sorted(errors)
    assert errors[-1] > 5 * errors[0]


def test_budgets_without_a_minimum_are_named_and_left_out() -> None:
    centred = isoflop_profiles(PRINTED, BUDGETS)
    # of the last budget the lower half of the sizes: the losses only fall
    kept = np.r_[0:60, 60:66]
    allocation = fit_parabolas(centred.take(kept))
    assert len(allocation.flops) == 4
    assert "1e+21 FLOP has no minimum among its sizes" in allocation.left_out[0]


def test_runs_that_are_no_profiles_are_refused() -> None:
    with pytest.raises(ValueError, match="approach 2 needs two budgets"):
        fit_parabolas(planted(side=4).take(np.arange(4)))
