"""Sun et al. 2024, Hunyuan-Large (arXiv:2411.02265): the optimum of its scaling law."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import Frontier


def test_58_1b_active_parameters_go_with_5_6t_tokens() -> None:
    law = Catalogue().law("hunyuan_large")
    assert isinstance(law, Frontier)
    n, d = law.optimum(float(law.flops_for(58.1e9)))
    assert n == pytest.approx(58.1e9, rel=1e-9)
    # printed: 5.6T
    assert d == pytest.approx(5.6e12, abs=0.05e12)


def test_its_compute_is_9_59_nd_and_not_six() -> None:
    law = Catalogue().law("hunyuan_large")
    assert isinstance(law, Frontier)
    # two digits of each constant; the term of 2.3e8 FLOP a token adds .04 %
    assert float(law.flops_for(58.1e9)) == pytest.approx(9.59 * 58.1e9 * 5.6e12, rel=0.02)
