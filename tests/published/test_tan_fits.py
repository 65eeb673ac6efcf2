"""Tan et al. 2025 (arXiv:2509.25300): the authors' fitted constants, and what the paper says of them."""

import json

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.rl import RlPlateau, RlPower
from tests.data import data_file

SIZES = [0.5e9, 1.5e9, 3e9, 7e9, 14e9, 32e9, 72e9]


def power(name: str) -> RlPower:
    found = Catalogue().law(name)
    assert isinstance(found, RlPower)
    return found


def test_the_plateau_file_holds_the_authors_constants() -> None:
    law = Catalogue().law("tan_plateau_instruct")
    assert isinstance(law, RlPlateau)
    fit = json.loads(data_file("rl_tan2025/fits_exp1_postopenai.json").read_text())["fits"][0]["params"]
    assert (law.N_0, law.alpha, law.beta) == (fit["N0"], fit["alpha"], fit["beta"])
    for size in law.B_0:
        key = f"{float(size) / 1e9:g}B".replace(".", "p")
        assert (law.B_0[size], law.C_0[size]) == (fit[f"B0_{key}"], fit[f"C0_{key}"])


def test_the_two_forms_agree_where_both_were_fitted() -> None:
    plain, floored = power("tan_instruct_samples"), Catalogue().law("tan_plateau_instruct")
    assert isinstance(floored, RlPlateau)
    x = np.geomspace(5e3, 53760, 20)
    for size in SIZES[1:]:
        # both explain 99.5 % of the variance of losses between .2 and .8, whose deviation is about .15: .015 a run
        assert floored.loss(size, x) == pytest.approx(plain.loss(size, x), abs=0.03)


@pytest.mark.parametrize("name", ["tan_base_flops", "tan_base_samples", "tan_instruct_flops", "tan_instruct_samples"])
def test_larger_models_learn_faster_and_saturate_beyond_32b(name: str) -> None:
    slopes = power(name).slope(SIZES)
    assert (np.diff(slopes) > 0).all()
    # the paper: gains shrink beyond 32B; a doubling of size adds less than at 3B
    assert float(power(name).slope(144e9) / power(name).slope(72e9)) < 1.2
    assert float(power(name).slope(6e9) / power(name).slope(3e9)) > 1.6


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ValueError, match="it has 0"):
        power("tan_base_flops").loss(8e9, 1e20)
