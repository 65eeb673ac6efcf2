"""`lehr plan` writes a recipe that `lehr report` takes, and says the same as it."""

from __future__ import annotations

import json
from itertools import pairwise
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.recipes.planning.run import within
from lehr.recipes.planning.why import why_lines
from lehr.simulators.laws import DataConstrained
from lehr.simulators.planning.choosing import choose, rung_of
from lehr.simulators.planning.ladder import ladder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert dispatch([*words, "format=json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


EVERY_STAGE = "stages={pt: 0.8, cpt: 0.05, ann: 0.06, repo_pt: 0.03, sft: 0.03, rl: 0.03}"
PLANS = [
    ["flops=1e22", "mfu=0.4"],
    ["days=30", "devices=64", "mfu=0.4", "stages={pt: 0.8, ann: 0.1, sft: 0.05, rl: 0.05}"],
    ["usd=1e6", "accelerator=h200", "network=moe", "mfu=0.3"],
    ["hours=1e4", "base=starcoder2_7b", "mfu=0.4"],
    ["flops=1e22", "mfu=0.4", "stages={pt: 1.0}"],
    ["days=30", "devices=64", EVERY_STAGE],
    # on whose devices the layout of pre-training does not divide the batch of fine-tuning
    ["days=30", "devices=512", "stages={pt: 0.9, sft: 0.1}"],
    ["usd=1e5", "mfu=0.4", "stages={pt: 0.9, rl: 0.1}"],
]


@pytest.mark.slow
@pytest.mark.parametrize("words", PLANS, ids=" ".join)
def test_the_report_of_a_plan_says_what_the_plan_says(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    plan = printed(capsys, "plan", *words)
    assert dispatch(["plan", *words]) == 0
    # a utilisation that was given is in the recipe
    report = printed(capsys, "report", "--config-dir", "outputs/plan/my_plan", "model=my_plan")
    assert report["totals"]["hours"]["value"] == pytest.approx(plan["accelerator_hours"], rel=1e-8)
    chosen = plan["chosen"]
    assert report["parameters"]["total"] == chosen["parameters"]
    assert {s["name"]: s["tokens"] for s in report["stages"]} == pytest.approx(plan["stages"], abs=0.5)
    # tokens are whole in the recipe: one token of the smallest stage is 1e-8 of it at most
    assert report["totals"]["flops"] == pytest.approx(plan["spent"], rel=1e-8)
    for stage in report["stages"]:
        own = plan["settings"][stage["name"]]
        assert stage["time"]["hours"]["value"] == pytest.approx(own["hours"]["value"], rel=1e-8)
        # a stage's share is one of the hours, whatever it does with them; steps of answers are whole
        left = 0.0 if own["rollout"] is None else 1.1 / own["steps"]
        assert own["hours"]["value"] == pytest.approx(own["share"] * plan["accelerator_hours"], rel=1e-3 + left)
    losses = [s["loss"]["besiroglu"] for s in report["stages"] if "besiroglu" in s["loss"]]
    if chosen["expansion"] == 1:
        last, own = losses[-1], report["forecast"]["stages"][-1]
        assert last["value"] == pytest.approx(chosen["loss"], rel=1e-9)
        assert [last["low"], last["high"]] == pytest.approx(plan["loss_interval"], rel=1e-9)
        for side in ("loss", "low", "high"):
            assert own[side] == pytest.approx(plan["forecast"][side], rel=1e-9)
    else:
        # the plan reads a mixture by its own law, within the dense models of its active and total size
        assert losses[-1]["low"] < chosen["loss"] < losses[-1]["high"]


@pytest.mark.slow
def test_reinforcement_learning_takes_the_time_of_its_rollouts(capsys: pytest.CaptureFixture[str]) -> None:
    """Report, cost and rollout say the same of a planned stage of answers: interval, money, seconds of a step."""
    assert dispatch(["plan", "days=30", "devices=64", EVERY_STAGE, "compare_laws=[]"]) == 0
    plan = json.loads(Path("outputs/plan/my_plan/plan.json").read_text())
    own, steps = plan["settings"]["rl"], plan["recipe"]["stages"]["rl"]["steps"]
    where = ["--config-dir", "outputs/plan/my_plan", "model=my_plan"]
    report, cost = printed(capsys, "report", *where), printed(capsys, "cost", *where)
    time = next(s for s in report["stages"] if s["name"] == "rl")["time"]
    assert [time["hours"][end] for end in ("low", "value", "high")] == pytest.approx(
        [own["hours"][end] for end in ("low", "value", "high")], rel=1e-9
    )
    assert time["basis"] == "rollouts"
    assert next(s for s in cost["stages"] if s["name"] == "rl")["basis"] == "rollouts"
    assert cost["days"]["value"] == pytest.approx(plan["days"]["value"], rel=1e-8)
    assert cost["dollars"]["value"] == pytest.approx(plan["usd"]["value"], rel=1e-8)
    asked = own["objective"]["rollout"]
    step = printed(
        capsys, "rollout", *where, "devices=64", f"prompts={asked['prompts']}",
        f"samples={own['objective']['group_size']}", "prompt_length=300", "response_length=768",
        f"response_cap={asked['response']['cap']}",
    )["step"]["seconds"]["value"]  # fmt: skip
    assert own["hours"]["value"] == pytest.approx(steps * step * 64 / 3600, rel=1e-9)


@pytest.mark.slow
def test_the_folder_holds_what_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    dispatch(["plan", "flops=1e22", "name=mine"])
    folder = Path("outputs/plan/mine")
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == [
        ".lehr.json", "model/mine.yaml", "plan.html", "plan.json", "plots/ladder.png", "plots/ladder.svg",
        "plots/plane.png", "plots/plane.svg", "recipe/mine.yaml",
    ]  # fmt: skip
    first = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    dispatch(["plan", "flops=1e22", "name=mine"])
    assert first == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert "next: lehr report --config-dir outputs/plan/mine model=mine" in capsys.readouterr().out


@pytest.mark.slow
def test_continued_pre_training_counts_what_the_base_has_seen(capsys: pytest.CaptureFixture[str]) -> None:
    plan = printed(capsys, "plan", "flops=1e22", "base=starcoder2_7b")
    assert plan["recipe"]["base"]["tokens"] > 3e12
    assert plan["recipe"]["stages"]["cpt"]["data"]["replay"] == pytest.approx(plan["replay"]["share"], abs=5e-7)
    assert plan["chosen"]["parameters"] == 7_173_923_840


@pytest.mark.slow
def test_a_continuation_that_harms_its_base_is_the_first_worry(capsys: pytest.CaptureFixture[str]) -> None:
    # 22B tokens after 15T, warmed up to half of the base's peak and down again
    words = ("days=3", "devices=8", "base=llama_3_8b")
    plan = printed(capsys, "plan", *words)
    assert plan["worries"][0]["kind"] == "harm"
    assert "llama_3_8b may be worse for it: 2.022 nats/token before" in plan["worries"][0]["says"]
    assert dispatch(["plan", *words]) == 0
    assert "cpt: 4.1% of the tokens are old data, by ibrahim_slimpajama_405m" in capsys.readouterr().out
    assert dispatch(["plan", *words, "replay_rise=1"]) == 0
    assert capsys.readouterr().out.startswith("Written as my_plan_2: my_plan holds the plan of another command.\n")


def test_where_one_network_wins_everywhere_the_sizes_beside_it_are_said() -> None:
    catalogue = Catalogue()
    law = catalogue.surface("besiroglu")
    networks = ladder(vocab_size=128256, context_length=4096)
    plan = choose({key: rung_of(network, 4096) for key, network in networks.items()}, 3e20, law)
    alone = [msgspec.structs.replace(c, wins=float(c is plan.chosen)) for c in plan.candidates]
    told = SimpleNamespace(
        rival=None, size=None, plan=msgspec.structs.replace(plan, candidates=alone), own_optimum=None, law=law
    )
    assert why_lines(told)[0] == "Why: networks of 1.03B to 1.84B active parameters lose less than 0.005 nats/token."  # type: ignore[arg-type]


def test_one_size_takes_the_nearest_network_whatever_the_budget_wants() -> None:
    networks = ladder((1, 4), vocab_size=128256, context_length=4096)
    rungs = {key: rung_of(network, 4096) for key, network in networks.items()}
    for asked in (1e9, 7e9, 3.1e10):
        kept = within((asked, asked), rungs)
        for expansion in (1, 4):
            totals = [key[0] for key in rungs if key[1] == expansion]
            (own,) = [key[0] for key in kept if key[1] == expansion]
            assert abs(log(own / asked)) == min(abs(log(n / asked)) for n in totals)
    assert within((1e9, 2e9), rungs) == {key: rung for key, rung in rungs.items() if 1e9 <= key[0] <= 2e9}


@pytest.mark.slow
@pytest.mark.parametrize(("size", "told"), [("4e9", True), ("8e9", False)])
def test_heads_that_one_trainer_refuses_are_a_worry(size: str, told: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["plan", "usd=20000", f"size={size}"]) == 0
    assert ("worry: its 24 heads are 3,072 wide together and not 3,200" in capsys.readouterr().out) == told


@pytest.mark.slow
@pytest.mark.parametrize("usd", [100, 20_000])
def test_a_plan_of_one_size_trains_it(usd: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["plan", f"usd={usd}", "size=1e9"]) == 0
    out = capsys.readouterr().out
    assert "Train 1.03B dense" in out
    assert "nearest to the 1B that size= says" in out


@pytest.mark.slow
def test_the_network_that_is_printed_is_the_base(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["plan", "flops=1e22", "base=starcoder2_15b"]) == 0
    # a network of the ladder as wide has 48
    assert "16B dense, 40 layers of 6,144," in capsys.readouterr().out


@pytest.mark.slow
def test_the_peak_rate_and_batch_are_the_laws(capsys: pytest.CaptureFixture[str]) -> None:
    plan = printed(capsys, "plan", "flops=1e21")
    law = {r["law"]: r for r in plan["rates"]}["step_law_grids"]
    pt, said = plan["recipe"]["stages"]["pt"], plan["settings"]["pt"]["evidence"]["peak"]
    # three digits; the law was tuned under a cosine, the plan's rate stays at its peak for nine tenths
    assert pt["schedule"]["peak"] == pytest.approx(said["value"], rel=5e-3)
    assert 0.45 < said["rule_value"] / law["peak_rate"] < 0.5
    # a multiple of at most a sixteenth of it, so half as much away
    assert pt["batch"]["sequences"] == pytest.approx(law["batch_tokens"] / 4096, rel=1 / 32)
    assert plan["recipe"]["stages"]["ann"]["schedule"] == {"kind": "linear", "peak": pt["schedule"]["peak"]}


@pytest.mark.slow
def test_a_cluster_is_asked_for_its_layout(capsys: pytest.CaptureFixture[str]) -> None:
    """Days are those of the layout that `lehr layout` finds for the same network, batch and devices."""
    plan = printed(capsys, "plan", "days=30", "devices=512", "size=7e9..15e9")
    assert plan["fit"].startswith("fits 512 devices at ")
    assert plan["days"]["value"] == pytest.approx(30, rel=1e-9)
    dispatch(["plan", "days=30", "devices=512", "size=7e9..15e9"])
    capsys.readouterr()
    layout = printed(
        capsys, "layout", "--config-dir", "outputs/plan/my_plan", "model=my_plan", "accelerator=h100_sxm",
        "devices=512", f"global_batch={plan['settings']['pt']['sequences']}", "sequence_length=4096",
    )  # fmt: skip
    mfu = layout["best"]["mfu"]["causal"]
    assert f"MFU {mfu:.0%} " in plan["fit"]
    # of the calendar days those that are not lost to failures
    counted = min(mfu, Catalogue().accelerators["h100_sxm"].mfu["dense"].central)
    assert 0.9 < plan["work"]["value"] / (30 * 86400 * 512 * 989.4e12 * counted) < 1
    with pytest.raises(LehrError, match=r"on 8 h100_sxm fits: .* write more devices, or a smaller size"):
        dispatch(["plan", "days=30", "devices=8", "size=60e9..70e9"])
    # a utilisation that is given stands
    given = printed(capsys, "plan", "days=30", "devices=512", "mfu=0.4")["work"]["value"]
    assert 0.9 < given / (30 * 86400 * 512 * 989.4e12 * 0.4) < 1


@pytest.mark.slow
def test_beyond_the_ladders_end_the_optimum_has_no_upper_bound(capsys: pytest.CaptureFixture[str]) -> None:
    dispatch(["plan", "flops=1e28"])
    said = capsys.readouterr().out
    assert "the law puts the optimum at 1.47T or more active parameters (95 %)" in said


@pytest.mark.slow
@pytest.mark.parametrize("law", ["besiroglu", "muennighoff"])
def test_a_larger_budget_never_gives_a_worse_loss(law: str, capsys: pytest.CaptureFixture[str]) -> None:
    budgets = ["1e18", "1e20", "1e22", "1e25"]
    plans = [printed(capsys, "plan", f"flops={b}", "unique_tokens=1e7", f"law={law}") for b in budgets]
    losses = [plan["chosen"]["loss"] for plan in plans]
    # the search ends within rounding of the same minimum
    assert all(after <= before * (1 + 1e-9) for before, after in pairwise(losses)), losses
    # what more epochs do not lower is not spent: neither in the stages nor in hours and money
    assert [plan["spent"] < plan["work"]["value"] for plan in plans[-2:]] == [True, True]
    assert plans[-1]["spent"] == pytest.approx(plans[-2]["spent"], rel=1e-3)
    assert plans[-1]["usd"]["value"] == pytest.approx(plans[-2]["usd"]["value"], rel=1e-3)
    last = plans[-1]
    assert sum(last["stages"].values()) == pytest.approx(last["chosen"]["tokens"], rel=1e-9)
    assert last["chosen"]["epochs"] < (40 if law == "besiroglu" else 110)


@pytest.mark.slow
def test_what_the_budget_has_too_much_is_said_first_hand(capsys: pytest.CaptureFixture[str]) -> None:
    dispatch(["plan", "flops=1e25", "unique_tokens=1e7"])
    said = capsys.readouterr().out
    assert (
        "and keep the rest of the budget: one more repeat of 1e+07 tokens is worth less than a tenth of fresh ones"
        in said
    )
    dispatch(["plan", "flops=1e21", "unique_tokens=5e9"])
    assert "keep the rest" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        (["days=30", "devices=64", "mfu=0.9"], "utilisation", "mfu=0.9 is given, and the fastest layout reaches 5"),
        (["flops=1e22", "mfu=0.9"], "utilisation", "published runs on NVIDIA H100 SXM5 80 GB reached 42% (35% to 47%)"),
        (["usd=2M", "devices=64"], "long", "434 days are longer than any published run (BLOOM: 118)"),
    ],
)
def test_the_first_worry_is_what_nobody_reached(
    words: list[str], kind: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    worry = printed(capsys, "plan", *words)["worries"][0]
    assert worry["kind"] == kind
    assert says in worry["says"]
    # what the layout reaches is none
    assert all(w["kind"] not in ("utilisation", "long") for w in printed(capsys, "plan", "days=30", "devices=64",
                                                                        "mfu=0.5")["worries"])  # fmt: skip


@pytest.mark.slow
def test_a_network_that_barely_fits_is_worried_about(capsys: pytest.CaptureFixture[str]) -> None:
    worry = printed(capsys, "plan", "days=30", "devices=64", "unique_tokens=90e9", "network=either")["worries"][0]
    assert worry["kind"] == "machine"
    assert "leave less free than the model of memory errs by" in worry["says"]


@pytest.mark.slow
def test_where_the_data_are_worth_less_than_the_budget_the_smallest_of_equals_is_planned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = printed(capsys, "plan", "flops=1e22", "unique_tokens=1e8")
    least = min(c["loss"] for c in plan["candidates"])
    equal = [c for c in plan["candidates"] if c["loss"] <= least + 5e-5]
    assert len(equal) > 3
    assert plan["chosen"]["parameters"] == min(c["parameters"] for c in equal)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["data_constrained", "overtraining"])
def test_a_law_of_ones_own_runs_goes_from_fit_to_plan_to_report(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    law = Catalogue().law("muennighoff")
    assert isinstance(law, DataConstrained)
    n, unique, epochs = (x.ravel() for x in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10], [1.0, 2, 4, 10, 30]))
    rows = zip(n, n * 20 if form == "overtraining" else unique * epochs, unique, strict=True)
    lines = ["n,d,unique_tokens,loss"]
    for size, tokens, fresh in rows:
        among = None if form == "overtraining" else fresh
        lines.append(f"{size},{tokens},{fresh if among else tokens},{float(law.loss(size, tokens, among))}")
    if form == "overtraining":
        lines = list(dict.fromkeys(lines)) + [f"{s},{t},{t},{float(law.loss(s, t))}" for s in (1e8, 1e9)
                                              for t in (5e9, 9e10)]  # fmt: skip
    Path("runs.csv").write_text("\n".join(lines) + "\n")
    columns = ["columns={unique: unique_tokens}"] if form == "data_constrained" else []
    assert dispatch(["fit", f"law={form}", "data=runs.csv", *columns, "bootstrap=20"]) == 0
    words = ["flops=1e22", "law=outputs/fit/runs/fit.yaml"]
    words += ["unique_tokens=25e9"] if form == "data_constrained" else []
    plan = printed(capsys, "plan", *words)
    assert dispatch(["plan", *words]) == 0
    told = capsys.readouterr().out
    # as it is printed: the law stands in the plan's folder
    report = printed(capsys, *told.rpartition("next: lehr ")[2].splitlines()[0].split())
    losses = report["stages"][-1]["loss"]
    assert next(iter(losses)) == "runs"
    assert losses["runs"]["value"] == pytest.approx(plan["chosen"]["loss"], rel=1e-9)
    assert [losses["runs"]["low"], losses["runs"]["high"]] == pytest.approx(plan["loss_interval"], rel=1e-9)
    if form == "data_constrained":
        assert plan["chosen"]["epochs"] == pytest.approx(9.49, rel=0.02)


