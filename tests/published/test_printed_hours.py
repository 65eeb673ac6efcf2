"""Hours that runs printed, over those of their work where a utilisation is assumed."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.projecting.holding import Layouts
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.projection.stage_time import AS_PRINTED, PRINTED, Assumptions, assumed_mfu, expected_mfu


def printed_over_projected() -> list[float]:
    """Of all stages of pre-training that printed hours and no utilisation or layout."""
    catalogue, ratios = Catalogue(), []
    for name in catalogue.files("recipe"):
        for stage in project_by_name(catalogue, name)[2].stages:
            time = stage.time
            if stage.kind == "PT" and time is not None and time.basis in AS_PRINTED and time.published_hours:
                ratios.append(time.published_hours / time.hours.value)
                assert time.hours.low is not None
                assert time.hours.high is not None
                assert time.hours.low <= PRINTED[0] * time.hours.value * (1 + 1e-12)
                assert time.hours.high >= PRINTED[1] * time.hours.value * (1 - 1e-12)
    return sorted(ratios)


@pytest.mark.slow
def test_the_interval_of_hours_that_are_expected_holds_nine_in_ten_of_printed_ones() -> None:
    """It is the shortest that does, by the ratio of its ends."""
    ratios = printed_over_projected()
    assert len(ratios) == 27
    most = int(np.ceil(0.9 * len(ratios)))
    ends = [(ratios[i], ratios[i + most - 1]) for i in range(len(ratios) - most + 1)]
    low, high = min(ends, key=lambda pair: pair[1] / pair[0])
    assert (round(low, 2), round(high, 1)) == PRINTED


def without_layouts(recipe: RecipeFile) -> RecipeFile:
    stages = {
        name: stage
        if stage.hardware is None
        else msgspec.structs.replace(stage, hardware=msgspec.structs.replace(stage.hardware, layout=None))
        for name, stage in recipe.stages.items()
    }
    return msgspec.structs.replace(recipe, stages=stages)


@pytest.mark.slow
def test_the_lower_of_layout_and_published_runs_misses_printed_hours_least() -> None:
    """Stages of known devices that printed hours or a utilisation, against either alone."""
    catalogue, missed = Catalogue(), []
    for name in catalogue.files("recipe"):
        recipe, _, projection = project_by_name(catalogue, name)
        model, plan = catalogue.model(recipe.model), Assumptions(fallback="h100_sxm")
        layouts = Layouts(catalogue, model, without_layouts(recipe), plan, catalogue.accelerators)
        for stage in projection.stages:
            time, own = stage.time, recipe.stages[stage.name].hardware
            if time is None or own is None or stage.kind != "PT" or (own.mfu is None and time.implied_mfu is None):
                continue
            fastest = layouts.fastest(stage.name)
            if fastest is None:
                continue
            device, sparse = catalogue.accelerators[time.accelerator], projection.parameters.sparse
            published = assumed_mfu(device, time.precision, sparse=sparse).central
            both = expected_mfu(device, time.precision, sparse=sparse, fastest=fastest)[0].central
            reached = own.mfu or time.implied_mfu
            missed.append([abs(np.log(one / reached)) for one in (both, published, fastest.central)])
    ours, by_published, by_layout = np.mean(missed, axis=0)
    assert len(missed) == 17
    assert np.exp([ours, by_published, by_layout]).round(2).tolist() == [1.67, 1.76, 1.97]


def test_a_later_stage_of_the_same_batches_on_the_same_devices_ran_the_same_layout() -> None:
    """StarCoder's Python stage: 11,208 hours were printed, and the layout stands at the stage before."""
    python = project_by_name(Catalogue(), "starcoder")[2].stages[1].time
    assert python is not None
    assert python.basis == "layout"
    assert python.hours.value == pytest.approx(11_208, rel=0.05)
