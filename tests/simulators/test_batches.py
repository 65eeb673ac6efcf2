"""The map between tokens and steps, against a loop that adds up one update after another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.schedules import Batch
from lehr.simulators.schedules.batch import Linear, Milestone, Milestones

LENGTH = 128


def looped(size_at: object, steps: int) -> float:
    tokens = 0.0
    for step in range(steps):
        tokens += size_at(tokens, step) * LENGTH  # type: ignore[operator]
    return tokens


def test_without_a_ramp_tokens_are_steps_times_batch() -> None:
    clock = Batch(sequences=512).clock(8192)
    assert clock.tokens_at(250_000) == 250_000 * 512 * 8192
    assert Batch(sequences=512).steps_for(250_000 * 512 * 8192, 8192) == 250_000
    assert Batch(sequences=512).steps_for(250_000 * 512 * 8192 + 1e6, 8192) == 250_001


def test_a_smooth_ramp_over_tokens() -> None:
    ramp = 2_000_000.0
    batch = Batch(sequences=160, ramp=Linear(start=32, tokens=ramp))
    tokens = looped(lambda seen, _: 32 + (160 - 32) * min(seen / ramp, 1.0), 300)
    # the loop takes each size at the beginning of its update: it grows by 1 + g an update, the ramp by exp(g),
    # and so takes ln(160 / 32) / 2 = 0.80 updates longer to the full size
    expected = tokens + math.log(160 / 32) / 2 * 160 * LENGTH
    assert batch.clock(LENGTH).tokens_at(300) == pytest.approx(expected, abs=0.02 * 160 * LENGTH)


def test_a_smooth_ramp_over_steps() -> None:
    batch = Batch(sequences=160, ramp=Linear(start=32, steps=100))
    tokens = looped(lambda _, step: 32 + (160 - 32) * min(step / 100, 1.0), 300)
    # half an update's growth each, (160 - 32) / 2 sequences in all
    assert batch.clock(LENGTH).tokens_at(300) == pytest.approx(tokens + 64 * LENGTH, abs=LENGTH)


def test_a_ramp_in_increments_gives_each_size_the_same_tokens() -> None:
    batch = Batch(sequences=128, ramp=Linear(start=32, increment=32, tokens=3 * 96 * 32 * LENGTH))
    # sizes 32, 64, 96 with 96 x 32 sequences each: 96, 48 and 32 updates
    clock = batch.clock(LENGTH)
    assert clock.tokens_at(96 + 48 + 32) == 3 * 96 * 32 * LENGTH
    assert clock.tokens_at(96 + 48 + 33) - clock.tokens_at(96 + 48 + 32) == 128 * LENGTH


def test_sudden_changes_stand_where_they_are_put() -> None:
    ramp = Milestones(start=32, milestones=[Milestone(tokens=32 * LENGTH * 10, sequences=64)])
    clock = Batch(sequences=64, ramp=ramp).clock(LENGTH)
    assert clock.step_at(32 * LENGTH * 10) == 10
    assert clock.tokens_at(11) == 32 * LENGTH * 10 + 64 * LENGTH


@given(st.integers(1, 64), st.integers(64, 4096), st.floats(1e6, 1e9), st.floats(0, 1e10))
def test_tokens_and_steps_are_inverse(start: int, full: int, ramp: float, tokens: float) -> None:
    clock = Batch(sequences=full, ramp=Linear(start=start, tokens=ramp)).clock(LENGTH)
    # interpolation there and back: some units in the last place of the larger of the two
    assert float(clock.tokens_at(clock.step_at(tokens))) == pytest.approx(tokens, rel=1e-9, abs=1e-3)


def test_a_ramp_lasts_tokens_or_steps() -> None:
    with pytest.raises(ValueError, match="write exactly one"):
        Linear(start=32)
