"""The published runs of the multi-power law, followed as if they were running."""

from __future__ import annotations

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.tracking import in_order, track
from lehr.simulators.tracking.planned import plan
from tests.published.luo_curves import HELD_OUT, TRAINED_ON, rows, schedule

CURVES = [(size, name) for size in ("25", "100") for name in (*TRAINED_ON, *HELD_OUT)]


def law_of(size: str) -> CurveLaw:
    law = Catalogue().law(f"multi_power_{size}m")
    assert isinstance(law, CurveLaw)
    return law


@pytest.mark.parametrize(("size", "name"), CURVES)
def test_no_healthy_run_leaves_its_band(size: str, name: str) -> None:
    """18 runs that were published as healthy: each rule gives a false alarm in at most 1 % of such runs."""
    steps, losses, _ = rows(size, name)
    seen = track(plan(law_of(size), schedule(name)), in_order(steps, losses))
    assert seen.alarms == []
    assert not seen.outside


def test_the_projection_from_half_of_a_run_covers_its_end() -> None:
    """At 95 % fewer than 14 of 18 would be covered in 0.2 % of such sets; all 18 would be in 40 % of them."""
    covered = 0
    for size, name in CURVES:
        steps, losses, _ = rows(size, name)
        half = len(steps) // 2
        seen = track(plan(law_of(size), schedule(name)), in_order(steps[:half], losses[:half]))
        covered += seen.final_interval[0] <= losses[-1] <= seen.final_interval[1]
    assert covered >= 14


def test_a_spike_put_into_a_run_is_found() -> None:
    steps, losses, _ = rows("100", "constant_72000")
    losses[300] *= 1.02
    seen = track(plan(law_of("100"), schedule("constant_72000")), in_order(steps, losses))
    assert [(a.kind, int(seen.steps[a.first])) for a in seen.alarms] == [("spike", int(steps[300]))]
