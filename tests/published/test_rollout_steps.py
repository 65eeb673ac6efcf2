"""Steps of reinforcement learning that others measured (conf/measurement/rl_step.csv): nothing is fitted to them."""

from __future__ import annotations

import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.generating.steps import measured_steps, pairs

ROWS = list(measured_steps(Catalogue()))


def test_intervals_hold_the_systems_of_2025() -> None:
    """verl and AReaL, whose mean lengths are assumed; DeepSpeed-Chat's of 2023 is slower than its interval in part."""
    later = [row for row in ROWS if not row.known]
    assert all(row.step.seconds.low <= row.seconds <= row.step.seconds.high for row in later)


def test_older_steps_are_slower_than_projected() -> None:
    """All of DeepSpeed-Chat's, by a half in the median: as it is told in docs/decisions.md."""
    off = np.array([row.step.seconds.value / row.seconds for row in ROWS if row.known])
    assert (off < 1).all()
    assert 0.4 < np.median(off) < 0.6


def test_split_steps_are_faster_as_measured_where_the_network_is_dense() -> None:
    ratios = [
        (row.step.seconds.value / twin.step.seconds.value) / (row.seconds / twin.seconds)
        for row, twin in pairs(ROWS)
        if "a3b" not in row.case
    ]
    assert np.median(np.abs(np.log(ratios))) < np.log(1.2)
    assert all(0.6 < ratio < 1.35 for ratio in ratios)
