"""The laws of learning rate and batch in the catalogue."""

from __future__ import annotations

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.hyper import HyperLaw, PowerRules, Timescale, TokenHorizon


def test_the_published_time_scale_of_610m_at_20_tokens_per_parameter() -> None:
    law = Catalogue().law("power_lines")
    assert isinstance(law, Timescale)
    # read off a figure of the paper as about .21
    assert float(law.best(n=610e6, d=20 * 610e6)) == pytest.approx(0.21, abs=0.02)


def test_laws_of_the_catalogue_agree_within_their_scatter() -> None:
    """At 1B parameters and 100B tokens every published rule gives a rate and a batch that people use."""
    names = ("step_law", "deepseek_llm_hyper", "porian_hyper", "kaplan_rate", "joint_moe_rate")
    rates, batches = [], []
    for name in names:
        law = Catalogue().law(name)
        assert isinstance(law, HyperLaw)
        rates.append(float(law.peak_rate(n=1e9, d=100e9, experts=1)))
        if name in ("step_law", "deepseek_llm_hyper", "porian_hyper"):
            batches.append(float(law.batch_tokens(n=1e9, d=100e9)))
    # a constant in the wrong unit is off by the length of a sequence or by billions
    assert all(1e-4 < rate < 5e-3 for rate in rates), rates
    assert all(2e5 < batch < 5e6 for batch in batches), batches


def test_a_longer_run_wants_a_lower_rate_at_the_same_batch_and_a_higher_one_at_a_larger() -> None:
    horizon, step = Catalogue().law("token_horizons"), Catalogue().law("step_law")
    assert isinstance(horizon, TokenHorizon)
    assert isinstance(step, PowerRules)
    there = horizon.rate_at(rate=1e-3, d=25e9, new_d=100e9)
    assert float(there) == pytest.approx(1e-3 * 4**-0.32)
    assert float(horizon.rate_at(rate=there, d=100e9, new_d=25e9)) == pytest.approx(1e-3)
    assert step.peak_rate(n=1e9, d=100e9) > step.peak_rate(n=1e9, d=25e9)
    assert step.batch_tokens(d=100e9) > 2 * step.batch_tokens(d=25e9)
