"""The numerical methods beside scipy's."""

from __future__ import annotations

from math import inf

import msgspec
import numpy as np
import pytest

from lehr.simulators.numerics.digamma import digamma
from lehr.simulators.numerics.levenberg import Problem, huber, race, settle
from lehr.simulators.numerics.priors import fit_under_priors
from lehr.simulators.numerics.search import bisect, compass, golden_section, projected_descent, solve_monotonic
from lehr.simulators.numerics.student import beta_share, t_quantile, t_tail
from lehr.simulators.quantities import Floats

optimize = pytest.importorskip("scipy.optimize")
special = pytest.importorskip("scipy.special")
scipy_stats = pytest.importorskip("scipy.stats")

ROOTS = [(np.cos, 0.0, 2.0), (lambda x: np.exp(-x) - 0.3, 0.0, 5.0), (lambda x: 2.0 - x**3, 0.1, 3.0)]


@pytest.mark.parametrize(("function", "low", "high"), ROOTS)
def test_bisection(function: np.ufunc, low: float, high: float) -> None:
    root = optimize.brentq(function, low, high, xtol=1e-15)
    # 50 halvings leave (high - low) / 2**51, at most 2e-15; brentq stops within 4 roundings
    assert float(bisect(lambda x: function(x) > 0, np.array(low), np.array(high))) == pytest.approx(root, abs=5e-15)
    both = bisect(lambda x: function(x) > 0, np.array([low, low]), np.array([high, high]))
    assert both == pytest.approx([root, root], abs=5e-15)


def test_a_monotonic_function_takes_a_value() -> None:
    # it is printed to twelve digits: half a unit of the last, at most 5e-12 of the number
    for wanted in (1e-3, 0.5, 7.0):
        root = optimize.brentq(lambda x, w=wanted: special.gammainc(2.0, x) * 8 - w, 1e-3, 1e3, xtol=1e-14, rtol=1e-14)
        found = solve_monotonic(lambda x: float(special.gammainc(2.0, x)) * 8, 1e-3, 1e3, wanted)
        assert found == pytest.approx(root, rel=1e-11)
    assert solve_monotonic(lambda x: x, 1.0, 2.0, 3.0) is None


@pytest.mark.parametrize("shift", [0.3, 1.7, 2.9])
def test_golden_section(shift: float) -> None:
    def function(x: Floats) -> Floats:
        return np.asarray(np.cosh(x - shift) + 0.1 * x)

    scipy_finds = optimize.minimize_scalar(function, bounds=(0.0, 4.0), method="bounded", options={"xatol": 1e-10}).x
    # around a minimum a double tells values apart from sqrt(2**-52) = 1.5e-8 on, times the root of 2 f / f'', below 2
    assert float(golden_section(function, np.array(0.0), np.array(4.0))) == pytest.approx(scipy_finds, abs=6e-8)


def a_decay_with_outliers() -> Problem:
    """a exp(-b x) + c through forty rows, three of them far off."""
    x = np.linspace(0.0, 2.0, 40)
    y = 2.0 * np.exp(-1.3 * x) + 0.5
    y[[3, 17, 30]] += [0.5, -0.8, 0.3]
    y = y + 1e-3 * np.sin(37 * np.arange(40))

    def model(theta: Floats) -> tuple[Floats, Floats]:
        a, b, c = (theta[:, i, None] for i in range(3))
        decay = np.exp(-b * x)
        return a * decay + c, np.stack([decay, -a * x * decay, np.ones_like(decay)], axis=1)

    return Problem(model=model, target=y, delta=1e-2, low=np.full(3, -inf), high=np.full(3, inf))


@pytest.mark.parametrize("delta", [1e-2, inf])
def test_robust_least_squares(delta: float) -> None:
    problem = a_decay_with_outliers()

    problem = msgspec.structs.replace(problem, delta=delta)
    starts = np.array([[1.0, 1.0, 0.0], [3.0, 0.5, 1.0], [1.5, 2.0, 0.2]])
    theta, value = race(problem, starts)

    def residual(at: Floats) -> Floats:
        return problem.model(at[None])[0][0] - problem.target

    loss = {"loss": "linear"} if delta == inf else {"loss": "huber", "f_scale": delta}
    found = optimize.least_squares(residual, starts[0], xtol=1e-15, ftol=1e-15, gtol=1e-15, **loss)
    # both go on until a step gains less than rounding of the objective: sqrt(2**-52) of a constant, and its condition
    # of about 10 on top
    assert theta[0] == pytest.approx(found.x, rel=1e-6)
    # scipy's cost is half the sum of delta^2 rho((r / delta)^2), which is this sum of Huber losses
    assert value[0] == pytest.approx(found.cost, rel=1e-12)


