"""Hours that runs printed, over those of their work where a utilisation is assumed."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.projection.stage_time import PRINTED


@pytest.mark.slow
def test_the_interval_of_assumed_hours_is_that_of_printed_ones() -> None:
    """The quantiles are those of all runs of pre-training in the catalogue, which then hold four of five."""
    catalogue, ratios, held = Catalogue(), [], []
    for name in catalogue.files("recipe"):
        for stage in project_by_name(catalogue, name)[2].stages:
            time = stage.time
            if stage.kind != "PT" or time is None or time.basis != "assumed" or not time.published_hours:
                continue
            ratios.append(time.published_hours / time.hours.value)
            assert time.hours.low is not None
            assert time.hours.high is not None
            held.append(time.hours.low <= time.published_hours <= time.hours.high)
    assert len(ratios) == 27
    low, high = np.quantile(ratios, [0.1, 0.9])
    assert (round(float(low), 2), round(float(high), 1)) == PRINTED
    assert np.mean(held) > 0.75


def test_a_later_stage_of_the_same_batches_on_the_same_devices_ran_the_same_layout() -> None:
    """StarCoder's Python stage: 11,208 hours were printed, and the layout stands at the stage before."""
    python = project_by_name(Catalogue(), "starcoder")[2].stages[1].time
    assert python is not None
    assert python.basis == "layout"
    assert python.hours.value == pytest.approx(11_208, rel=0.05)