def test_a_report_says_what_takes_a_law_of_another_form() -> None:
    for law, key in (("ludziejewski_joint", "moe_law"), ("tao_vocabulary", "vocabulary_law"), ("llama_3", "law"),
                     ("gadre_error_c4", "score_law")):  # fmt: skip
        with pytest.raises(LehrError, match=f"lehr plan takes it with {key}="):
            dispatch(["report", "model=starcoder", f"law={law}"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "one or more of flops"),
        (["flops=1e22", "days=3"], "days need devices"),
        (["flops=1e40"], "no law and no training reaches there"),
        (["flops=1e30"], "no law and no training reaches there"),
        (["flops=1e15"], "besiroglu reads 13 nats/token for 145M on 1.9M tokens, more than guessing among 128,256"),
        (["flops=1e22", "unique_tokens=1e6"], "more than guessing among 128,256 entries, 11.8; write a larger budget"),
        (["flops=1e20", "stages={pt: 80, ann: 20}"], r"write stages={pt: 0.8, ann: 0.2}, or 80% for 0.8"),
        (["flops=1e20", "stages={pt: best}"], r"will not do; write shares, {pt: 0.9, ann: 0.1}"),
        (["flops=1e20", "stages={pt: 80%, ann: 10%}"], "sum to 0.9"),
        (["flops=1e20", "vocab_size=10"], "vocab_size: 10 is below 256; write 256 to 4,000,000 entries"),
        (["days=1month", "devices=8"], "days: '1month' is no number of days; write days=30"),
        (["flops=1e22", "accelerator=h1000"], "did you mean h100_sxm"),
        (["flops=1e22", "network=moe", "expansions=[8000]"], "expansions"),
        (["flops=1e22", "size=15e9..7e9"], "smaller size first"),
        (["flops=1e22", "size=huge"], "is no range"),
        (["flops=1e22", "size=7.0e9..7.1e9"], "no network of the ladder has"),
        (["flops=1e22", "size=1e9..1.0001e9"], "write one of them, 892,052,096 or 1,034,537,728, or a wider range"),
        (["flops=1e22", "size=1e15"], "write one of them, 1,465,528,639,488, or"),
        (["flops=1e22", "hyper_laws=[minicpm_batch,kaplan_rate]", "law=muennighoff", "vocab_size=3"], "vocab_size"),
        (["flops=0"], "above 0"),
        (["flops=1e22", "network=sparse"], "network: 'sparse' is not known"),
        (["flops=1e22", "law=step_law"], "gives no loss"),
        (["flops=1e22", "accelerator=abacus"], "no accelerator is called"),
        (["flops=1e22", "stages={pt: 0.5}"], "sum to 0.5"),
        (["flops=1e22", "stages={pre: 1.0}"], "'pre' is no stage"),
        (["flops=1e22", "stages={sft: 1.0}"], "none pre-trains"),
        (["flops=1e21", "size=1T"], "tokens a parameter, where Megatron-Turing NLG"),
        (
            ["flops=1e22", "unique_tokens=25e9", "law=gadre_c4"],
            "repeats are worth less to gadre_c4",
        ),
        (["flops=1e18", "stages={pt: 0.99, rl: 0.01}"], "for rl buy no step, which takes"),
        (["flops=1e22", "base=claude"], "base|no model"),
        (["flops=1e22", "precision=fp64"], "no peak for fp64"),
        (["flops=1e22", "name=../x"], "cannot name a file"),
        (["flops=1e22", "moe_law=chinchilla", "network=moe"], "no joint law"),
        (["flops=1e22", "hyper_laws=[chinchilla]"], "no law of learning rate"),
        (["flops=1e22", "mfu=1.2"], "mfu"),
        (["flops=1e22", "format=xml"], "format"),
        (["days=1e300", "devices=1000"], "more than a number holds"),
        (["flops=1e22", "unique_tokens=1"], "unique_tokens"),
        (["flops=1e22", "base=starcoder2_7b", "network=moe"], "whose network is given"),
        (["flops=1e22", "base=starcoder2_7b", "replay_rise=-1"], "replay_rise"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(words: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(LehrError, match=says) as error:
        dispatch(["plan", *words])
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("devices", "network"), [(24, "moe"), (40, "dense"), (64, "dense"), (72, "dense"), (96, "moe")]
)
def test_an_export_takes_what_its_plan_makes_for_its_devices(
    devices: int, network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"devices={devices}", f"network={network}", "compare_laws=[]", EVERY_STAGE]
    assert dispatch(["plan", "days=30", *words]) == 0
    where = ["--config-dir", "outputs/plan/my_plan", "model=my_plan"]
    for to, stages in (
        ("trl", "pt,cpt,ann,repo_pt,sft"),
        ("llama_factory", "pt,sft"),
        ("verl", "rl"),
        ("ms_swift", "rl"),
    ):
        more = ["assume={kl: 0.001}"] if stages == "rl" else []
        capsys.readouterr()
        status = dispatch(["export", *where, f"to={to}", f"stages=[{stages}]", *more])
        assert (status, capsys.readouterr().err) == (0, "")
    if network == "dense":
        assert dispatch(["export", *where, "to=torchtitan", "stages=[pt,ann,repo_pt]"]) == 0


@pytest.mark.slow
def test_a_plan_says_where_its_devices_are_too_many_for_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["plan", "days=30", "devices=2048", "compare_laws=[]", "stages={pt: 0.97, rl: 0.03}"]) == 0
    said = next(line for line in capsys.readouterr().out.splitlines() if "told no layout" in line)
    fewer = said.split("devices=")[1].split(",")[0]
    where = ["--config-dir", "outputs/plan/my_plan", "model=my_plan", "to=verl", "stages=[rl]", "assume={kl: 0.001}"]
    with pytest.raises(LehrError, match="cannot be shared evenly by 2048 devices"):
        dispatch(["export", *where])
    assert dispatch(["export", *where, f"devices={fewer}"]) == 0


@pytest.mark.slow
def test_a_planned_mixture_says_what_its_step_takes_where_weights_are_shared_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As lehr layout says of that division."""
    words = ["days=20", "devices=64", "compare_laws=[]"]
    assert dispatch(["plan", *words, "network=moe"]) == 0
    said = next(line for line in capsys.readouterr().out.splitlines() if "shares out weights instead" in line)
    zero_3 = "layout={dp: 64, zero: 3, micro_batch: 1, recompute: full}"
    where = ["--config-dir", "outputs/plan/my_plan", "model=my_plan", "recipe=my_plan", "stage=pt"]
    found = printed(capsys, "layout", *where, zero_3)
    longer = found["given"]["seconds"] / found["best"]["seconds"]
    assert f"{found['given']['seconds']:.3g} s, {longer:.2g} times as long" in said
    assert dispatch(["plan", *words, "network=dense"]) == 0
    assert "shares out weights instead" not in capsys.readouterr().out
