"""The fast sums agree with the sums that they stand for, within the bound that they state."""

import math

import numpy as np
import pytest

from lehr.simulators.laws.curves.kernels import (
    decaying_sum,
    drops,
    exponentials,
    momentum_annealing,
    power_annealing,
    relative_error,
)
from lehr.simulators.quantities import Floats

PEAK = 3e-4


def direct(rates: Floats, C: float, beta: float, gamma: float) -> Floats:  # noqa: N803
    """The sum itself, step by step."""
    total, change = np.cumsum(rates), drops(rates)
    out = np.zeros_like(rates)
    for t in range(len(rates)):
        for k in np.flatnonzero(change[: t + 1]):
            area = total[t] - (total[k] - rates[k])
            if area == 0:
                continue
            # a drop to zero is forgotten as soon as the rate rises: eta^-gamma is infinite
            x = rates[k] ** -gamma * area if rates[k] > 0 or gamma == 0 else np.inf
            out[t] += change[k] * (1 - (1 + C * x) ** -beta)
    return out


def schedules() -> dict[str, Floats]:
    step = np.arange(400.0)
    warm_up = np.minimum(step / 40, 1)
    rng = np.random.default_rng(0)
    return {
        "constant": np.full(400, PEAK),
        "cosine to zero": PEAK * warm_up * 0.5 * (1 + np.cos(np.pi * step / 399)),
        "linear to zero": PEAK * warm_up * np.clip((399 - step) / 100, 0, 1),
        "one drop": np.where(step < 200, PEAK, PEAK / 10),
        "random": rng.uniform(0, 1e-3, 400),
        "a pause at zero": np.r_[np.full(100, PEAK), np.zeros(100), np.full(150, PEAK / 2), np.zeros(50)],
        "enormous rates": rng.uniform(0, 0.5, 400),
        "alternating": np.tile([PEAK, 1e-9], 200),
    }


CONSTANTS = [(2.07, 0.583, 0.641), (0.3, 1.5, 0.5), (500.0, 0.1, 1.2), (1e-3, 3.0, 0.0), (1e4, 0.583, 0.641)]


@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
@pytest.mark.parametrize("name", schedules())
def test_power_annealing_keeps_its_bound(name: str, constants: tuple[float, float, float]) -> None:
    C, beta, gamma = constants  # noqa: N806
    rates = schedules()[name]
    exact = direct(rates, C, beta, gamma)
    for tolerance in (1e-3, 1e-7):
        fast = power_annealing(rates, C=C, beta=beta, gamma=gamma, tolerance=tolerance)
        # each term of the sum is wrong by at most `tolerance` of its change of rate, plus rounding
        bound = (tolerance + 1e-13) * np.abs(drops(rates)).sum()
        assert np.abs(fast - exact).max() <= bound


def test_the_bound_is_not_idle() -> None:
    rates = schedules()["one drop"]
    exact = direct(rates, 1e-3, 3.0, 0.0)
    fast = power_annealing(rates, C=1e-3, beta=3.0, gamma=0.0, tolerance=1e-3)
    assert np.abs(fast - exact).max() > 1e-3 * np.abs(drops(rates)).sum() / 100


@pytest.mark.parametrize("beta", [0.1, 0.583, 1.0, 3.0])
def test_the_sum_of_exponentials_is_the_power(beta: float) -> None:
    terms = exponentials(beta, 1e-3, 20.0, 1e-6)
    x = np.geomspace(1e-3, 20.0, 200)
    fast = terms.prefactor * np.exp(-np.outer(x, terms.sigma)) @ terms.sigma**beta
    for p in range(3):
        geometric = terms.sigma[0] ** (beta + p) / math.expm1(terms.spacing * (beta + p))
        fast += terms.prefactor * geometric * (-x) ** p / math.factorial(p)
    # relative to the power at the nearest distance, as documented
    assert np.abs(fast - x**-beta).max() <= 1e-6 * 1e-3**-beta


@pytest.mark.parametrize("spacing", [0.5, math.log(2), 1.0, 1.5])
def test_the_bound_on_the_spacing_holds_and_is_sharp(spacing: float) -> None:
    """|Gamma(1/2 + i y)|^2 = pi / cosh(pi y) (DLMF 5.4.4)."""
    exact = sum(2 / math.sqrt(math.cosh(math.pi * 2 * math.pi * m / spacing)) for m in range(1, 6))
    # the bound's only slack is e^(1 / (6 |z|)), at most 1.06 for |z| of at least 2 pi / 1.5
    assert exact <= relative_error(0.5, spacing) <= 1.06 * exact


def test_chunks_and_blocks_join(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = schedules()["cosine to zero"]
    whole = power_annealing(rates, C=2.0, beta=0.6, gamma=0.6)
    monkeypatch.setattr("lehr.simulators.laws.curves.kernels.CHUNK", 7)
    monkeypatch.setattr("lehr.simulators.laws.curves.kernels.LARGEST_EXPONENT", 30.0)
    # a chunk leaves out terms that are nothing for all of its steps, so that both keep the tolerance, not its rounding
    joined = power_annealing(rates, C=2.0, beta=0.6, gamma=0.6)
    assert np.abs(joined - whole).max() <= 1e-7 * np.abs(drops(rates)).sum()


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99, 0.999, 0.9999999])
def test_momentum_annealing_is_its_recurrence(decay: float) -> None:
    change = drops(schedules()["random"])
    momentum = area = 0.0
    expected = []
    for value in change.tolist():
        momentum = decay * momentum + value
        area += momentum
        expected.append(area)
    # at most 400 additions of numbers up to the largest
    assert np.allclose(
        momentum_annealing(change, decay), expected, rtol=0, atol=400 * 2**-52 * np.abs(expected).max() * 10
    )


def test_decaying_sum_survives_clocks_that_overflow() -> None:
    clock = np.cumsum([1e4, 1.0, 1.0, 1e4])
    sums, last = decaying_sum(np.ones(4), clock, 5.0, 1e4)
    expected = [0.0, math.exp(-1), math.exp(-1) + math.exp(-2), 0.0]
    # four sums of exact exponentials; e**-10000, which is left out, is zero in doubles
    assert np.allclose(sums, expected, rtol=1e-15, atol=1e-200)
    assert last == sums[-1]
