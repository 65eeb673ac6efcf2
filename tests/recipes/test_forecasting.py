"""Forecasts of catalogued recipes: the base's history, unknown schedules, and what the report says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.projecting.forecast import forecast_recipe
from lehr.recipes.projecting.model import project_model
from lehr.simulators.counting import count_parameters
from lehr.simulators.projection.forecast import UNKNOWN_SHIFT, Forecast
from lehr.simulators.projection.loss import project_loss
from tests.recipes.test_cli import lehr

CATALOGUE = Catalogue()
SURFACE = CATALOGUE.surface("besiroglu")


def of(name: str) -> Forecast | None:
    recipe = CATALOGUE.recipe(name)
    projection = project_model(CATALOGUE, CATALOGUE.model(recipe.model), recipe, [SURFACE])
    return forecast_recipe(CATALOGUE, recipe, projection, SURFACE)


def test_the_base_comes_first_with_its_own_schedule() -> None:
    found = of("codellama_13b")
    assert found is not None
    assert [s.name for s in found.stages][:2] == ["llama_2_13b: pt", "cpt"]
    assert found.stages[0].tokens == CATALOGUE.recipe("codellama_13b").base.tokens  # type: ignore[union-attr]
    assert found.stages[1].rewarming > found.stages[0].rewarming == 0
    assert not any(s.assumed for s in found.stages)
    assert found.known_until == found.stages[0].tokens


def test_annealing_after_a_constant_rate_lowers_the_loss_below_the_surface_that_has_none() -> None:
    found = of("opencoder_8b")
    assert found is not None
    pt, anneal = found.stages
    assert pt.loss > pt.at_end_of_schedule
    assert anneal.loss < pt.loss - 0.05
    assert anneal.shift == UNKNOWN_SHIFT


@pytest.mark.parametrize("name", ["deepseek_v3", "kimi_k2", "starcoder", "llama_7b", "glm_4_5"])
def test_the_loss_lies_in_its_band_and_the_surface_is_the_projections(name: str) -> None:
    found = of(name)
    assert found is not None
    assert ((found.low < found.central) & (found.central < found.high)).all()
    assert (np.diff(found.tokens) > 0).all()
    recipe = CATALOGUE.recipe(name)
    count = count_parameters(CATALOGUE.model(recipe.model).shape())
    last = found.stages[-1]
    # one formula, for one number and for an array of them, whose powers may round otherwise
    assert last.at_end_of_schedule == pytest.approx(project_loss(SURFACE, count, last.tokens).value, rel=1e-12)


@pytest.mark.parametrize("name", ["deepseek_v2", "deepseek_coder_6_7b", "kimi_k2", "llama_2_7b", "pythia_12b"])
def test_decays_of_published_runs_end_within_a_hundredth_and_a_half_of_the_surface(name: str) -> None:
    """Stairs, a decay of the last part and a cosine equal each other at tuned peaks (arXiv:2401.02954, 2405.18392)."""
    found = of(name)
    assert found is not None
    last = [stage for stage in found.stages if stage.name in ("pt", "anneal")][-1]
    assert abs(last.loss - last.at_end_of_schedule) < 0.015


def test_without_schedules_there_is_none() -> None:
    assert of("qwen2_5_coder_7b") is None


def test_a_base_without_a_known_schedule_is_assumed_and_said_so() -> None:
    found = of("deepseek_v3_2_exp")
    assert found is not None
    assert found.stages[0].assumed
    assert found.stages[0].name == "deepseek_v3_1"


@pytest.mark.slow
def test_the_report_says_what_is_not_modelled(tmp_path: Path) -> None:
    lehr("report", "model=codellama_13b", "out=.", folder=tmp_path)
    page = (tmp_path / "codellama_13b/report.md").read_text()
    assert "unknown shift, not modelled" in page
    assert "no run behind these numbers did so" in page
    assert "arXiv:2501.18965" in page
    data = json.loads((tmp_path / "codellama_13b/projection.json").read_text())["forecast"]
    assert data["curve_law"] is None
    assert data["data_known_until"] == 2e12
    assert len(data["tokens"]) == len(data["loss"]) == len(data["low"]) == len(data["high"])
