"""A sweep gives what its jobs would give one by one, survives being killed, and names what failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.recipes.sweeping import grid, run, sweep
from lehr.recipes.sweeping.journal import Journal, fingerprint, read_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def swept(*words: str) -> tuple[int, list[dict[str, Any]]]:
    status = dispatch(["report", "-m", *words])
    (folder,) = Path("outputs/multirun").iterdir()
    return status, pq.read_table(folder / "sweep.parquet").to_pylist()


def single(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert dispatch(["report", "format=json", *words]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


JOBS = [
    ["model=starcoder"],
    ["model=starcoder", "law=chinchilla", "accelerator=h100_sxm"],
    ["model=starcoder", "recipe=santacoder"],
    ["model=qwen3_coder_30b_a3b", "compare_laws=[]", "mfu=0.33", "usd_per_hour=2.5"],
    ["model=starcoder", "recipe.stages.pt.steps=1000", "recipe.stages.pt.batch.sequences=64"],
    ["model=starcoder", "recipe.stages.pt.schedule={kind: linear}"],
    ["model=starcoder", "+recipe.stages.pt.examples=5", "~recipe.stages.pt.hardware"],
    ["model=starcoder", "recipe.order=[pt]", "~recipe.stages.python"],
    ["model=deepseek_v3", "model.architecture.layers.0.repeat=4", "accelerator=h800", "accelerator.peak.bf16=1e15"],
]


def of_jobs(monkeypatch: pytest.MonkeyPatch, words: Sequence[str]) -> list[tuple[Any, Any, bool]]:
    """(merged, composed by Hydra, was it merged?) of every job of a sweep."""
    found = []

    def look(config: Any, given: run.Arguments, words: Sequence[str], launched: bool) -> int:
        whole = sweep.Sweep(config, given)
        for _, job in whole.jobs():
            merged = whole.runner.job(job).config
            composed = whole._compose([o.input_line or "" for o in job])
            found.append((merged, composed, whole.runner._merger is not None))
        return 0

    monkeypatch.setattr(run, "sweep", look)
    dispatch(["report", "-m", *words])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS, ids=" ".join)
def test_a_merged_job_is_what_hydra_composes(job: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for merged, composed, was_merged in of_jobs(monkeypatch, [*job, "precision=bf16,fp16"]):
        assert was_merged
        assert merged == composed


@pytest.mark.slow
def test_a_job_that_only_hydra_understands_is_composed_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine/experiment").mkdir(parents=True)
    (tmp_path / "mine/experiment/short.yaml").write_text(
        "# @package _global_\nrecipe: {stages: {pt: {steps: 77}}}\ndefaults:\n  - override /model: starcoder\n"
    )
    jobs = of_jobs(monkeypatch, ["--config-dir", str(tmp_path / "mine"), "+experiment=short", "mfu=0.3,0.4"])
    assert [(config["mfu"], config["recipe"]["stages"]["pt"]["steps"]) for config, _, _ in jobs] == [
        (0.3, 77),
        (0.4, 77),
    ]
    assert [merged for _, _, merged in jobs] == [False, False]


@pytest.mark.slow
def test_the_rows_are_the_figures_of_single_runs(capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = swept(
        "model=starcoder,deepseek_v3", "law=besiroglu,chinchilla", "accelerator=h100_sxm", "mfu=0.3,0.5"
    )
    assert status == 0
    assert len(rows) == 8
    for row in rows:
        one = single(capsys, f"model={row['model']}", f"law={row['law']}", "accelerator=h100_sxm", f"mfu={row['mfu']}")
        assert row["parameters"] == one["parameters"]["total"]
        assert row["flops"] == one["totals"]["flops"]
        assert [row["hours"], row["cost"]] == [one["totals"][name]["value"] for name in ("hours", "cost")]
        last = [stage["loss"][row["law"]] for stage in one["stages"] if row["law"] in stage["loss"]][-1]
        assert [row["loss"], row["loss_low"], row["loss_high"]] == [last["value"], last.get("low"), last.get("high")]
        assert row["peak_rate"] == one["stages"][0]["peak_rate"]


GRIDS = [
    ["model=starcoder2_15b", "recipe.stages.pt.tokens=1e12,4e12", "mfu=0.3,0.5", "usd_per_hour=1.5,2"],
    ["model=deepseek_v3", "mfu=range(0.2,0.5,0.1)", "devices=512,2048"],
    [
        "model=starcoder",
        "recipe.stages.pt.steps=100000,200000",
        "recipe.stages.pt.batch.sequences=256,512",
        "mfu=0.3,0.4",
    ],
    ["model=deepseek_v2", "recipe.stages.pt.schedule.peak=1e-4,3e-4", "usd_per_hour=1,2"],
    # eight do not hold it, and the fastest layout of others is theirs
    ["model=llama_3_1_405b", "accelerator=h100_sxm", "devices=1024,8,8192", "usd_per_hour=1,2"],
    [
        "model=starcoder2_3b",
        "accelerator=h100_sxm",
        "devices=64,256",
        "recipe.stages.pt.batch.sequences=128,512",
        "usd_per_hour=1,2",
    ],
]


@pytest.mark.slow
@pytest.mark.parametrize("words", GRIDS, ids=lambda words: words[0])
def test_points_at_once_are_the_points_one_by_one(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if not (ROOT / f"conf/recipe/{words[0].partition('=')[2]}.yaml").exists():
        pytest.skip("no such recipe")
    _, one_by_one = swept(*words)
    for path in Path("outputs/multirun").iterdir():
        path.rename("first")
    monkeypatch.setattr(sweep, "GRID_FROM", 1)
    monkeypatch.setattr(grid, "ROWS_A_PLACE", 1)
    monkeypatch.setattr(sweep.Sweep, "run", lambda self: pytest.fail("not computed as arrays"))
    _, at_once = swept(*words)
    assert len(at_once) == len(one_by_one)
    for a, b in zip(at_once, one_by_one, strict=True):
        for name, value in b.items():
            assert (a[name] is None) == (value is None), name
            if isinstance(value, float):
                # some ten roundings on either way
                np.testing.assert_allclose(a[name], value, rtol=1e-14, err_msg=name)
            else:
                assert a[name] == value, name


@pytest.mark.slow
def test_points_of_which_some_fail_run_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "GRID_FROM", 1)
    # the stage's phases take exactly 14.8T tokens
    status, rows = swept("model=deepseek_v3", "recipe.stages.pt.tokens=14.8e12,1e12,16e12")
    assert status == 1
    assert [row["status"] for row in rows] == ["done", "failed", "failed"]


def test_a_failing_job_is_named_and_the_others_finish(capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = swept("model=starcoder", "mfu=0.1,0.2,7,0.3")
    assert status == 1
    assert [row["status"] for row in rows] == ["done", "done", "failed", "done"]
    assert "failed: mfu=7: mfu: 7 is above 1" in capsys.readouterr().err
    assert rows[2]["mfu"] == 7


@pytest.mark.slow
def test_a_pattern_leaves_out_what_cannot_be_projected_and_a_name_does_not() -> None:
    without = sorted({*Catalogue().files("model")} - {*Catalogue().files("recipe")})[0]
    status, rows = swept(f"model=glob([{without},starcoder])")
    assert status == 0
    assert {row["model"]: row["status"] for row in rows} == {without: "left out", "starcoder": "done"}
    status = dispatch(["report", "-m", f"model={without},starcoder"])
    assert status == 1


@pytest.mark.slow
def test_a_killed_sweep_goes_on_to_the_same_result(tmp_path: Path) -> None:
    words = ["model=starcoder,deepseek_v3,santacoder", "mfu=range(0.1,0.9,0.02)", "law=besiroglu,chinchilla"]
    line = [sys.executable, "-m", "lehr", "report", "-m", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    subprocess.run(line, cwd=whole, env=env, check=True, capture_output=True)
    killed = subprocess.Popen(line, cwd=cut, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not [p for p in cut.rglob("*.jsonl") if p.stat().st_size > 20_000]:
        time.sleep(0.01)
        assert killed.poll() is None, "done before it could be killed"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not list(cut.rglob("sweep.*"))
    again = subprocess.run(line, cwd=cut, env=env, check=True, capture_output=True, text=True)
    assert "jobs were done before" in again.stderr
    for name in ("sweep.parquet", "sweep.csv", "sweep.html"):
        (a,), (b,) = whole.rglob(name), cut.rglob(name)
        assert a.read_bytes() == b.read_bytes()
    assert not list(cut.rglob("journal"))


def test_a_line_cut_off_and_one_of_other_files_are_not_there(tmp_path: Path) -> None:
    with Journal(tmp_path / "0.jsonl", "a") as journal:
        journal.add(0, {"x": 1})
    with (tmp_path / "0.jsonl").open("a") as file:
        file.write('{"fingerprint": "a", "job": 1, "ro')
    with Journal(tmp_path / "0.jsonl", "b") as journal:
        journal.add(2, {"x": 3})
    assert read_rows(tmp_path, "a") == {0: {"x": 1}}
    assert read_rows(tmp_path, "b") == {2: {"x": 3}}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_told_with_the_path(tmp_path: Path) -> None:
    path = tmp_path / "0.jsonl"
    path.symlink_to("/dev/full")
    journal = Journal(path, "a")
    with (
        path.open("wb", buffering=0) as journal._file,
        pytest.raises(LehrError, match=r"0\.jsonl: cannot be written \(No space left"),
    ):
        journal.add(1, {"loss": 2.0})


def test_rows_of_an_edited_catalogue_are_not_used_again(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/a.yaml").write_text("x: 1")
    before = fingerprint(Catalogue([tmp_path]))
    (tmp_path / "model/a.yaml").write_text("x: 2")
    assert fingerprint(Catalogue([tmp_path])) != before


@pytest.mark.slow
def test_an_engine_gives_what_this_process_gives() -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = ["model=starcoder,santacoder", "mfu=0.2,0.3,7", "batches=2"]
    status, rows = swept(*words)
    for path in Path("outputs/multirun").iterdir():
        path.rename("first")
    assert (status, rows) == (1, swept(*words, "hydra/launcher=joblib")[1])


def test_a_batch_that_breaks_fails_its_jobs_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep.Sweep, "done", lambda self: {0: {"model": "starcoder", "status": "done"}})
    rows = []

    def look(config: Any, given: run.Arguments, words: Sequence[str], launched: bool) -> int:
        rows.extend(sweep.Sweep(config, given).collected().values())
        return 0

    monkeypatch.setattr(run, "sweep", look)
    dispatch(["report", "-m", "model=starcoder", "mfu=0.2,0.3"])
    assert [(row["status"], row.get("mfu")) for row in rows] == [("done", None), ("failed", 0.3)]


@pytest.mark.slow
def test_a_search_finds_what_is_least_and_asks_the_same_again() -> None:
    pytest.importorskip("optuna")
    words = ["model=starcoder", "usd_per_hour=interval(1.0,4.0)", "mfu=0.2,0.4", "objective=[cost]", "trials=40"]
    status, rows = swept(*words)
    assert (status, len(rows)) == (0, 40)
    best = min(rows, key=lambda row: row["cost"])
    assert best["mfu"] == 0.4
    # the least of a uniform draw of 20 lies within 3 * ln(1000) / 20 of the end in all but a thousandth of searches
    assert best["usd_per_hour"] < 1 + 3 * np.log(1000) / 20
    for path in Path("outputs/multirun").iterdir():
        path.rename("first")
    assert swept(*words)[1] == rows


@pytest.mark.slow
def test_reports_are_written_beside_the_result_where_they_are_wanted() -> None:
    status, _ = swept("model=starcoder", "mfu=0.2,0.3", "reports=true")
    (folder,) = Path("outputs/multirun").iterdir()
    assert status == 0
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("report.html")) == [
        "reports/0/report.html", "reports/1/report.html",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["model=starcoder"], "nothing varies"),
        (["model=starcoder", "mfu=interval(0.5,0.1)"], "an interval goes up"),
        (["model=starcoder", "mfu=interval(0.1,0.5)", "objective=[los]"], "did you mean loss"),
        (["model=starcoder", "mfu=interval(0.1,0.5)", "objective=[]"], "objective: none is named"),
        (["model=starcoder", "mfu=interval(0.1,0.5)", "seed=-1"], "seed: write a whole number of 0 or more"),
        (
            ["model=starcoder", "mfu=0.3,0.4", "hydra/launcher=joblib", "batches=-1"],
            "batches: write a whole number of 1 or more",
        ),
        (["model=glob(zzz*)"], "matches nothing"),
        (["+experiment=schedules,annealing_start"], "experiment=schedules is a sweep itself"),
        (["model=starcoder", "hydra.sweeper.params.law=a"], r"\+hydra.sweeper.params.law=... adds one"),
        (["model=starcoder,santacoder", "format=xml"], "format: 'xml' is not known"),
        (["model=starcoder,", "mfu=0.3"], "model: a name is missing"),
    ],
)
def test_a_sweep_that_cannot_be_is_told_in_one_line(words: list[str], says: str) -> None:
    with pytest.raises(LehrError, match=says):
        dispatch(["report", "-m", *words])


@pytest.mark.slow
def test_a_law_by_its_path_is_the_same_sweep_again(tmp_path: Path) -> None:
    law = tmp_path / "fit.yaml"
    law.write_text((ROOT / "conf/law/besiroglu.yaml").read_text().replace("name: besiroglu", "name: mine"))
    for _ in range(2):
        status, rows = swept("model=santacoder", f"law={law}", "mfu=0.3,0.4")
        assert status == 0
        assert {row["law"] for row in rows} == {"mine"}
    (page,) = Path("outputs/multirun").glob("*/sweep.html")
    assert f"lehr report -m model=santacoder law={law} mfu=0.3,0.4" in page.read_text()


@pytest.mark.slow
def test_passes_beyond_four_are_read_by_one_law_in_all_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    """More passes cost loss, and never nothing: a job of four stood by another law, .05 nats below."""
    words = ("model=santacoder", "+recipe.stages.pt.epochs=1,4,4.5,16")
    _, rows = swept(*words)
    assert {row["law"] for row in rows} == {"muennighoff"}
    losses = [row["loss"] for row in rows]
    assert losses == sorted(losses)
    assert "all losses are by muennighoff" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("more", ["+recipe.stages.pt.epochs=1,4", "law=chinchilla"])
def test_few_passes_and_a_chosen_law_stay_with_theirs(more: str) -> None:
    epochs = [] if "epochs" in more else ["+recipe.stages.pt.epochs=1,16"]
    _, rows = swept("model=santacoder", more, *epochs)
    assert rows[0]["law"] == ("chinchilla" if epochs else "besiroglu")


def test_a_choice_of_one_is_a_sweep_of_one() -> None:
    status, rows = swept("model=choice(santacoder)", "mfu=range(0.3,0.35,0.1)")
    assert status == 0
    assert [row["mfu"] for row in rows] == [0.3]


def test_the_rows_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = swept("model=santacoder", "mfu=0.3,0.4", "format=json")
    printed = capsys.readouterr()
    assert status == 0
    assert json.loads(printed.out) == {"version": 1, "rows": rows}
    assert "sweep.html  (2 done)" in printed.err


def test_the_rows_are_printed_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    assert swept("model=santacoder", "mfu=0.3,0.4", "format=csv")[0] == 0
    (file,) = Path("outputs/multirun").glob("*/sweep.csv")
    assert capsys.readouterr().out == file.read_text()


@pytest.mark.parametrize("axis", ["+hydra.sweeper.params={law: 'besiroglu,chinchilla'}",
                                  "+hydra.sweeper.params.law='besiroglu,chinchilla'"])  # fmt: skip
def test_hydras_sweeper_takes_axes_too(axis: str) -> None:
    status, rows = swept("model=santacoder", axis)
    assert status == 0
    assert [row["law"] for row in rows] == ["besiroglu", "chinchilla"]


def test_a_key_that_is_not_there_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = swept("model=starcoder", "recipe.stages.pt.stepps=1,2")
    assert status == 1
    assert {row["reason"] for row in rows} == {"recipe.stages.pt.stepps: unknown key; did you mean steps?"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "conf/experiment").glob("*.yaml")))
def test_a_ready_experiment_runs(name: str) -> None:
    status, rows = swept(f"+experiment={name}")
    assert status == 0
    assert any(row["status"] == "done" for row in rows)
