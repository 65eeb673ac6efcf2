"""Student's t beside scipy's."""

from __future__ import annotations

import pytest

from lehr.simulators.tracking.quantiles import beta_share, t_quantile, t_tail

scipy_stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("degrees", [3, 49, 199])
@pytest.mark.parametrize("tail", [0.3, 0.025, 1e-4, 1e-8])
def test_students_t(degrees: int, tail: float) -> None:
    t = float(scipy_stats.t.isf(tail, degrees))
    # a continued fraction to the last bit, then a bisection: some hundred roundings
    assert t_quantile(tail, degrees) == pytest.approx(t, rel=1e-10)
    assert t_tail(t, degrees) == pytest.approx(tail, rel=1e-10)
    assert t_tail(-t, degrees) == pytest.approx(1 - tail, rel=1e-10)


def test_the_incomplete_beta_function() -> None:
    # the continued fraction stops where a step changes it by less than rounding; fewer than 1,000 terms add 2**-53 each
    for a, b, x in ((0.5, 0.5, 0.3), (24.5, 0.5, 0.9), (2.0, 30.0, 0.2)):
        assert beta_share(a, b, x) == pytest.approx(float(scipy_stats.beta.cdf(x, a, b)), rel=1e-12)
