"""Bi et al. 2024, DeepSeek LLM (arXiv:2401.02954), equations 1, 2 and 4."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import Frontier
from lehr.simulators.laws.hyper import PowerRules


def test_model_and_data_scale_at_4_5e23_flops() -> None:
    law = Catalogue().law("deepseek_llm")
    assert isinstance(law, Frontier)
    m, d = law.optimum(4.5e23)
    # recomputed once from equation 4; four digits of each constant
    assert m == pytest.approx(4.32e11, rel=1e-3)
    assert d == pytest.approx(1.041e12, rel=1e-3)
    # the two were fitted apart, and multiply to the budget as far as their digits go
    assert m * d == pytest.approx(4.5e23, rel=2e-3)


def test_m_is_flops_and_no_number_of_parameters() -> None:
    law = Catalogue().law("deepseek_llm")
    assert isinstance(law, Frontier)
    assert law.n_convention == "flops_per_token"
    # equation 2 with the 67B model: 95 layers, width 8,192, 4,096 tokens; feed-forward and grouped queries differ
    n_layers, d_model, length = 95, 8192, 4096
    m = 72 * n_layers * d_model**2 + 12 * n_layers * d_model * length
    assert m / 6 == pytest.approx(67e9, rel=0.25)
    assert law.optimum(float(law.flops_for(m)))[0] == pytest.approx(m, rel=1e-9)


def test_rate_and_batch_of_the_67b_model_are_near_the_published_ones() -> None:
    law = Catalogue().law("deepseek_llm_hyper")
    assert isinstance(law, PowerRules)
    flops = 6 * 67e9 * 2e12
    # Table 2: 3.2e-4 and 4,608 sequences of 4,096 tokens; the paper calls a broad band near-optimal
    assert float(law.peak_rate(flops=flops)) == pytest.approx(3.2e-4, rel=0.1)
    assert float(law.batch_tokens(flops=flops)) == pytest.approx(4608 * 4096, rel=0.1)
