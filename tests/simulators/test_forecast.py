"""The loss over several stages: what a cosine, a constant, an annealing and a re-warming make of the surface."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.laws.curves import MultiPower
from lehr.simulators.projection.forecast import (
    UNKNOWN_SHIFT,
    Clock,
    PathStage,
    by_law,
    by_shape,
    forecast,
    path_of,
    shift_of,
)
from lehr.simulators.projection.tuned import RUNS_LOSS
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import WSD, Cosine, Decay, Warmup
from lehr.simulators.scheduling.final import final_loss, loss_of_pieces

LAW = MultiPower(
    name="m", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641,
    worst_relative_error=0.004,
)  # fmt: skip
CLOCK = Clock(law=LAW, steps=72_000)
COSINE = Cosine(peak=2.0, floor_ratio=0.1, warmup=Warmup(fraction=0.02)).resolve(1000).values()


def stage(rates: Floats, tokens: float = 1e12, name: str = "pt", **data: float) -> PathStage:
    return PathStage(name=name, kind="PT" if name == "pt" else "CPT", tokens=tokens, rates=rates, data=data)


def flat(tokens: Floats) -> list[Floats]:
    """A surface that says 2 everywhere."""
    return [np.full_like(tokens, 2.0)] * 3


def test_pieces_are_the_schedule_that_they_stand_for() -> None:
    rates, steps = np.array([1e-4, 3e-4, 3e-4, 1e-4, 2e-4, 1e-6]), np.array([50, 400, 30, 200, 70, 9])
    # two orders of summing: 1e-12 is thousands of roundings
    expected = final_loss(LAW, np.repeat(rates, steps))
    assert loss_of_pieces(LAW, rates, steps.astype(float)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("clock", [None, CLOCK])
def test_a_cosine_to_a_tenth_ends_where_the_surface_says(clock: Clock | None) -> None:
    found = forecast([stage(COSINE)], np.array([1e12]), flat(np.ones(1)), clock=clock)
    # the path's warm-up ends one piece of 1,000 later or earlier than the reference's: 1e-3 of the sum of rates, whose
    # share of the loss has an exponent of 0.5 and a size of a fifth at most: 1e-4
    assert found.central == pytest.approx([2.0], abs=2e-4)


def at_shares(stages: list[PathStage], shares: Floats) -> Floats:
    return by_shape(path_of(stages), shares, np.full_like(shares, 2.0), "nats/token").central


def test_a_constant_rate_costs_the_same_at_every_length_and_annealing_wins_it_back() -> None:
    constant = at_shares([stage(np.ones(1000))], np.array([0.1, 0.4, 0.7, 0.9]))
    # pieces of a constant rate make no difference but for their rounding
    assert constant == pytest.approx(np.full(4, constant[0]), abs=1e-9)
    assert 0.1 < constant[0] < 0.15
    both = [stage(np.ones(1000)), stage(np.linspace(1, 0.01, 1000), 1e11, "ann")]
    annealed = at_shares(both, np.array([10 / 11, 1.0]))
    assert annealed[0] == pytest.approx(constant[0], abs=1e-9)
    assert abs(annealed[1]) < 0.01
    whole = WSD(peak=1.0, floor_ratio=0.01, decay=Decay(fraction=1 / 11)).resolve(11_000).values()
    # the same rates in one stage, in pieces of other lengths: a piece of 1,000 of the decay is a thousandth of its fall
    assert annealed[1] == pytest.approx(at_shares([stage(whole)], np.ones(1))[0], abs=1e-3)


def test_loss_of_another_unit_moves_by_as_large_a_share() -> None:
    path = path_of([stage(np.ones(10))])
    nats = by_shape(path, np.ones(1), np.array([RUNS_LOSS]), "nats/token")
    bits = by_shape(path, np.ones(1), np.array([0.7]), "bits/byte")
    for a, b in zip((nats.central, nats.low, nats.high), (bits.central, bits.low, bits.high), strict=True):
        assert b / 0.7 == pytest.approx(a / RUNS_LOSS, rel=1e-12)


def test_rewarming_costs_and_is_won_back() -> None:
    again = Cosine(peak=1.0, floor_ratio=0.05, warmup=Warmup(fraction=0.02)).resolve(1000).values()
    stages = [stage(COSINE, code=0.2), stage(again * 2.0, 0.5e12, "cpt", code=0.9)]
    tokens = np.linspace(0.1e12, 1.5e12, 141)
    found = forecast(stages, tokens, flat(tokens))
    first, second = found.stages
    assert first.rewarming == 0.0
    assert second.rewarming > 0.01
    assert found.rises
    # at the end it has come down again: half of what re-warming cost is won back at the least
    assert abs(second.loss - first.loss) < 0.5 * second.rewarming
    assert (second.shift, found.known_until) == (UNKNOWN_SHIFT, 1e12)


def test_the_band_of_a_law_of_ones_own_holds_its_error() -> None:
    tokens = np.linspace(0.1e12, 1e12, 10)
    found = forecast([stage(np.ones(100))], tokens, flat(tokens), clock=CLOCK)
    own = by_law(CLOCK, path_of([stage(np.ones(100))]), tokens / 1e12, np.full(10, 2.0), "nats/token").central
    constant = loss_of_pieces(LAW, np.full(1, 3e-4), np.full(1, 72_000.0))
    # the same numbers added in another order: of 3.2, some roundings
    assert found.central == pytest.approx(2 + own, rel=2**-48)
    assert found.low == pytest.approx(2 + own - 0.004 * constant, rel=2**-40)
    assert found.high == pytest.approx(2 + own + 0.004 * constant, rel=2**-40)
    assert not found.rises
    assert found.law == LAW


def test_a_change_of_data_is_told_and_not_modelled() -> None:
    before = stage(COSINE, code=0.8, web=0.2)
    assert shift_of(before, stage(COSINE, name="a", code=0.8, web=0.2)) == ""
    assert shift_of(before, stage(COSINE, name="a", code=0.7, web=0.3)) == UNKNOWN_SHIFT
    assert shift_of(before, stage(COSINE, name="a")) == UNKNOWN_SHIFT


def test_nothing_to_forecast_is_an_error() -> None:
    tokens = np.array([1e12])
    with pytest.raises(ValueError, match="a stage with a schedule"):
        forecast([], tokens, flat(tokens))
    with pytest.raises(ValueError, match="zero"):
        forecast([stage(np.zeros(5))], tokens, flat(tokens))
