"""The chosen schedules: no look by hand is better, the free form bounds them, and known optima are found."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.laws.curves import Momentum, PowerOfSum
from lehr.simulators.numerics.search import compass, projected_descent
from lehr.simulators.schedules.base import DecayShape
from lehr.simulators.scheduling import cool_downs, final_loss, search
from lehr.simulators.scheduling.candidates import Budget, best_of_shape
from lehr.simulators.scheduling.free import free_form
from tests.simulators.choosing.test_final import MOMENTUM, MULTI_POWER

BUDGET = Budget(steps=4000, peak=3e-4, warmup_steps=300)


@pytest.mark.parametrize("shape", ["linear", "cosine", "one_minus_sqrt", "exponential", "power"])
def test_no_other_length_or_end_is_better(shape: DecayShape) -> None:
    best = best_of_shape(MULTI_POWER, BUDGET, shape)
    least = final_loss(MULTI_POWER, best.resolve(BUDGET.steps).values())
    for share in (0.03, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0):
        for ratio in (1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.3):
            other = BUDGET.wsd(round(share * BUDGET.rest), shape, ratio, best.decay.power)
            # the search ends with steps of 0.01 in the logarithms: at a minimum that is a loss of second order,
            # 1e-4 / 2 times the curvature, which is below the fall of 0.1 that all annealing brings
            assert least < final_loss(MULTI_POWER, other.resolve(BUDGET.steps).values()) + 1e-5


def test_the_free_form_bounds_every_schedule_and_never_rises() -> None:
    found = search(MULTI_POWER, BUDGET, shapes=("linear", "cosine", "power"))
    assert all(c.excess >= 0 for c in [*found.chosen, *found.defaults])
    assert (np.diff(found.free.rates[BUDGET.warmup_steps :]) <= 0).all()
    assert found.free.rates[: BUDGET.warmup_steps] == pytest.approx(found.best.rates[: BUDGET.warmup_steps])
    assert [c.loss for c in found.chosen] == sorted(c.loss for c in found.chosen)


def test_the_free_form_bounds_sudden_drops_too() -> None:
    found = search(MULTI_POWER, BUDGET, shapes=("linear", "power"))
    step = np.arange(BUDGET.steps)

    def dropped(ends: tuple[int, ...], ratios: tuple[float, ...]) -> float:
        rates = found.free.rates.copy()
        rates[BUDGET.warmup_steps :] = BUDGET.peak
        for end, ratio in zip(ends, ratios, strict=True):
            rates[step >= BUDGET.steps - end] = ratio * BUDGET.peak
        return final_loss(MULTI_POWER, rates)

    once = {(n, r): dropped((n,), (r,)) for n in (50, 100, 150, 200, 300, 500) for r in (0.3, 0.1, 0.05, 0.02)}
    twice = {(n, m): dropped((n, m), (r, 0.3 * r)) for n in (100, 200, 300) for m in (20, 50) for r in (0.2, 0.1)}
    assert min(once.values()) < found.best.loss, "by this law one drop is better than the best shape"
    assert found.free.loss <= min(*once.values(), *twice.values())
    assert any("sudden drops are better" in warning for warning in found.warnings)


def test_no_change_of_a_single_rate_improves_the_free_form() -> None:
    free = search(MULTI_POWER, BUDGET, shapes=("power",)).free
    log_rate = np.log(free.rates[BUDGET.warmup_steps :])
    fall = -np.diff(log_rate, prepend=np.log(BUDGET.peak))
    for at in (*range(0, BUDGET.rest, 97), *np.flatnonzero(fall > 0)):
        for change in (-0.01, 0.01):
            changed = fall.copy()
            changed[at] = max(changed[at] + change, 0.0)
            rates = np.concatenate([free.rates[: BUDGET.warmup_steps], BUDGET.peak * np.exp(-np.cumsum(changed))])
            # lengths of stairs are whole steps, and the search ends with steps of 0.01: of second order, as above
            assert final_loss(MULTI_POWER, rates) > free.loss - 1e-6


def test_without_annealing_the_best_is_to_stay_at_the_peak() -> None:
    law = PowerOfSum(name="p", title="", L0=3.0, A=0.5, alpha=0.5)
    cosine = BUDGET.cosine(0.0).resolve(BUDGET.steps).values()
    rates = free_form(law, cosine[: BUDGET.warmup_steps], BUDGET.peak, BUDGET.steps, [cosine])
    constant = np.where(np.arange(BUDGET.steps) < BUDGET.warmup_steps, cosine, BUDGET.peak)
    # the loss is flat there to first order in what is left of the fall; 1e-6 is of the order of A S^-alpha = 0.5 x 1e-6
    assert final_loss(law, rates) == pytest.approx(final_loss(law, constant), abs=1e-6)


def test_by_the_momentum_law_the_best_is_one_drop() -> None:
    """The loss is linear in the drops and convex in their sum: its least value lies at a single drop, found by hand."""
    law = Momentum(name="t", title="", L0=2.9, A=0.5, alpha=0.5, C=2.0, decay=0.99)
    budget = Budget(steps=2000, peak=1e-3)

    def dropped(at: int) -> float:
        return final_loss(law, np.where(np.arange(budget.steps) < at, budget.peak, 0.0))

    by_hand = min(dropped(at) for at in range(1000, 2000))
    found = search(law, budget, shapes=("linear", "power"))
    # knots lie up to 8 steps apart there, and the lowest rate is 1e-6 of the peak: both cost less than a step's worth
    # of the whole fall of C x peak x 100 = 0.2, times 8 steps of 100
    assert by_hand - 1e-6 <= found.free.loss < by_hand + 0.2 * 8 / 100
    assert any("sudden drop" in warning for warning in found.warnings)


def test_a_cool_down_is_the_schedule_that_it_makes() -> None:
    so_far = np.concatenate([np.linspace(0, 3e-4, 100), np.full(900, 3e-4)])
    downs = cool_downs(MULTI_POWER, so_far, [100, 400])
    assert [(d.steps, d.shape) for d in downs[:3]] == [(100, "linear"), (100, "cosine"), (100, "one_minus_sqrt")]
    for down in downs:
        assert down.loss == final_loss(MULTI_POWER, down.rates)
        assert len(down.rates) == 1000 + down.steps
        # 1 + cos(pi) and 1 - sqrt(1) cancel: what is left is rounding of a peak of 3e-4
        assert down.rates[-1] == pytest.approx(0.0, abs=3e-4 * 2**-51)
        stayed = np.concatenate([so_far, np.full(down.steps, 3e-4)])
        assert down.without - down.loss == down.gain
        assert down.without == final_loss(MULTI_POWER, stayed)
    with pytest.raises(ValueError, match="write 1 or more"):
        cool_downs(MULTI_POWER, so_far, [0])
    with pytest.raises(ValueError, match="above 0"):
        cool_downs(MULTI_POWER, np.zeros(10), [5])
    with pytest.raises(ValueError, match="never reaches zero"):
        cool_downs(MULTI_POWER, so_far, [5], ["exponential"])


def test_impossible_budgets_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter one"):
        Budget(steps=100, peak=1e-3, warmup_steps=100)
    with pytest.raises(ValueError, match="above 0"):
        Budget(steps=100, peak=0.0)


def test_the_searches_find_minima_between_bounds() -> None:
    point, _ = compass(lambda x: float((x[0] - 1) ** 2 + 10 * (x[1] + x[0]) ** 2), np.zeros(2), step=1.0, least=1e-6)
    # steps end below 1e-6; in a valley ten times as steep across the error along it is of the order of that times 20
    assert point == pytest.approx([1.0, -1.0], abs=1e-4)
    matrix = np.diag([1.0, 30.0, 900.0])
    target = np.array([0.3, -1.0, 0.8])
    point, _ = projected_descent(
        lambda x: (float((x - target) @ matrix @ (x - target)), 2 * matrix @ (x - target)),
        np.full(3, 0.5),
        2.0,
        steps=300,
        enough=1e-10,
    )
    # it ends where no coordinate would move by 1e-10; a curvature of one or more turns that into the distance
    assert point == pytest.approx([0.3, 0.0, 0.8], abs=1e-8)


def test_laws_without_a_slope_say_so() -> None:
    from lehr.simulators.laws.curves import CurveLaw
    from lehr.simulators.scheduling.final import final_slope

    with pytest.raises(ValueError, match="multi_power or momentum"):
        final_slope(CurveLaw(name="x", title=""), np.ones(3))
    assert MOMENTUM.decay == 0.99
