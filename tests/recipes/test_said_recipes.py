"""What a recipe can say of adapters, teachers, passes over data, bases and rollouts, and what follows."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

import lehr
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.costing.result import Costed
from lehr.recipes.costing.text import as_text as cost_text
from lehr.recipes.presenting.numbers import dollars, estimate
from lehr.recipes.presenting.yaml import as_yaml
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.headline import headline
from lehr.recipes.report.stages import as_stated
from lehr.simulators.projection.project import Assumptions, Projection, StageProjection

STAGE = {
    "kind": "SFT", "objective": {"kind": "supervised"}, "sequence_length": 4096, "batch": {"sequences": 128},
    "hardware": {"accelerator": "h100_sxm", "count": 8, "precision": "bf16"},
}  # fmt: skip


def project(folder: Path, model: str, stage: dict[str, object], law: str = "besiroglu", **more: object) -> Projection:
    recipe = {
        "name": "mine", "model": model, "order": ["one"], "stages": {"one": {**STAGE, **stage}}, **more,
        "provenance": {"default": {"origin": "assumed", "note": "ours"}},
    }  # fmt: skip
    (folder / "recipe").mkdir(parents=True, exist_ok=True)
    (folder / "recipe" / "mine.yaml").write_bytes(as_yaml(recipe))
    assert load_yaml(folder / "recipe" / "mine.yaml")["model"] == model
    return lehr.report(model, recipe="mine", law=law, config_dir=folder).projection


def test_updates_follow_from_examples_epochs_and_batch(tmp_path: Path) -> None:
    one = project(tmp_path, "starcoder2_15b", {"examples": 100_000, "epochs": 3}).stages[0]
    assert (one.steps, one.step_bound) == (2344, None)
    row = as_stated(lehr.report("starcoder2_15b", recipe="mine", law="besiroglu", config_dir=tmp_path)).rows[0]
    assert (row[5].text, row[5].below) == ("2,344", "examples × epochs / sequences")
    # of a recipe of one's own nothing was to be read or published
    assert not [cell.text for cell in row if cell.text in ("not read", "not published")]


@pytest.mark.slow
def test_examples_passes_and_a_length_are_the_most_tokens(tmp_path: Path) -> None:
    """Every example as long as the sequence: tokens, work, hours and money are at most those."""
    told = {"examples": 100_000, "epochs": 3}
    one = project(tmp_path, "starcoder2_15b", told, base={"model": "starcoder2_15b"}).stages[0]
    assert (one.tokens, one.bound, one.padded) == (100_000 * 3 * 4096, "at most", True)
    data = lehr.report("starcoder2_15b", recipe="mine", law="besiroglu", config_dir=tmp_path)
    cell = as_stated(data).rows[0][2]
    assert (cell.text, cell.below) == ("≤ 1.229B", "padded, 100,000 examples, 3 epochs")
    cards = {card.label: card for card in headline(data)}
    assert cards["Training tokens"].value == "≤ 1.229B"
    assert "one at most, padded: every example as long as the sequence" in cards["Training tokens"].lines
    assert "after 4.3T tokens of starcoder2_15b" in cards["Training tokens"].lines
    assert cards["Training FLOPs"].value.startswith("≤ ")
    # the interval of the utilisation lies on both sides of a number, which is then no bound
    for label in ("Accelerator-hours", "Cost"):
        assert "≤" not in cards[label].value
        assert cards[label].lines[0].endswith(" at the most tokens")
    costed = cost_text(lehr.cost("starcoder2_15b", recipe="mine", config_dir=tmp_path))
    assert " USD at the most tokens" in costed
    assert "at most 1,228,800,000 tokens" in costed
    open_ended = {"examples": {"at_least": 100_000}, "epochs": 3}
    assert project(tmp_path, "starcoder2_15b", open_ended).stages[0].tokens is None
    assert project(tmp_path, "starcoder2_15b", {"examples": 100_000}).stages[0].tokens is None


def test_a_base_without_tokens_has_those_of_its_own_recipe(tmp_path: Path) -> None:
    stage = {"kind": "CPT", "objective": {"kind": "next_token"}, "tokens": 1e11}
    found = project(tmp_path, "starcoder2_15b", stage, base={"model": "starcoder2_15b"}).stages[0]
    assert found.cumulative_tokens == pytest.approx(4.3e12 + 1e11)
    assert "4.3e+12 tokens by its own recipe" in found.warnings[0]
    data = lehr.report("starcoder2_15b", recipe="mine", law="besiroglu", config_dir=tmp_path)
    assert "after 4.3T tokens of starcoder2_15b" in headline(data)[1].lines


@pytest.mark.slow
def test_a_base_of_another_architecture_is_remarked_on(tmp_path: Path) -> None:
    stage = {"kind": "CPT", "objective": {"kind": "next_token"}, "tokens": 1e11}
    for upcycled in (False, True):
        base = {"model": "starcoder2_15b", "tokens": 4.3e12, "upcycled": upcycled}
        found = project(tmp_path, "deepseek_v3", stage, base=base)
        assert any("another architecture" in line for line in found.stages[0].warnings) is not upcycled
        # what does not fit is no history: neither of tokens and loss, nor of work
        assert bool(found.stages[0].loss) is upcycled
        assert (found.totals_with_base is not None) is upcycled
        data = lehr.report("deepseek_v3", recipe="mine", law="besiroglu", config_dir=tmp_path)
        after = "after 4.3T tokens of starcoder2_15b"
        assert headline(data)[1].lines[-1] == (
            after if upcycled else "not after starcoder2_15b: its weights do not fit"
        )


@pytest.mark.slow
def test_states_beyond_the_memory_of_all_devices_are_refused(tmp_path: Path) -> None:
    stage = {"kind": "PT", "objective": {"kind": "next_token"}, "tokens": 1e11}
    said = "does not fit: 16 bytes of states a parameter are 10.7 TB, {:,} × h100_sxm have {} TB; write at least"
    for devices, memory in ((64, "5.47"), (2048, None)):
        hardware = {"accelerator": "h100_sxm", "count": devices, "precision": "bf16"}
        found = project(tmp_path, "deepseek_v3", {**stage, "hardware": hardware}).stages[0].warnings
        line = [word for word in found if word.startswith("does not fit")]
        assert [word.partition(" devices=")[0] for word in line] == [said.format(devices, memory)] * (
            memory is not None
        )
        with pytest.raises(lehr.LehrError, match="one does not fit") if line else nullcontext():
            lehr.cost("deepseek_v3", recipe="mine", config_dir=tmp_path)
        adapter = {"adapter": {"kind": "lora", "rank": 16}}
        found = project(tmp_path, "deepseek_v3", {**stage, **adapter, "hardware": hardware}).stages[0].warnings
        assert not any(word.startswith("does not fit") for word in found)


def test_repeated_tokens_are_worth_less_by_the_law_that_knows_them(tmp_path: Path) -> None:
    stage = {"kind": "PT", "objective": {"kind": "next_token"}, "tokens": 50e9, "sequence_length": 2048}
    losses = [
        project(tmp_path, "santacoder", {**stage, "epochs": epochs}, law="muennighoff").stages[0].loss["muennighoff"]
        for epochs in (1, 40)
    ]
    assert [round(loss.value, 3) for loss in losses] == [2.455, 2.710]
    other = project(tmp_path, "santacoder", {**stage, "epochs": 40}).stages[0]
    assert round(other.loss["muennighoff"].value, 3) == 2.710
    assert "besiroglu" not in other.loss
    assert any("knows no repeats" in line for line in other.warnings)


@pytest.mark.slow
def test_repeats_are_judged_by_their_law_and_by_no_law_of_new_tokens(tmp_path: Path) -> None:
    stage = {"kind": "PT", "objective": {"kind": "next_token"}, "tokens": 50e9, "sequence_length": 2048, "epochs": 40}
    project(tmp_path, "santacoder", stage)
    lehr.report("santacoder", recipe="mine", config_dir=tmp_path, out=tmp_path / "out")
    page = next(tmp_path.glob("out/**/report.md")).read_text()
    said = page.partition("## Is it compute-optimal?")[2].partition("##")[0]
    assert "1.25B tokens are seen 40 times, of which laws of new tokens say nothing" in said
    assert "times the data: loss 2.710" in said


def test_frozen_weights_take_two_of_three_passes_and_an_adapter_its_own(tmp_path: Path) -> None:
    plain = project(tmp_path, "starcoder2_15b", {"tokens": 1e9}).stages[0].flops_per_token
    adapter = {"kind": "lora", "rank": 16, "alpha": 32, "targets": ["q", "v"]}
    found = project(tmp_path, "starcoder2_15b", {"tokens": 1e9, "adapter": adapter}).stages[0]
    # 40 layers, q from 6,144 to 6,144 and v from there to 512 features
    trained = 40 * 16 * ((6144 + 6144) + (6144 + 512))
    assert found.flops_per_token == pytest.approx(plain * 2 / 3 + 6 * trained)
    assert f"{trained:,} parameters" in found.warnings[0]


@pytest.mark.slow
def test_a_teacher_adds_its_forward_pass(tmp_path: Path) -> None:
    stage = {"kind": "PT", "tokens": 1e11, "sequence_length": 2048}
    plain = project(tmp_path, "santacoder", {**stage, "objective": {"kind": "next_token"}}).stages[0]
    taught = {"kind": "distillation", "teacher": "starcoder2_15b", "temperature": 2.0}
    found = project(tmp_path, "santacoder", {**stage, "objective": taught}).stages[0]
    assert found.flops_per_token - plain.flops_per_token == pytest.approx(2 * 15.7e9, rel=0.1)
    assert "vocabulary of 49,152 and not 49,280 tokens" in found.warnings[0]
    stored = project(tmp_path, "santacoder", {**stage, "objective": {**taught, "stored": True}}).stages[0]
    assert stored.flops_per_token == plain.flops_per_token


def test_a_stage_of_rollouts_has_hours_that_name_what_they_assume(tmp_path: Path) -> None:
    rollout = {"prompts": 128, "response": {"cap": 8192}, "generators": 4, "behind": 1}
    objective = {"kind": "policy_gradient", "method": "grpo", "group_size": 8, "rollout": rollout}
    stage = {"kind": "RL", "objective": objective, "steps": 200}
    # prompt and answer are one sequence of the stage
    with pytest.raises(lehr.LehrError, match=r"longer than the context of 4,096; write a cap of at most 3,796"):
        project(tmp_path, "qwen2_5_7b", stage)
    one = project(tmp_path, "qwen2_5_7b", {**stage, "sequence_length": 16_384}).stages[0]
    assert one.rollout is not None
    assert one.rollout.hours.low is not None
    assert one.rollout.assumed == ["prompts of 300 tokens", "answers of 2,048 tokens on average, a quarter of the cap"]


@pytest.mark.parametrize(
    ("rollout", "says"),
    [
        ({"response": {"mean": -5}}, "response.mean"),
        ({"response": {"mean": 500, "cap": 100}}, "below the mean"),
        ({"generators": 0}, "generators"),
        ({"verifier": {"seconds": 4}}, "cpus"),
        ({"prompts": 8, "generators": 8}, "leave none to train"),
    ],
)
def test_rollouts_that_cannot_be_are_refused(tmp_path: Path, rollout: dict[str, object], says: str) -> None:
    objective = {"kind": "policy_gradient", "group_size": 8, "rollout": rollout}
    with pytest.raises(lehr.LehrError, match=says):
        project(tmp_path, "qwen2_5_7b", {"kind": "RL", "objective": objective, "steps": 200})


@pytest.mark.slow
def test_a_recipe_of_ones_own_runs_at_the_utilisation_of_its_fastest_layout(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").write_text("""
name: mine
model: qwen3_coder_30b_a3b
order: [pt]
stages:
  pt:
    kind: PT
    objective: {kind: next_token}
    tokens: 1e12
    sequence_length: 4096
    batch: {sequences: 1024}
    hardware: {accelerator: h100_sxm, count: 64, precision: bf16}
