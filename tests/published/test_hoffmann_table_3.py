"""Hoffmann et al. 2022 (arXiv:2203.15556), Tables 3 and A3: the frontiers of approaches 1 and 2."""

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import Frontier
from tests.published.test_hoffmann_table_a3 import APPROACH_1, APPROACH_2, SIZES

TOKENS = {
    "chinchilla_approach_1": np.array([8.0, 20.2, 205.1, 1500, 3700, 5900, 11000, 21200, 216200]) * 1e9,
    "chinchilla_approach_2": np.array([7.7, 20.0, 219.5, 1700, 4300, 7100, 13400, 26500, 292000]) * 1e9,
}
FLOPS = {"chinchilla_approach_1": APPROACH_1, "chinchilla_approach_2": APPROACH_2}
HALF_UNIT = {
    "chinchilla_approach_1": np.array([0.05, 0.05, 0.05, 50, 50, 50, 50, 50, 50]) * 1e9,
    "chinchilla_approach_2": np.array([0.05, 0.05, 0.05, 50, 50, 50, 50, 50, 50]) * 1e9,
}
ROUND = np.delete(np.arange(9), 3)


@pytest.mark.parametrize("name", FLOPS)
def test_sizes_and_tokens_of_every_row_but_67b(name: str) -> None:
    law = Catalogue().law(name)
    assert isinstance(law, Frontier)
    flops = law.flops_for(SIZES[ROUND])
    # three digits of the FLOPs: half a unit is up to .5 %
    assert flops == pytest.approx(FLOPS[name][ROUND], rel=0.005)
    _, d = law.optimum(FLOPS[name][ROUND])  # type: ignore[arg-type]
    assert np.all(np.abs(d - TOKENS[name][ROUND]) < HALF_UNIT[name][ROUND] + 0.005 * TOKENS[name][ROUND])


@pytest.mark.parametrize(("name", "size"), [("chinchilla_approach_1", 67.9e9), ("chinchilla_approach_2", 69.5e9)])
def test_the_row_of_67b_is_of_a_larger_model(name: str, size: float) -> None:
    law = Catalogue().law(name)
    assert isinstance(law, Frontier)
    # its FLOPs are those of a model 1 to 4 % larger, in both tables; computed once
    assert law.optimum(float(FLOPS[name][3]))[0] == pytest.approx(size, rel=0.002)
