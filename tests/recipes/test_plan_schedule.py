"""``lehr plan schedule``: what it prints and writes, and that a recipe takes what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.cli import main
from lehr.recipes.projecting.schedules import read_schedule
from lehr.simulators.laws.curves import MultiPower
from lehr.simulators.scheduling import final_loss
from tests.recipes.test_cli import lehr

QUICK = ("plan", "schedule", "steps=3000", "warmup_steps=300", "shapes=[linear,power]")


def test_it_writes_a_schedule_that_gives_the_loss_it_says(tmp_path: Path) -> None:
    said = lehr(*QUICK, folder=tmp_path)
    folder = tmp_path / "outputs/plan_schedule/multi_power_25m"
    assert {p.name for p in folder.iterdir()} - {".lehr.json"} == {
        "schedule.yaml",
        "plan.json",
        "schedules.svg",
        "schedules.png",
    }
    data = json.loads((folder / "plan.json").read_text())
    curve = read_schedule(str(folder / "schedule.yaml"))
    law = Catalogue().law("multi_power_25m")
    assert isinstance(law, MultiPower)
    # the fragment is the best schedule itself, to the last digit of its floats
    assert final_loss(law, curve.values()) == data["chosen"][0]["loss"] <= data["chosen"][1]["loss"]
    assert data["free"]["loss"] <= data["chosen"][0]["loss"]
    assert all(left > 0 for left in data["left_on_the_table"].values())
    assert "no level is attached to it" in said
    assert "default WSD: last 10 %, exponential to a tenth" in said


@pytest.mark.slow
def test_a_recipe_takes_the_fragment(tmp_path: Path) -> None:
    lehr(*QUICK, folder=tmp_path)
    fragment = load_yaml(tmp_path / "outputs/plan_schedule/multi_power_25m/schedule.yaml")
    given = json.dumps(fragment["schedule"]).replace('"', "").replace(" ", "")
    # the recipe's own schedule goes first: Hydra would merge the two mappings
    projection = json.loads(lehr("report", "~recipe.stages.pt.schedule", f"+recipe.stages.pt.schedule={given}",
                                 "model=starcoder", "format=json", folder=tmp_path))  # fmt: skip
    assert projection["stages"][0]["peak_rate"] == fragment["schedule"]["peak"]


def test_outside_its_range_the_law_warns(tmp_path: Path) -> None:
    said = lehr(*QUICK, "peak_rate=3e-3", folder=tmp_path)
    assert "Warning: 0.003 as peak learning rate lies outside the fitted range, 0.0003 to 0.0003" in said


@pytest.mark.slow
def test_decay_now(tmp_path: Path) -> None:
    asked = ("plan", "schedule", "now=2000", "cooldown=[100,500]", "warmup_steps=300", "format=json")
    data = json.loads(lehr(*asked, folder=tmp_path))
    assert [(d["steps"], d["shape"]) for d in data["cool_downs"]][::3] == [(100, "linear"), (500, "linear")]
    assert all(d["interval"][0] < d["loss"] < d["interval"][1] for d in data["cool_downs"])
    (tmp_path / "s.yaml").write_text("steps: 2500\nschedule: {kind: constant, peak: 3e-4, warmup: {steps: 300}}\n")
    again = json.loads(lehr(*asked, "schedule=./s.yaml", folder=tmp_path))
    assert again == data


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (("law=chinchilla",), "gives no loss at every step"),
        (("shapes=[triangle]",), "'triangle' is not known"),
        (("steps=100", "warmup_steps=200"), "write a shorter one"),
        (("now=500", "cooldown=[]"), "one length or more"),
        (("convention=middle",), "write start, end"),
        (
            ("peak_rate=100",),
            "peak_rate: no law reaches 100: multi_power_25m was fitted at 0.0003 to 0.0003; write one",
        ),
        (("peak_rate=1e-9",), "peak_rate: no law reaches 1e-09"),
        (("peak_rate=100", "now=18000"), "peak_rate: no law reaches 100"),
        (("now=30000",), "now: 30000 lies after the 24000 steps; write an earlier step"),
        (("now=18000", "peak_rate=-1"), "a rate above 0"),
        (("warmup_steps=-10",), "warmup_steps -10 is negative; write 0 or more"),
        (("warmup_steps=-10", "now=100"), "warmup_steps -10 is negative; write 0 or more"),
        (("format=xml",), "write one of json, text"),
        (("level=2",), "level: 2.0 is not between 0 and 1"),
    ],
)
def test_mistakes_are_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["plan", "schedule", *settings])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