provenance:
  default: {origin: assumed, note: our own}
""")
    time = lehr.project("mine", config_dir=tmp_path).stages[0].time
    layout = lehr.layout("qwen3_coder_30b_a3b", recipe="mine", config_dir=tmp_path).best
    assert time is not None
    assert layout is not None
    assert (time.basis, time.mfu.value) == ("fastest", layout.mfu["causal"])
    # 42.9 % of published mixtures is beyond it
    assert time.mfu.value < 0.25
    assert time.hours.high == pytest.approx(2.5 * time.hours.value)
    given = lehr.project("mine", None, Assumptions(fallback="h100_sxm", mfu=0.23), config_dir=tmp_path).stages[0].time
    assert given is not None
    assert (given.basis, given.mfu.value) == ("given", 0.23)


@pytest.mark.slow
def test_a_dense_recipe_of_ones_own_runs_as_published_ones_did_where_its_layout_is_faster(tmp_path: Path) -> None:
    hardware = {"accelerator": "h100_sxm", "count": 64, "precision": "bf16"}
    stage = {"kind": "PT", "objective": {"kind": "next_token"}, "tokens": 1e12, "batch": {"sequences": 1024},
             "sequence_length": 4096, "hardware": hardware}  # fmt: skip
    time = project(tmp_path, "llama_3_1_8b", stage).stages[0].time
    assert time is not None
    assert time.fastest is not None
    published = Catalogue().accelerators["h100_sxm"].mfu["dense"]
    assert (time.basis, time.mfu.value) == ("assumed", published.central)
    assert time.fastest.central > published.central


@pytest.mark.slow
def test_hours_of_a_report_have_the_rollouts_of_which_nothing_else_is_known(tmp_path: Path) -> None:
    """As those of its cost: SFT with so many tokens, and GRPO in steps."""
    rollout = {"prompts": 128, "response": {"cap": 8192}}
    rl = {**STAGE, "kind": "RL", "steps": 500, "sequence_length": None, "batch": None,
          "objective": {"kind": "policy_gradient", "method": "grpo", "group_size": 16, "rollout": rollout}}  # fmt: skip
    sft = {**STAGE, "examples": 50_000, "epochs": 2}
    project(tmp_path, "qwen2_5_7b", {}, order=["sft", "rl"], stages={"sft": sft, "rl": rl})
    data = lehr.report("qwen2_5_7b", recipe="mine", config_dir=tmp_path)
    tuned, rolled = data.projection.stages
    assert (rolled.time, tuned.rollout) == (None, None)
    both = tuned.time.hours + rolled.rollout.hours
    cards = {card.label: card for card in headline(data)}
    # the most of the one and an estimate of the other are no most
    assert cards["Training tokens"].value.startswith("≤ ")
    assert cards["Accelerator-hours"].value == estimate(both.value)
    assert any(line.startswith("rl by rollouts") for line in cards["Accelerator-hours"].lines)
    spent = tuned.time.cost + rolled.rollout.cost
    assert cards["Cost"].value == dollars(spent.value)
    assert "GRPO; group size 16; 128 prompts a step; answers of at most 8,192" in as_stated(data).rows[1][1].text


@pytest.mark.slow
@pytest.mark.parametrize(
    "without", [{}, {"prompt": {"cap": 1024}}, {"prompt": {"mean": 300}}, {"sequence_length": None}]
)
def test_known_answers_make_the_rollouts_the_centre_whatever_else_is_said(
    tmp_path: Path, without: dict[str, object]
) -> None:
    """Hours and money of report and cost are those of the rollouts, and no most stands anywhere."""
    stage, found, costed = _answering(tmp_path, {"mean": 1500, "cap": 6144}, without)
    assert stage.rollout is not None
    assert stage.time is not None
    assert (stage.time.basis, stage.bound, stage.hours_bound) == ("rollouts", None, None)
    assert stage.time.hours.value == pytest.approx(15.8, rel=0.02)
    assert costed.stages[0].hours == stage.time.hours
    assert not any(card.value.startswith("≤") for card in headline(found))
    assert "at most" not in cost_text(costed)


@pytest.mark.slow
def test_no_most_stands_beside_an_expectation_above_it(tmp_path: Path) -> None:
    """Of answers whose cap alone is known the tokens are at most so many; hours are an estimate that holds both."""
    stage, found, costed = _answering(tmp_path, {"cap": 6144}, {})
    assert stage.time is not None
    assert stage.rollout is not None
    assert (stage.bound, stage.hours_bound, stage.time.basis) == ("at most", None, "rollouts")
    assert stage.time.hours.value == stage.rollout.hours.value
    cards = {card.label: card.value for card in headline(found)}
    assert cards["Training tokens"].startswith("≤")
    assert not cards["Accelerator-hours"].startswith("≤")
    assert not cards["Cost"].startswith("≤")
    assert "at most" not in cost_text(costed)
    assert costed.stages[0].hours == stage.time.hours
    (said,) = (word for word in stage.warnings if word.startswith("hours by its rollouts"))
    assert "each as long as it may be" in said


def _answering(
    folder: Path, response: dict[str, object], more: dict[str, object]
) -> tuple[StageProjection, ReportData, Costed]:
    """A stage of GRPO on sixteen devices, its report and its cost."""
    rollout: dict[str, object] = {"prompts": 64, "response": response, "updates": 4}
    if "prompt" in more:
        rollout["prompt"] = more["prompt"]
    stage = {
        **STAGE, "kind": "RL", "steps": 200, "sequence_length": more.get("sequence_length", 7168),
        "objective": {"kind": "policy_gradient", "method": "grpo", "group_size": 8, "rollout": rollout},
        "hardware": {"accelerator": "h100_sxm", "count": 16, "precision": "bf16"},
    }  # fmt: skip
    one = project(folder, "qwen2_5_7b", stage, base={"model": "qwen2_5_7b"}).stages[0]
    told = lehr.report("qwen2_5_7b", recipe="mine", config_dir=folder)
    return one, told, lehr.cost("qwen2_5_7b", recipe="mine", config_dir=folder)
