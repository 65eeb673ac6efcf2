"""Czech et al. 2026 (arXiv:2603.22339): the bias of Chinchilla's approach 2 on runs without noise.

A parabola in log N is fitted to a profile that rises as N**-alpha on one side and as D**-beta on the other. Its vertex
is the optimum only where the two are mirror images: equal exponents and a grid centred on the optimum. Otherwise every
vertex is off by the same factor, so that the exponents of the frontier come out right and its constant does not.
"""

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.fitting.isoflop import fit_parabolas
from tests.profiles import BUDGETS, isoflop_profiles, parabola_bias


def law(**constants: float) -> Chinchilla:
    found = Catalogue().law("chinchilla")
    assert isinstance(found, Chinchilla)
    return msgspec.structs.replace(found, **constants)


def test_tokens_at_1e24_from_profiles_of_a_factor_of_eight() -> None:
    bias = parabola_bias(law(), 1e24, width=8.0)
    # printed: 3.92T instead of 4.04T, -2.9 %
    assert bias.tokens == pytest.approx(4.04e12, abs=0.005e12)
    assert bias.found == pytest.approx(3.92e12, abs=0.005e12)
    assert bias.relative == pytest.approx(-0.029, abs=0.001)


@pytest.mark.parametrize(("width", "printed"), [(2.0, 0.003), (8.0, 0.029), (16.0, 0.051)])
def test_the_tokens_are_off_by_more_the_wider_the_grid(width: float, printed: float) -> None:
    surface = law()
    found = fit_parabolas(isoflop_profiles(surface, BUDGETS, width=width))
    # the exponent is exact, so that the constant carries the bias
    assert found.a == pytest.approx(surface.beta / (surface.alpha + surface.beta), abs=1e-6)
    off = float(found.optimum(1e20)[1]) / surface.optimum(1e20)[1] - 1
    assert abs(off) == pytest.approx(printed, abs=0.001)


def test_equal_exponents_and_a_centred_grid_are_exact() -> None:
    for width in (2.0, 8.0, 16.0):
        bias = parabola_bias(law(alpha=0.31, beta=0.31), 1e24, width=width)
        assert bias.relative == pytest.approx(0, abs=1e-3)


def test_a_grid_off_centre_by_three_shifts_the_constant_and_no_exponent() -> None:
    surface = law(alpha=0.31, beta=0.31)
    found = fit_parabolas(isoflop_profiles(surface, BUDGETS, width=8.0, centre=3.0))
    assert found.a == pytest.approx(0.5, abs=1e-6)
    # printed: +2.6 % in the constant at +-8x
    shift = abs(np.log(found.optimum(1e20)[1] / surface.optimum(1e20)[1]))
    assert shift == pytest.approx(0.026, abs=0.003)
