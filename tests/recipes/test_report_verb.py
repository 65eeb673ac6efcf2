"""The report's folder: whole, the same each time, and its recipe is a configuration again."""

from __future__ import annotations

import filecmp
import json
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.composing.group_files import named_files
from lehr.recipes.errors import LehrError
from lehr.simulators.schedules.base import STEP_CONVENTIONS, Convention
from tests.recipes.test_cli import lehr


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    lehr("report", "model=starcoder", "recipe.stages.pt.steps=500000", folder=folder)
    return folder / "outputs" / "starcoder"


@pytest.mark.slow
def test_it_holds_what_the_readme_says(first: Path) -> None:
    names = set(contents(first))
    assert {"report.html", "report.md", "projection.json", "recipe.yaml"} <= names
    assert {Path(n).suffix for n in names if n.startswith("plots/")} == {".svg", ".png"}
    projection = json.loads((first / "projection.json").read_bytes())
    assert projection["version"] == 1


@pytest.mark.slow
def test_a_second_run_is_byte_identical(first: Path, tmp_path: Path) -> None:
    lehr("report", "model=starcoder", "recipe.stages.pt.steps=500000", folder=tmp_path)
    assert contents(first) == contents(tmp_path / "outputs" / "starcoder")


@pytest.mark.slow
def test_the_resolved_recipe_gives_the_same_projection(first: Path, tmp_path: Path) -> None:
    lehr("report", "--config-dir", str(first), "--config-name", "recipe", folder=tmp_path)
    again = tmp_path / "outputs" / "starcoder"
    assert filecmp.cmp(first / "recipe.yaml", again / "recipe.yaml", shallow=False)
    one, two = (json.loads((folder / "projection.json").read_bytes()) for folder in (first, again))
    assert one["stages"] == two["stages"]
    assert one["totals"] == two["totals"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["recipe.stages.pt.steps=500000"], "recipe.stages.pt.steps"),
        (["mfu=0.1"], "mfu"),
        (["recipe=santacoder"], "model"),
    ],
)
def test_what_the_command_line_changes_is_no_failure(words: list[str], said: str, tmp_path: Path) -> None:
    done = lehr("report", "model=starcoder", "format=json", *words, folder=tmp_path)
    rows = json.loads(done)["comparisons"]
    changed = [row for row in rows if (row["cause"] or "").startswith("set otherwise than published")]
    assert changed
    assert {row["verdict"] for row in changed} == {"differs, known cause"}
    assert {row["cause"] for row in changed} == {f"set otherwise than published: {said}"}
    assert not [row for row in rows if row["verdict"] == "FAILS"]


@pytest.mark.slow
def test_a_false_figure_of_ones_own_still_fails(tmp_path: Path) -> None:
    name = "conf/recipe/santacoder.yaml"
    text = (Path(__file__).parents[2] / name).read_text(encoding="utf-8")
    (tmp_path / "mine/recipe").mkdir(parents=True)
    row = '  - {quantity: tokens, stage: pt, printed: "7T", source: allal_2023_santacoder, place: abstract}'
    text = text.replace("name: santacoder", "name: mine", 1).replace("reported:", f"reported:\n{row}", 1)
    (tmp_path / "mine/recipe/mine.yaml").write_text(text, encoding="utf-8")
    done = lehr("report", "--config-dir", "mine", "model=santacoder", "recipe=mine", "format=json", folder=tmp_path)
    fails = [row["reported"] for row in json.loads(done)["comparisons"] if row["verdict"] == "FAILS"]
    assert fails == ["7T"]


@pytest.mark.slow
def test_a_sweeper_of_the_users_own_keeps_the_reports_apart(tmp_path: Path) -> None:
    words = ["model=starcoder,santacoder", "law=chinchilla,besiroglu", "hydra/sweeper=basic"]
    lehr("report", "-m", *words, folder=tmp_path)
    found = sorted(str(p.parent.relative_to(tmp_path / "outputs")) for p in tmp_path.rglob("report.html"))
    assert found == [
        f"multirun/law={law}/{m}" for law in ("besiroglu", "chinchilla") for m in ("santacoder", "starcoder")
    ]


def test_json_is_printed_and_nothing_is_written(tmp_path: Path) -> None:
    printed = json.loads(lehr("report", "model=santacoder", "format=json", folder=tmp_path))
    assert printed["stages"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_report_does_not_load_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['lehr', 'report', 'model=santacoder']\n"
        "from lehr.recipes.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'transformers', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_a_curve_law_shapes_the_forecast_and_leaves_the_level_to_a_surface(tmp_path: Path) -> None:
    own = json.loads(lehr("report", "model=starcoder", "law=multi_power_25m", "format=json", folder=tmp_path))
    usual = json.loads(lehr("report", "model=starcoder", "format=json", folder=tmp_path))
    assert own["stages"] == usual["stages"]
    assert own["forecast"]["stages"][0]["loss"] != usual["forecast"]["stages"][0]["loss"]


@pytest.mark.parametrize("words", [["train_flops=3e21"], ["recipe.order=[pt]", "~recipe.stages.python"]],
                         ids=["a budget", "an order"])  # fmt: skip
def test_a_stage_that_was_taken_away_leaves_its_published_figures_behind(words: list[str], tmp_path: Path) -> None:
    data = json.loads(lehr("report", "model=starcoder", "format=json", *words, folder=tmp_path))
    assert [stage["name"] for stage in data["stages"]] == ["pt"]
    # a cause names what was taken away
    rows = [{key: value for key, value in row.items() if key != "cause"} for row in data["comparisons"]]
    assert not [row for row in rows if "python" in json.dumps(row)]


@pytest.mark.slow
@pytest.mark.parametrize("convention", STEP_CONVENTIONS)
def test_a_schedule_of_every_convention_is_reported_with_its_words(convention: Convention, tmp_path: Path) -> None:
    lehr("report", "model=starcoder", f"+recipe.stages.pt.schedule.convention={convention}", folder=tmp_path)
    assert STEP_CONVENTIONS[convention] in (tmp_path / "outputs" / "starcoder" / "report.md").read_text()


def test_a_recipe_brings_its_own_model(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text((CONF / "recipe" / "santacoder.yaml").read_text().replace("name: santacoder", "name: mine"))
    with named_files("report", [f"recipe={own}"]) as given:
        assert "model=santacoder" in given
    with named_files("report", ["recipe=StarCoder"]) as given:
        assert given == ["recipe=starcoder", "model=starcoder"]
    with named_files("report", ["recipe=starcoder", "model=santacoder"]) as given:
        assert given == ["recipe=starcoder", "model=santacoder"]
    with pytest.raises(LehrError, match="several models"), named_files("report", ["recipe=starcoder,santacoder"]):
        pass
