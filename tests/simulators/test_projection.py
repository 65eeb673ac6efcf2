"""A projection follows from its recipe by arithmetic that is done again here."""

from __future__ import annotations

import msgspec
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.projection.project import Assumptions, Projection, project
from lehr.simulators.training import Recipe, Stage

CATALOGUE = Catalogue()
LAW = CATALOGUE.law("chinchilla")


def projected(name: str, recipe: Recipe | None = None, **assumed: object) -> Projection:
    chosen = recipe or CATALOGUE.recipe(name)
    return project(
        CATALOGUE.model(name).shape(),
        chosen,
        laws=[LAW],
        accelerators=CATALOGUE.accelerators,
        assumptions=Assumptions(fallback="h100_sxm", **assumed),  # type: ignore[arg-type]
    )


def test_starcoders_pre_training() -> None:
    stage = projected("starcoder").stages[0]
    assert stage.tokens == 250_000 * 512 * 8192
    # 6 (N - positions) + 12 x layers x d x s / 2: learned positions are looked up, the tied table is the head
    n, positions = 15_517_456_384, 8192 * 6144
    assert stage.flops_per_token == 6 * (n - positions) + 6 * 40 * 6144 * 8192
    assert stage.flops == stage.flops_per_token * stage.tokens
    assert stage.time is not None
    assert stage.time.published_hours == 320_256
    assert stage.time.implied_mfu == pytest.approx(stage.flops / (320_256 * 3600 * 312e12))


def test_a_dense_models_loss_is_the_laws() -> None:
    stage = projected("starcoder").stages[0]
    assert stage.loss["chinchilla"].value == float(LAW.loss(15_517_456_384, stage.tokens))


def test_a_mixture_lies_between_dense_models() -> None:
    loss = projected("deepseek_v3").stages[0].loss["chinchilla"]
    assert loss.low == float(LAW.loss(671_026_404_352, 14.8e12))
    assert loss.high == float(LAW.loss(37_552_282_624, 14.8e12))
    assert loss.low is not None
    assert loss.high is not None
    assert loss.low < loss.value < loss.high


def test_a_base_models_tokens_count_for_the_loss() -> None:
    projection = projected("codellama_7b")
    assert projection.stages[0].cumulative_tokens == 2.5e12
    assert projection.totals.tokens == sum(s.tokens or 0 for s in projection.stages)


def test_fine_tuning_tokens_do_not_count_for_the_loss_and_unknown_stages_are_named() -> None:
    projection = projected("deepseek_v3")
    assert {s.name for s in projection.stages if not s.loss} == {"sft", "rl"}
    assert projection.totals.unknown == ["sft", "rl"]


def test_a_mixtures_token_costs_a_dense_tokens_share() -> None:
    dense = projected("deepseek_v3").dense
    assert dense is not None
    idle = 671_026_404_352 - 37_552_282_624
    assert dense.dense_same_total - dense.moe == 6 * idle
    assert projected("starcoder").dense is None


def test_what_the_planner_sets_wins() -> None:
    time = projected("starcoder", accelerator="h100_sxm", mfu=0.5, usd_per_hour=2.0, devices=100).stages[0].time
    assert time is not None
    assert (time.accelerator, time.basis, time.devices) == ("h100_sxm", "given", 100)
    assert time.cost is not None
    assert time.cost.value == 2.0 * time.hours.value
    assert time.days is not None
    assert time.days.value == pytest.approx(time.hours.value / 2400)
    assert time.published_hours is None


def test_an_unknown_accelerator_names_the_stage() -> None:
    with pytest.raises(ValueError, match=r"stage pt: no accelerator is called 'abacus'"):
        projected("starcoder", accelerator="abacus")


def test_tokens_cannot_be_given_twice() -> None:
    stage = CATALOGUE.recipe("starcoder").stages["pt"]
    with pytest.raises(ValueError, match="not all three"):
        msgspec.convert({**msgspec.to_builtins(stage), "tokens": 5}, Stage)


def test_stages_and_their_order_must_match() -> None:
    recipe = msgspec.to_builtins(CATALOGUE.recipe("starcoder"))
    kept = {key: recipe[key] for key in ("name", "model", "order", "stages")}
    with pytest.raises(ValueError, match="is not in `order`"):
        msgspec.convert({**kept, "order": kept["order"][:1]}, Recipe)
    with pytest.raises(ValueError, match="which is not in `stages`"):
        msgspec.convert({**kept, "order": [*kept["order"], "rl"]}, Recipe)


def test_totals_can_be_had_with_the_bases_own_history() -> None:
    own, base = project_by_name(CATALOGUE, "codellama_7b")[2], project_by_name(CATALOGUE, "llama_2_7b")[2]
    both = own.totals_with_base
    assert both is not None
    assert both.flops == own.totals.flops + base.totals.flops
    assert both.tokens == own.totals.tokens + 2e12
    assert base.totals_with_base is None