def test_huber() -> None:
    r = np.linspace(-3, 3, 25)
    assert float(huber(r, 0.7)) == pytest.approx(float(special.huber(0.7, r).sum()), rel=1e-14)
    assert float(huber(r, 0.7, np.arange(25.0))) == pytest.approx(
        float(special.huber(0.7, r) @ np.arange(25.0)), rel=1e-14
    )


def test_bounds_hold() -> None:
    problem = a_decay_with_outliers()

    low, high = np.array([0.0, 0.0, 0.6]), np.array([5.0, 1.1, 2.0])
    problem = msgspec.structs.replace(problem, low=low, high=high)
    theta, value = settle(problem, np.array([[1.0, 1.0, 1.0]]))

    def residual(at: Floats) -> Floats:
        return problem.model(at[None])[0][0] - problem.target

    # scipy's trust region approaches a bound from inside and stops short of it: a thousandth of a constant, and its
    # cost is not below ours
    found = optimize.least_squares(
        residual, [1.0, 1.0, 1.0], bounds=(low, high), loss="huber", f_scale=1e-2, xtol=1e-15
    )
    assert theta[0] == pytest.approx(found.x, rel=1e-3)
    assert value[0] <= found.cost * (1 + 1e-12)


def bowl(x: Floats) -> tuple[float, Floats]:
    matrix = np.array([[2.0, 0.9, 0.0], [0.9, 5.0, 1.5], [0.0, 1.5, 40.0]])
    away = x - np.array([0.4, -0.7, 1.8])
    return float(away @ matrix @ away), 2 * matrix @ away


def test_the_projected_gradient() -> None:
    ours, value = projected_descent(bowl, np.full(3, 0.5), 1.5, steps=400, enough=1e-12)
    found = optimize.minimize(
        bowl, np.full(3, 0.5), jac=True, bounds=[(0, 1.5)] * 3, options={"ftol": 0, "gtol": 1e-11}
    )
    # L-BFGS-B ends with a projected gradient of 1e-11, which the least curvature of 3 turns into less than that
    assert ours == pytest.approx(found.x, abs=1e-9)
    assert value == pytest.approx(found.fun, rel=1e-12)


def test_the_compass() -> None:
    ours, value = compass(lambda x: bowl(x)[0], np.zeros(3), step=1.0, least=1e-7)
    found = optimize.minimize(
        lambda x: bowl(x)[0], np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-16}
    )
    # no step of 1e-7 along a coordinate goes down: the slope is below curvature times step, and a condition of 40 turns
    # that into at most 4e-6
    assert ours == pytest.approx(found.x, abs=5e-6)
    assert value <= 1e-9


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


def test_constants_under_priors() -> None:
    rng = np.random.default_rng(3)
    matrix, centres, spreads = rng.normal(size=(40, 3)), np.array([0.5, -0.2, 0.1]), np.array([0.3, 1.0, 0.7])
    rows = matrix @ np.array([0.9, -0.6, 0.4]) + rng.normal(size=40)
    rows[0] += 30.0
    found, _ = fit_under_priors(
        lambda x: matrix @ x - rows, centres, spreads, huber=2.0, most_steps=100, tolerance=1e-14
    )

    def objective(x: Floats) -> float:
        r = (matrix @ x - rows) / 2.0
        return float((8.0 * (np.sqrt(1 + r**2) - 1)).sum() + (((x - centres) / spreads) ** 2).sum())

    best = optimize.minimize(objective, centres, method="BFGS", options={"gtol": 1e-9})
    # at a flat minimum the place is told to the root of a relative 1e-14, times a condition of a few
    assert found == pytest.approx(best.x, abs=1e-6)


def test_digamma() -> None:
    x = np.geomspace(1e-3, 1e7, 400)
    # where it crosses zero, at 1.46, a difference of rounding is no share of it
    np.testing.assert_allclose(digamma(x), special.digamma(x), rtol=1e-12, atol=1e-12)
