"""The best peak of a schedule by the convex bound of Schaipp et al. (2025, arXiv:2501.18965)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lehr.simulators.laws.hyper import best_peak


@pytest.mark.parametrize("steps", [10, 1000])
def test_of_a_constant_rate_it_is_known_in_closed_form(steps: int) -> None:
    # T1 = 1 / 2T and T2 = (1 + H_(T-1)) / 2, so that g = 1 / sqrt(T (1 + H_(T-1)))
    harmonic = float(np.sum(1 / np.arange(1, steps)))
    # sums of a thousand terms: a few hundred roundings of 2**-53 at most
    assert best_peak(np.ones(steps)) == pytest.approx((steps * (1 + harmonic)) ** -0.5, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(scale=st.floats(1e-6, 1e3), seed=st.integers(0, 100))
def test_it_is_a_factor_on_the_rates(scale: float, seed: int) -> None:
    rates = np.random.default_rng(seed).uniform(0.1, 1.0, 200)
    assert best_peak(scale * rates) * scale == pytest.approx(best_peak(rates), rel=1e-10)


def test_a_cosine_wants_about_twice_the_peak_of_warm_up_stable_decay() -> None:
    t = np.arange(4000) / 4000
    cosine = (1 + np.cos(np.pi * t)) / 2
    decay = {share: np.minimum(1, (1 - t) / share) for share in (0.1, 0.2)}
    ratios = [best_peak(cosine) / best_peak(rates) for rates in decay.values()]
    assert 1.8 < ratios[1] < 2.0 < ratios[0] < 2.3


def test_rates_that_are_not_above_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        best_peak([0.0, 1.0, 0.5])
    with pytest.raises(ValueError, match="above 0"):
        best_peak([0.0, 0.0])
