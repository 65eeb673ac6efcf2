"""Every stage of a plan can be trained: rates and batches are bounded by what others published, and said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import lehr
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import dispatch, main
from lehr.recipes.planning.published import published_stages
from lehr.simulators.planning.published import PublishedStage, extent, like_size, of_kind

PUBLISHED = published_stages(Catalogue())


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plan(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert dispatch(["plan", *words, "format=json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


GRID = [
    [f"flops={flops:g}", *more]
    for flops in (1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25)
    for more in ([], ["network=moe"], [f"unique_tokens={flops**0.5 / 4:g}"], ["stages={pt: 1.0}"])
] + [["flops=1e22", "base=qwen2_5_coder_7b"], ["days=30", "devices=512", "base=starcoder2_15b"]]


@pytest.mark.slow
@pytest.mark.parametrize("words", GRID, ids=" ".join)
def test_the_peak_is_in_the_range_of_published_recipes_or_of_the_laws_own_runs(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = plan(capsys, *words)
    first = next(iter(found["settings"].values()))
    advice = first["evidence"]["peak"]
    kinds = ["CPT"] if first["kind"] == "CPT" else ["PT"]
    size, active = found["chosen"]["parameters"], found["chosen"]["active"]
    mixture = found["chosen"]["expansion"] > 1
    like = of_kind([s for s in PUBLISHED if s.kind in kinds], "peak", size, mixture=mixture)
    known = extent(like_size(like, kinds, "peak", size, active if mixture else None), "peak")
    assert known is not None
    # three digits of a rate
    if advice["outside"]:
        assert known[0] * 0.995 <= first["peak"] <= known[1] * 1.005
    bound = advice["value"] != advice["rule_value"]
    if bound and max(advice["value"], advice["rule_value"]) > 1.25 * min(advice["value"], advice["rule_value"]):
        assert any("peak" in worry["says"] and worry["kind"] == "bound" for worry in found["worries"])


STAGES = "stages={pt: 0.8, cpt: 0.05, ann: 0.06, repo_pt: 0.03, sft: 0.03, rl: 0.03}"


@pytest.mark.slow
def test_every_stage_has_all_that_a_trainer_needs(capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, "flops=1e23", "devices=256", STAGES)
    assert list(found["settings"]) == ["pt", "cpt", "ann", "repo_pt", "sft", "rl"]
    before = None
    for name, stage in found["recipe"]["stages"].items():
        settings = found["settings"][name]
        assert stage["tokens"] > 0
        assert stage["batch"]["sequences"] % 8 == 0
        assert stage["schedule"]["peak"] > 0
        assert set(stage["optimizer"]) == {"kind", "beta1", "beta2", "epsilon", "weight_decay", "grad_clip"}
        assert settings["days"]["value"] > 0
        assert settings["usd"]["value"] > 0
        if name in ("cpt", "ann", "repo_pt"):
            assert stage["schedule"]["peak"] == before
        before = settings["final"]
    assert found["recipe"]["stages"]["repo_pt"]["sequence_length"] == 32768
    assert found["recipe"]["stages"]["rl"]["objective"]["group_size"] == 8
    for name in ("pt", "repo_pt", "sft"):
        assert found["settings"][name]["layout"] is not None
    assert sum(s["flops"] for s in found["settings"].values()) == pytest.approx(found["spent"], rel=1e-12)
    # a share of the hours: what runs at a lower utilisation does less work in them
    assert 0.9e23 < found["spent"] < 1e23
    first, rl = found["settings"]["pt"], found["settings"]["rl"]
    assert rl["hours"]["value"] / first["hours"]["value"] == pytest.approx(0.03 / 0.8, rel=1e-2)
    assert rl["steps"] * rl["objective"]["rollout"]["prompts"] * 8 * (300 + 768) == rl["tokens"]


@pytest.mark.slow
def test_a_base_is_continued_at_a_share_of_its_own_peak(capsys: pytest.CaptureFixture[str]) -> None:
    # Llama 2 7B was trained at 3e-4 (arXiv:2307.09288, section 2.2); Code Llama went on at 3e-4 (arXiv:2308.12950)
    found = plan(capsys, "flops=1e22", "base=llama_2_7b")
    peak = found["settings"]["cpt"]["evidence"]["peak"]
    rows = [s.of_peak for s in PUBLISHED if s.kind == "CPT" and s.of_peak is not None]
    assert "the base's 0.0003" in peak["rule"]
    assert min(rows) * 3e-4 <= peak["value"] <= 3e-4


@pytest.mark.slow
def test_the_tightest_of_several_budgets_binds(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("days=30", "devices=512", "size=7e9..15e9", "mfu=0.4", "usd_per_hour=2")
    by_days, by_money = plan(capsys, *words, "usd=2e6"), plan(capsys, *words, "usd=1e5")
    assert by_days["binding"] == "days"
    assert by_money["binding"] == "usd"
    assert by_days["days"]["value"] == pytest.approx(30, rel=1e-12)
    assert by_money["usd"]["value"] == pytest.approx(1e5, rel=1e-12)
    assert all(7e9 <= c["parameters"] <= 15e9 for c in by_days["candidates"])


@pytest.mark.slow
def test_the_first_screen_says_what_money_is_spent_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["plan", "days=30", "devices=512", "usd=2e6", "size=7e9..15e9"]) == 0
    said = capsys.readouterr().out
    for word in ("FLOP", "days", "USD", "H100", "AdamW", "peak rate", "batch", "published:", "worry", "outside",
                 "step_law_grids"):  # fmt: skip
        assert word in said
    # a screen of a terminal
    assert len(said.splitlines()) <= 40


@pytest.mark.slow
def test_report_and_cost_say_what_the_plan_says(tmp_path: Path) -> None:
    planned = lehr.plan(days=30, devices=64, compare_laws=[], name="mine", out=tmp_path)
    made = tmp_path / "plan" / "mine"
    projected = lehr.project("mine", config_dir=made)
    reported = projected.totals.hours
    costed = lehr.cost("mine", config_dir=made)
    assert planned.days is not None
    assert planned.usd is not None
    assert reported is not None
    # tokens are whole numbers in the recipe: a part in 10**11 of them
    assert reported.value == pytest.approx(planned.hours.value, rel=1e-9)
    assert reported.low == pytest.approx(planned.hours.low, rel=1e-9)
    # one loss at the end of a schedule of the law's kind, and one under the plan's own, with one interval each
    loss = projected.stages[-1].loss["besiroglu"]
    assert loss.value == pytest.approx(planned.plan.chosen.loss, rel=1e-9)
    assert planned.loss_interval is not None
    assert (loss.low, loss.high) == pytest.approx(planned.loss_interval, rel=1e-9)
    assert projected.totals.tokens == pytest.approx(planned.plan.chosen.tokens, rel=1e-9)
    assert projected.totals.cost is not None
    mfu = projected.stages[0].time.mfu if projected.stages[0].time is not None else None
    assert planned.layout is not None
    assert mfu is not None
    assert f"counted with {mfu.value:.0%}" in planned.fit
    assert costed.days.value == pytest.approx(planned.days.value, rel=1e-9)
    assert costed.dollars is not None
    assert costed.dollars.value == pytest.approx(planned.usd.value, rel=1e-9)


@pytest.mark.slow
def test_a_network_that_no_layout_holds_is_not_planned(tmp_path: Path) -> None:
    planned = lehr.plan(
        days=30, devices=16, network="either", unique_tokens=90e9, compare_laws=[], name="mine", out=tmp_path
    )
    assert planned.layout is not None
    assert "no layout on the devices holds that" in next(w.says for w in planned.worries if w.kind == "machine")
    # its recipe knows that data repeats
    stages = lehr.load_recipe("mine", config_dir=tmp_path / "plan" / "mine").stages.values()
    unique = sum(stage.n_tokens / stage.epochs for stage in stages)
    assert unique == pytest.approx(90e9, rel=1e-6)


@pytest.mark.slow
def test_a_second_plan_leaves_the_first_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for flops in ("1e21", "1e22", "1e21"):
        assert dispatch(["plan", f"flops={flops}"]) == 0
    assert sorted(p.name for p in Path("outputs/plan").iterdir()) == ["my_plan", "my_plan_2"]
    capsys.readouterr()


@pytest.mark.slow
@pytest.mark.parametrize("words", [["flops=1e28"], ["flops=1e22", "network=moe", "expansions=[1000]"]], ids=" ".join)
def test_where_no_law_reaches_the_first_line_says_so(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["plan", *words]) == 0
    assert capsys.readouterr().out.startswith("No law reaches here")


def test_networks_of_a_like_size_are_the_nearest_where_few_are_near() -> None:
    rows = [PublishedStage(model=f"{n}", stage="pt", kind="PT", size=n * 1e9, peak=1e-3 / n) for n in (1, 2, 3, 70)]
    assert [r.model for r in like_size(rows, ["PT"], "peak", 60e9)] == ["70", "3", "2", "1"]
    assert like_size(rows, ["RL"], "peak", 60e9) == []
    assert extent([], "peak") is None


@pytest.mark.slow
def test_a_device_of_which_no_run_published_a_utilisation_is_planned_by_its_layout(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert not Catalogue().accelerators["mi300x"].mfu
    found = lehr.plan(days=30, devices=64, accelerator="mi300x", out=tmp_path)
    again = lehr.cost("my_plan", config_dir=tmp_path / "plan" / "my_plan")
    assert found.days is not None
    assert again.days.value == pytest.approx(found.days.value, rel=1e-9)
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(["plan", "flops=1e22", "accelerator=mi300x"])
    assert (left.value.code, "mi300x has no published utilisation in bf16" in capsys.readouterr().err) == (2, True)


@pytest.mark.slow
def test_a_plan_counts_on_no_more_than_half_of_the_published_runs_reached() -> None:
    device = Catalogue().accelerators["a100_80gb"]
    found = lehr.plan(days=30, devices=64, accelerator="a100", compare_laws=[])
    reached = found.spent / (found.hours.value * 3600 * device.peak["bf16"])
    assert reached == pytest.approx(device.mfu["dense"].central)
    assert "MFU 6" in found.fit


@pytest.mark.slow
def test_heads_that_share_one_of_keys_and_values_are_a_worry(capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, "days=3", "devices=8", "base=starcoderbase_1b")
    assert [w for w in found["worries"] if w["kind"] == "heads" and "share 1 of keys and values" in w["says"]]


@pytest.mark.slow
def test_a_limit_of_memory_is_not_met_by_fewer_heads_of_keys_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["plan", "days=30", "devices=64", "memory=24GB", "cache_tokens=128k"]) == 0
    assert "of keys and values" not in capsys.readouterr().out
    model = yaml.safe_load(Path("outputs/plan/my_plan/model/my_plan.yaml").read_text(encoding="utf-8"))
    mixer = model["architecture"]["blocks"]["decoder"]["mixer"]
    assert (mixer["n_heads"] % 8, mixer["n_kv_heads"], mixer["d_head"]) == (0, 8, 128)


@pytest.mark.slow
def test_of_a_base_the_tokens_that_are_known_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, "days=3", "devices=8", "base=llama_3_1_8b")
    assert [w for w in found["worries"] if w["kind"] == "base" and "at least 15T tokens" in w["says"]]
