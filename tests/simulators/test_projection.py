"""A projection follows from its recipe by arithmetic that is done again here."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import numpy as np
import pytest

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import (
    FLOP_CONVENTIONS,
    count_parameters,
    forward_flops_per_token,
    training_flops_per_token,
)
from lehr.simulators.objectives import NextToken, PolicyGradient, Supervised
from lehr.simulators.planning.ladder import mixture
from lehr.simulators.projection.project import Projection, add_totals, assumed_sequence, project
from lehr.simulators.projection.stage_time import Assumptions, assumed_mfu
from lehr.simulators.projection.stage_work import sequence_said
from lehr.simulators.quantities import Bound
from lehr.simulators.rollouts import Lengths, Rollout
from lehr.simulators.schedules import Batch, Cosine
from lehr.simulators.training import Base, Hardware, Recipe, Stage, StageKind
from tests.simulators.cases import CHINCHILLA, DEVICE, gpt

PRE_TRAINED = Stage(
    kind="PT",
    objective=NextToken(),
    steps=10_000,
    sequence_length=1024,
    batch=Batch(sequences=512),
    schedule=Cosine(peak=3e-4, floor=3e-5),
    hardware=Hardware(accelerator="device", count=64, precision="bf16", hours=100.0),
)
TUNED = Stage(kind="SFT", objective=Supervised(), sequence_length=1024)
REWARDED = Stage(kind="RL", objective=PolicyGradient(method="grpo"), sequence_length=1024)
SPARSE = mixture(512, expansion=8, top_k=4, vocab_size=5000, context_length=2048)


def recipe(base: Base | None = None, **stages: Stage) -> Recipe:
    stages = stages or {"pt": PRE_TRAINED}
    return Recipe(name="x", model="x", order=list(stages), stages=stages, base=base)


def projected(network: Architecture | None = None, plan: Recipe | None = None, **assumed: object) -> Projection:
    return project(
        network or gpt(),
        plan or recipe(),
        laws=[CHINCHILLA],
        accelerators={"device": DEVICE, "other": msgspec.structs.replace(DEVICE, name="other")},
        assumptions=Assumptions(fallback="device", **assumed),  # type: ignore[arg-type]
    )


def test_pre_training_of_a_dense_network() -> None:
    stage = projected().stages[0]
    assert stage.tokens == 10_000 * 512 * 1024
    # 6 (N - positions) + 12 x layers x d x s / 2: learned positions are looked up, the tied table is the head
    n, positions = count_parameters(gpt()).total, 1024 * 256
    assert stage.flops_per_token == 6 * (n - positions) + 6 * 4 * 256 * 1024
    assert stage.flops == stage.flops_per_token * stage.tokens
    assert stage.time is not None
    assert stage.time.published_hours == 100
    assert stage.time.implied_mfu == pytest.approx(stage.flops / (100 * 3600 * 1e15))


@pytest.mark.parametrize("network", [gpt(), SPARSE], ids=["dense", "mixture"])
def test_6nd_takes_the_parameters_that_a_token_uses(network: Architecture) -> None:
    stage = projected(network).stages[0]
    count = count_parameters(network)
    assert stage.six_nd == 6 * count.active["all"] * 10_000 * 512 * 1024
    assert (count.active["all"] < count.total) == (network is SPARSE)


def test_a_dense_models_loss_is_the_laws() -> None:
    stage = projected().stages[0]
    assert stage.loss["chinchilla"].value == float(CHINCHILLA.loss(count_parameters(gpt()).total, stage.tokens))


def test_a_mixture_lies_between_dense_models() -> None:
    loss, count = projected(SPARSE).stages[0].loss["chinchilla"], count_parameters(SPARSE)
    tokens = 10_000 * 512 * 1024
    assert loss.low == float(CHINCHILLA.loss(count.total, tokens))
    assert loss.high == float(CHINCHILLA.loss(count.active["all"], tokens))
    assert loss.low < loss.value < loss.high


def test_a_base_models_tokens_count_for_the_loss() -> None:
    further = msgspec.structs.replace(PRE_TRAINED, kind="CPT", steps=None, tokens=5e11)
    projection = projected(plan=recipe(Base(model="y", tokens=2e12), cpt=further))
    assert projection.stages[0].cumulative_tokens == 2.5e12
    assert projection.totals.tokens == 5e11


def test_fine_tuning_tokens_do_not_count_for_the_loss_and_unknown_stages_are_named() -> None:
    projection = projected(plan=recipe(pt=PRE_TRAINED, sft=TUNED, rl=REWARDED))
    assert {s.name for s in projection.stages if not s.loss} == {"sft", "rl"}
    assert projection.totals.unknown == ["sft", "rl"]


def test_a_sum_of_a_least_and_a_most_is_neither() -> None:
    """Fine-tuning of which only the most is known stands in a sum but beside a least."""
    tuned = msgspec.structs.replace(TUNED, examples=1000, epochs=2)
    found = projected(plan=recipe(pt=PRE_TRAINED, sft=tuned)).totals
    assert (found.tokens, found.bound, found.unknown) == (10_000 * 512 * 1024 + 2000 * 1024, "at most", [])
    least = msgspec.structs.replace(PRE_TRAINED, steps=None, tokens=Bound(at_least=1e9))
    found = projected(plan=recipe(pt=least, sft=tuned)).totals
    assert (found.tokens, found.bound, found.unknown) == (1e9, "at least", ["sft"])


def test_updates_of_fine_tuning_are_padded_and_those_of_pre_training_packed() -> None:
    tuned = msgspec.structs.replace(TUNED, steps=10, batch=Batch(sequences=4))
    assert (tuned.n_tokens, tuned.padded_tokens, PRE_TRAINED.padded_tokens) == (10 * 4 * 1024, 10 * 4 * 1024, None)
    bounded = msgspec.structs.replace(tuned, steps=Bound(at_least=10))
    assert (bounded.padded_tokens, bounded.token_bound, bounded.step_bound) == (None, "at least", "at least")


def test_a_mixtures_token_costs_a_dense_tokens_share() -> None:
    dense, count = projected(SPARSE).dense, count_parameters(SPARSE)
    assert dense is not None
    assert dense.dense_same_total - dense.moe == 6 * (count.total - count.active["all"])
    assert projected().dense is None


def test_a_mixture_is_given_the_utilisation_of_mixtures() -> None:
    for network, central in ((gpt(), 0.4), (SPARSE, 0.25)):
        time = projected(network).stages[0].time
        assert time is not None
        assert (time.basis, time.mfu.value) == ("assumed", central)
    # in 8 bits the device has only what dense models reached
    assert assumed_mfu(DEVICE, "fp8", sparse=True).central == 0.3
    with pytest.raises(ValueError, match="no published utilisation in fp32"):
        assumed_mfu(DEVICE, "fp32", sparse=False)


@pytest.mark.parametrize("kind", get_args(StageKind))
def test_only_long_context_training_is_taken_at_the_whole_context(kind: StageKind) -> None:
    stage = Stage(kind=kind, objective=NextToken(), tokens=1e9)
    long = assumed_sequence(stage, gpt(context_length=32_768))
    assert long == (32_768 if kind == "REPO_PT" else 4096)
    assert assumed_sequence(stage, gpt(context_length=2048)) == 2048


def test_lengths_of_answers_say_how_long_a_sequence_is() -> None:
    def assumed(**told: Any) -> tuple[int, list[str]]:
        stage = Stage(kind="RL", objective=PolicyGradient(rollout=Rollout(prompts=8, **told)), steps=10)
        found = assumed_sequence(stage, gpt(context_length=16_384))
        return found, sequence_said(stage, found)

    said = "sequence length not known; {} is assumed{}".format
    assert assumed() == (4096, [said("4,096", "")])
    # 4,096 would say that nobody knew the answers' cap
    assert assumed(response=Lengths(cap=8192)) == (4096, [said("4,096", ", of at most 8,192 of an answer")])
    assert assumed(response=Lengths(cap=1024)) == (1024, [said("1,024", ", of at most 1,024 of an answer")])
    known = {"prompt": Lengths(mean=400), "response": Lengths(mean=1500, cap=6144)}
    assert assumed(**known) == (1900, [said("1,900", ", the mean of a prompt and an answer")])


def test_what_the_planner_sets_wins() -> None:
    time = projected(accelerator="other", mfu=0.5, usd_per_hour=2.0, devices=100).stages[0].time
    assert time is not None
    assert (time.accelerator, time.basis, time.devices) == ("other", "given", 100)
    assert time.cost is not None
    assert time.cost.value == 2.0 * time.hours.value
    assert time.days is not None
    # one division more or less: roundings
    assert time.days.value == pytest.approx(time.hours.value / 2400, rel=1e-15)
    assert time.published_hours is None


def test_an_unknown_accelerator_names_the_stage() -> None:
    with pytest.raises(ValueError, match=r"stage pt: no accelerator is called 'abacus'"):
        projected(accelerator="abacus")


def test_tokens_cannot_be_given_twice() -> None:
    with pytest.raises(ValueError, match="not all three"):
        msgspec.convert({**msgspec.to_builtins(PRE_TRAINED), "tokens": 5}, Stage)


def test_stages_and_their_order_must_match() -> None:
    kept: dict[str, Any] = msgspec.to_builtins(recipe(pt=PRE_TRAINED, sft=TUNED))
    with pytest.raises(ValueError, match="is not in `order`"):
        msgspec.convert({**kept, "order": kept["order"][:1]}, Recipe)
    with pytest.raises(ValueError, match="which is not in `stages`"):
        msgspec.convert({**kept, "order": [*kept["order"], "rl"]}, Recipe)


def test_two_histories_add_up() -> None:
    both = recipe(pt=PRE_TRAINED, cpt=msgspec.structs.replace(PRE_TRAINED, kind="CPT"))
    once, twice = projected(SPARSE).totals, projected(SPARSE, both).totals
    assert once.hours is not None
    assert twice.hours is not None
    assert (twice.hours.low, twice.hours.value, twice.hours.high) == tuple(
        2 * v for v in (once.hours.low or np.nan, once.hours.value, once.hours.high or np.nan)
    )
    found = add_totals(once, once, "base")
    assert found.hours == twice.hours
    assert found.cost == twice.cost
    assert found.tokens == twice.tokens


def test_the_work_of_an_answer_is_that_of_its_mean_length() -> None:
    """However long the longest sequence may be, answers of 2,000 tokens behind prompts of 300 are 2,300 tokens."""
    network = gpt(context_length=65_536)

    def per_token(length: int | None, **told: Any) -> float:
        objective = PolicyGradient(method="grpo", rollout=Rollout(prompts=8, **told))
        stage = Stage(kind="RL", objective=objective, tokens=1e9, sequence_length=length)
        (only,) = projected(network, recipe(rl=stage)).stages
        return only.flops_per_token

    known = {"response": Lengths(mean=2000, cap=3700)}
    convention = FLOP_CONVENTIONS["causal"]
    mean = training_flops_per_token(network, 2300, convention) + forward_flops_per_token(network, 2300, convention)
    # two products and a sum: a few roundings
    assert [per_token(n, **known) for n in (4096, 33_792)] == pytest.approx([mean, mean], rel=1e-12)
    # nobody said how long they are: the longest it is
    assert per_token(33_792, response=Lengths(cap=3700)) > 1.2 * per_token(4096, response=Lengths(cap=3700))
