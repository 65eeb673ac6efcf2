"""The final loss and its slope: the law's own sum, and difference quotients of it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from lehr.simulators.laws.base import Covariance
from lehr.simulators.laws.curves import CptShift, CurveLaw, Momentum, MultiPower, PowerOfSum
from lehr.simulators.laws.curves.bands import band
from lehr.simulators.quantities import Floats
from lehr.simulators.scheduling.candidates import Budget, search
from lehr.simulators.scheduling.final import final_interval, final_loss, final_slope

MULTI_POWER = MultiPower(name="m", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641)
MOMENTUM = Momentum(name="t", title="", L0=2.9, A=0.5, alpha=0.5, C=0.4, decay=0.99)
LAWS: list[CurveLaw] = [
    MULTI_POWER,
    MOMENTUM,
    PowerOfSum(name="p", title="", L0=3.0, A=0.5, alpha=0.5),
    CptShift(name="c", title="", L0=2.0, A=0.5, alpha=0.5, C1=0.4, C2=0.1, decay=0.99, B=-0.3, E=2.0, beta=0.5),
]


def schedule() -> Floats:
    rates = np.concatenate([np.linspace(0, 3e-4, 50), np.full(200, 3e-4), np.geomspace(3e-4, 1e-6, 150)])
    # a drop in the middle of a plateau, and a plateau at the end
    return np.concatenate([rates, np.full(20, 1e-6)])


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_it_is_the_last_loss_of_the_law(law: CurveLaw) -> None:
    rates = schedule()
    # the last value of each law's own evaluation; for the multi-power law by its sum, which loss_at takes
    expected = float(law.loss_at(rates, [len(rates) - 1])[0])
    # two orders of summing some hundred terms of double precision: 1e-12 is thousands of roundings
    assert final_loss(law, rates) == pytest.approx(expected, rel=1e-12)
    assert final_slope(law, rates)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_the_slope_is_the_difference_quotient(law: CurveLaw) -> None:
    rates = schedule()
    slope = final_slope(law, rates)[1]
    # steps after the peak and inside the decay, the edges among them
    for j in (260, 300, 398, 399, 400, 410, 419):
        step = 1e-3 * rates[j]
        up, down = rates.copy(), rates.copy()
        up[j] += step
        down[j] -= step
        quotient = (final_loss(law, up) - final_loss(law, down)) / (2 * step)
        # the quotient's own error: step^2 / 6 f''' is of relative order 1e-6 of the slope's scale over a rate, and
        # rounding, 1e-16 x 3 / step, is below 1e-6 x 3e2 for the least step of 1e-9
        scale = max(abs(slope[j]), 1e-3 * float(np.abs(slope).max()))
        assert abs(slope[j] - quotient) < 1e-4 * scale + 3e-4


def test_a_covariance_gives_intervals_and_what_is_shared_cancels() -> None:
    # only the level L0 is unsure, by 0.01: a difference of two losses is not; a run strays besides
    law = MultiPower(
        **{k: getattr(MULTI_POWER, k) for k in ("L0", "A", "alpha", "B", "C", "beta", "gamma")},
        name="m",
        title="",
        uncertainty=Covariance(parameters=["L0"], covariance=[[1e-4]]),
    )
    rates = schedule()
    interval = final_interval(law, rates)
    assert interval is not None
    low, high = band(law, rates, steps=[len(rates) - 1], noise=0.0)
    assert interval == (low[0], high[0])
    # wider than the constants alone, 1.96 x 0.01 either way times the root of their share of the variance, 0.8
    assert interval[1] - interval[0] > 2 * 1.96 * 0.01 * np.sqrt(0.8)
    found = search(law, Budget(steps=1000, peak=3e-4), shapes=("linear",))
    assert found.free.excess_interval is None
    for c in (*found.chosen, *found.defaults):
        assert c.excess_interval is not None
        # two sums of the same terms and another L0: roundings of numbers of the order of 3
        assert c.excess_interval == pytest.approx((c.excess, c.excess), abs=1e-13)


def test_without_a_covariance_the_worst_error_stands_in() -> None:
    law = PowerOfSum(name="p", title="", L0=3.0, A=0.5, alpha=0.5)
    assert final_interval(law, schedule()) is None
    assert final_interval(msgspec.structs.replace(law, worst_relative_error=0.01), schedule()) is not None
