"""`lehr design` writes recipes that `lehr report` takes and a table that `lehr fit` takes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

import lehr
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.simulators.laws.surfaces import Surface

WORDS = ("budget=2e20", "target=1e22", "vocab_size=32000", "runs=16")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one design."""
    out = tmp_path_factory.mktemp("design")
    lehr.design(budget=2e20, target=1e22, vocab_size=32000, runs=16, out=out)
    return out / "design" / "my_design"


@pytest.fixture(autouse=True)
def folder(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return Path(copytree(written, tmp_path / "mine"))


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert dispatch([*words, "format=json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def designed(folder: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((folder / "design.json").read_text())
    return body


def fill(path: Path, law: Surface) -> int:
    """Write the law's losses into a table of runs."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    lines = ["run,params,tokens,loss"]
    for row in rows:
        loss = float(law.loss(float(row["params"]), float(row["tokens"])))
        lines.append(f"{row['run']},{row['params']},{row['tokens']},{loss:.6f}")
    path.write_text("\n".join(lines) + "\n")
    return len(rows)


@pytest.mark.slow
def test_the_table_of_runs_becomes_a_law(folder: Path) -> None:
    law = Catalogue().surface("besiroglu")
    n = fill(folder / "runs.csv", law)
    fitted = lehr.fit(folder / "runs.csv", bootstrap=0, starts=200)
    assert len(fitted.read.runs) == n
    # without noise the law is found again
    assert fitted.law.loss(1e10, 2e11) == pytest.approx(law.loss(1e10, 2e11), rel=1e-4)


@pytest.mark.slow
def test_the_logs_of_the_runs_become_a_law(folder: Path) -> None:
    """Sizes and tokens stand in the design, final losses in the logs."""
    law = Catalogue().surface("besiroglu")
    logs = []
    for run in designed(folder)["runs"]:
        final = float(law.loss(run["parameters"], run["tokens"]))
        rows = [f"{step},{final + (3.0 if step < 990 else 0.0):.6f}" for step in range(10, 1010, 10)]
        Path(f"{run['name']}.csv").write_text("step,loss\n" + "\n".join(rows) + "\n")
        logs.append(f"{run['name']}.csv")
    fitted = lehr.fit(logs, design=str(folder), bootstrap=0, starts=200)
    assert fitted.law.loss(1e10, 2e11) == pytest.approx(law.loss(1e10, 2e11), rel=1e-4)
    Path("other.csv").write_text(Path(logs[0]).read_text())
    with pytest.raises(LehrError, match="the design has no run called 'other'"):
        lehr.fit(["other.csv"], design=str(folder))


@pytest.mark.slow
def test_every_run_is_a_recipe_that_a_report_projects(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = designed(folder)["runs"]
    assert sum(run["flops"] for run in runs) <= 2e20
    for run in (runs[0], runs[-1]):
        report = printed(capsys, "report", "--config-dir", str(folder), f"model={run['name']}", "mfu=0.4")
        assert report["stages"][0]["tokens"] == pytest.approx(run["tokens"], abs=0.5)
        # tokens are whole in the recipe
        assert report["totals"]["flops"] == pytest.approx(run["flops"], rel=1e-8)


@pytest.mark.slow
def test_runs_have_the_sizes_that_were_asked_for() -> None:
    made = {
        size: lehr.design(budget=1e13, target=1.2e13, vocab_size=256, sequence_length=64, size=size).runs
        for size in (None, "9e4..1e6")
    }
    assert min(run.parameters for run in made[None]) < 9e4
    assert all(9e4 <= run.parameters <= 1e6 for run in made["9e4..1e6"])


@pytest.mark.slow
def test_rates_and_batches_follow_one_rule(folder: Path) -> None:
    """Neighbours in size and length differ by no jump: by as much as the law's powers say."""
    runs = designed(folder)["runs"]
    near = [
        (a, b) for a in runs for b in runs
        if a is not b and 1 <= b["parameters"] / a["parameters"] <= 1.6 and 1 <= b["tokens"] / a["tokens"] <= 1.6
    ]  # fmt: skip
    assert near
    for a, b in near:
        # 1.6**0.571, and both are rounded to eight sequences of 24 at the least
        assert 0.7 < b["settings"]["sequences"] / a["settings"]["sequences"] < 1.31 * 1.34
        assert 1.6**-0.76 * 0.99 < b["settings"]["peak"] / a["settings"]["peak"] < 1.6**0.27 * 1.01


@pytest.mark.slow
def test_the_command_designs_as_the_library_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["design", *WORDS]) == 0
    said = capsys.readouterr().out
    assert "a plain grid for the same money (35 runs" in said
    again = Path("outputs/design/my_design")
    assert designed(again) == designed(folder)
    assert (again / "runs.csv").read_bytes() == (folder / "runs.csv").read_bytes()


@pytest.mark.slow
def test_runs_that_exist_make_the_forecast_sharper(folder: Path) -> None:
    fill(folder / "runs.csv", Catalogue().surface("besiroglu"))
    before = designed(folder)
    more = lehr.design(
        budget=2e20, target=1e22, vocab_size=32000, runs=16, data=folder / "runs.csv", noise=before["noise"]
    )
    assert more.made == len(before["runs"])
    assert more.sharpness.constants < before["expected"]["constants"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["target=1e24"], "budget: none is given"),
        (["budget=1e20"], "target: none is given"),
        (["budget=1", "target=1e24"], "pay for runs of 0 sizes"),
        (["budget=1e40", "target=1e24"], "pay for the target itself"),
        (["budget=1e20", "target=1e24", "law=llama_3"], "gives no loss by parameters and tokens"),
        (["budget=1e20", "target={parameters: 7e9}"], "target: "),
        (["budget=1e20", "target=1e24", "tokens_per_parameter=[50,5]"], "smaller one first"),
        (["budget=1e20", "target=1e24", "size=2e9..2e8"], "size: .* smaller size first"),
        (["budget=1e20", "target=1e24", "size=1..2"], "no network of the ladder has 1 to 2 parameters"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_cannot_be_designed_is_told_in_one_line(words: list[str], says: str) -> None:
    with pytest.raises(LehrError, match=says) as told:
        dispatch(["design", *words])
    assert "\n" not in str(told.value)
    assert not Path("outputs").exists()
