"""The loss over several stages: what a cosine, a constant, an annealing and a re-warming make of the surface."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.laws.curves import MultiPower
from lehr.simulators.projection.forecast import (
    UNKNOWN_SHIFT,
    Clock,
    PathStage,
    forecast,
    path_of,
    ratios_to_cosine,
    shift_of,
)
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import WSD, Cosine, Decay, Warmup
from lehr.simulators.scheduling.final import final_loss, loss_of_pieces

LAW = MultiPower(
    name="m", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641,
    worst_relative_error=0.004,
)  # fmt: skip
OTHER = MultiPower(name="n", title="", L0=2.37, A=0.654, alpha=0.429, B=523.0, C=2.02, beta=0.594, gamma=0.635)
CLOCKS = [Clock(law=LAW, steps=72_000), Clock(law=OTHER, steps=24_000)]
COSINE = Cosine(peak=2.0, floor_ratio=0.1, warmup=Warmup(fraction=0.02)).resolve(1000).values()


def stage(rates: Floats, tokens: float = 1e12, name: str = "pt", **data: float) -> PathStage:
    return PathStage(name=name, kind="PT" if name == "pt" else "CPT", tokens=tokens, rates=rates, data=data)


def flat(tokens: Floats) -> list[Floats]:
    """A surface that says 2 everywhere, so that the forecast is twice the ratio."""
    return [np.full_like(tokens, 2.0)] * 3


def test_pieces_are_the_schedule_that_they_stand_for() -> None:
    rates, steps = np.array([1e-4, 3e-4, 3e-4, 1e-4, 2e-4, 1e-6]), np.array([50, 400, 30, 200, 70, 9])
    # two orders of summing: 1e-12 is thousands of roundings
    expected = final_loss(LAW, np.repeat(rates, steps))
    assert loss_of_pieces(LAW, rates, steps.astype(float)) == pytest.approx(expected, rel=1e-12)


def test_a_cosine_to_a_tenth_ends_where_the_surface_says() -> None:
    ratios = ratios_to_cosine(CLOCKS, path_of([stage(COSINE)]), np.array([1.0]))
    # the path's warm-up ends one piece of 1,000 later or earlier than the reference's: 1e-3 of the sum of rates, whose
    # share of the loss has an exponent of 0.5 and a size of a fifth at most: 1e-4
    assert ratios.ravel() == pytest.approx([1.0, 1.0], abs=1e-4)


def test_a_constant_rate_costs_the_same_share_at_every_length_and_annealing_wins_it_back() -> None:
    shares = np.array([0.1, 0.4, 0.7, 0.9])
    constant = ratios_to_cosine(CLOCKS, path_of([stage(np.ones(1000))]), shares)
    # the same pieces but for their lengths, which are summed to 1 in other orders: 1e-12 is thousands of roundings
    assert constant[0] == pytest.approx(np.full(4, constant[0, 0]), abs=1e-12)
    assert constant[0, 0] > 1
    annealed = ratios_to_cosine(
        CLOCKS,
        path_of([stage(np.ones(1000)), stage(np.linspace(1, 0.01, 1000), 1e11, "ann")]),
        np.array([10 / 11, 1.0]),
    )
    assert (annealed[:, 1] < annealed[:, 0]).all()
    whole = WSD(peak=1.0, floor_ratio=0.01, decay=Decay(fraction=1 / 11)).resolve(11_000).values()
    one = ratios_to_cosine(CLOCKS, path_of([stage(whole)]), np.array([1.0]))
    # the same rates in one stage, in pieces of other lengths: a piece of 1,000 of the decay is a thousandth of its fall
    assert annealed[:, 1] == pytest.approx(one[:, 0], rel=1e-4)


def test_rewarming_costs_and_is_won_back() -> None:
    again = Cosine(peak=1.0, floor_ratio=0.05, warmup=Warmup(fraction=0.02)).resolve(1000).values()
    stages = [stage(COSINE, code=0.2), stage(again * 2.0, 0.5e12, "cpt", code=0.9)]
    tokens = np.linspace(0.1e12, 1.5e12, 141)
    found = forecast(stages, CLOCKS, tokens, flat(tokens))
    first, second = found.stages
    assert first.rewarming == 0.0
    assert second.rewarming > 0.01
    assert found.rises
    # at the end it has come down again: half of what re-warming cost is won back at the least
    assert abs(second.loss - first.loss) < 0.5 * second.rewarming
    assert (second.shift, found.known_until) == (UNKNOWN_SHIFT, 1e12)


def test_the_band_holds_every_law_and_its_error() -> None:
    tokens = np.linspace(0.1e12, 1e12, 10)
    found = forecast([stage(np.ones(100))], CLOCKS, tokens, flat(tokens))
    ratios = ratios_to_cosine(CLOCKS, path_of([stage(np.ones(100))]), tokens / 1e12)
    # the same numbers multiplied in another order: two roundings
    assert found.central == pytest.approx(2 * ratios[0], rel=2**-51)
    assert found.low == pytest.approx(2 * np.minimum(ratios[0] * (1 - 0.004), ratios[1]), rel=2**-51)
    assert found.high == pytest.approx(2 * np.maximum(ratios[0] * (1 + 0.004), ratios[1]), rel=2**-51)
    assert not found.rises
    assert found.laws == [LAW, OTHER]


def test_a_change_of_data_is_told_and_not_modelled() -> None:
    before = stage(COSINE, code=0.8, web=0.2)
    assert shift_of(before, stage(COSINE, name="a", code=0.8, web=0.2)) == ""
    assert shift_of(before, stage(COSINE, name="a", code=0.7, web=0.3)) == UNKNOWN_SHIFT
    assert shift_of(before, stage(COSINE, name="a")) == UNKNOWN_SHIFT


def test_nothing_to_forecast_is_an_error() -> None:
    tokens = np.array([1e12])
    with pytest.raises(ValueError, match="a stage with a schedule"):
        forecast([], CLOCKS, tokens, flat(tokens))
    with pytest.raises(ValueError, match="zero"):
        forecast([stage(np.zeros(5))], CLOCKS, tokens, flat(tokens))
