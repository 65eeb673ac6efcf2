"""The cheapest model over its life, against a search over a grid."""

import numpy as np
import pytest

from lehr.simulators.laws import Chinchilla, Farseer, Skaling
from lehr.simulators.laws.inference import LifetimeCost, lifetime_optimum, tokens_for_loss
from lehr.simulators.laws.surfaces import Surface

CHINCHILLA = Chinchilla(
    name="x", title="", n_convention="total", loss_unit="nats/token", E=1.69, A=406.4, B=410.7, alpha=0.336, beta=0.283
)
SKALING = Skaling(
    name="x", title="", n_convention="total", loss_unit="nats/token", E=0.3, A=60.0, B=120.0, alpha=0.39, beta=0.42,
    k=0.47,
)  # fmt: skip
FARSEER = Farseer(
    name="x", title="", n_convention="non_embedding", loss_unit="bits/char", s=-0.0625, q=0.13, S=0.128, B=230.7,
    b=-0.1729, Q=-1.544, A=-1.6656, a=0.0459, E=3.1333,
)  # fmt: skip


def test_tokens_for_a_loss_are_the_closed_form_of_chinchilla() -> None:
    n = np.array([1e9, 30e9, 70e9])
    left = 2.0 - 1.69 - 406.4 * n**-0.336
    expected = np.where(left > 0, (410.7 / np.where(left > 0, left, 1)) ** (1 / 0.283), np.inf)
    # 50 halvings of 37.7 in log D leave 3e-14, a loss in doubles 1e-16 over the relative slope .283 * .1
    assert tokens_for_loss(CHINCHILLA, n, 2.0) == pytest.approx(expected, rel=1e-10)
    assert np.isinf(tokens_for_loss(CHINCHILLA, 1e6, 2.0))


@pytest.mark.parametrize("law", [CHINCHILLA, SKALING, FARSEER], ids=["chinchilla", "skaling", "farseer"])
def test_nothing_served_is_the_compute_optimum(law: Surface) -> None:
    n, d = law.optimum(1e22)
    found = lifetime_optimum(law, training_flops=1e22)
    # a flat minimum of doubles, as in test_surfaces
    assert found.best.parameters == pytest.approx(n, rel=1e-3)
    assert found.best.tokens == pytest.approx(d, rel=1e-3)
    assert found.best.training == pytest.approx(1e22, rel=1e-6)
    assert found.saving == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("law", [CHINCHILLA, SKALING, FARSEER], ids=["chinchilla", "skaling", "farseer"])
def test_the_cost_is_that_of_a_fine_grid(law: Surface) -> None:
    loss = float(law.loss(*law.optimum(1e22)))
    found = lifetime_optimum(law, loss=loss, prompt_tokens=2e12, generated_tokens=1e12)
    n = found.best.parameters * np.exp(np.linspace(-1, 1, 2001))
    total = 6 * n * tokens_for_loss(law, n, loss) + 2 * n * 3e12
    # points of the grid lie 0.001 apart in log N: the least is off by half the curvature, of order one, times 0.0005**2
    assert found.best.total == pytest.approx(float(total.min()), rel=1e-6)
    # tokens are found to a relative 1e-12, and the loss is flatter than they
    assert float(law.loss(found.best.parameters, found.best.tokens)) == pytest.approx(loss, rel=1e-12)


def test_the_more_is_served_the_smaller_and_longer() -> None:
    served = [lifetime_optimum(CHINCHILLA, loss=2.0, generated_tokens=t).best for t in (0, 1e11, 1e12, 1e13, 1e14)]
    sizes = [b.parameters for b in served]
    assert sizes == sorted(sizes, reverse=True)
    assert [b.tokens for b in served] == sorted(b.tokens for b in served)


def test_dear_serving_is_more_serving() -> None:
    plain = lifetime_optimum(CHINCHILLA, loss=2.0, generated_tokens=4e12)
    dear = lifetime_optimum(CHINCHILLA, loss=2.0, generated_tokens=2e12, cost=LifetimeCost(generated=4.0))
    assert dear.best.parameters == pytest.approx(plain.best.parameters, rel=1e-6)
    # every cost in dollars: the same model, the same saving
    dollars = lifetime_optimum(
        CHINCHILLA, loss=2.0, generated_tokens=4e12,
        cost=LifetimeCost(training=6e-18, prompt=2e-18, generated=2e-18),
    )  # fmt: skip
    assert dollars.best.parameters == pytest.approx(plain.best.parameters, rel=1e-6)
    # the size is found to a relative 1e-4 of a flat minimum, its cost to the square of that
    assert dollars.saving == pytest.approx(plain.saving, rel=1e-6)


def test_what_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="either the loss"):
        lifetime_optimum(CHINCHILLA)
    with pytest.raises(ValueError, match="either the loss"):
        lifetime_optimum(CHINCHILLA, loss=2.0, training_flops=1e22)
    with pytest.raises(ValueError, match=r"never reaches a loss of 1\.6"):
        lifetime_optimum(CHINCHILLA, loss=1.6)
    with pytest.raises(ValueError, match="0 or more"):
        lifetime_optimum(CHINCHILLA, loss=2.0, generated_tokens=-1.0)
    with pytest.raises(ValueError, match="training_flops must be above 0"):
        lifetime_optimum(CHINCHILLA, training_flops=0.0)
    with pytest.raises(ValueError, match="above 0 for training"):
        LifetimeCost(training=0.0)
