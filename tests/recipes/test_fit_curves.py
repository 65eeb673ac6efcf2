"""``lehr fit`` for curve laws: what it prints, what it writes and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.recipe_files import decode_law
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.fitting.arguments import of_curves
from lehr.recipes.fitting.curves.run import fit_logs, settings_of
from lehr.recipes.verbs.fit import run as fit_curves
from lehr.simulators.laws.curves import Momentum, MultiPower
from lehr.simulators.laws.curves.bands import band
from tests.simulators.laws.planted import LAWS, WARM_UP, planted


def logs(folder: Path, kind: str, *names: str) -> list[str]:
    paths = []
    for run in planted(kind, names):
        rows = zip(run.steps, run.rates[run.steps], run.loss, strict=True)
        path = folder / f"{run.name}.csv"
        path.write_text("step,lr,loss\n" + "".join(f"{s},{r!r},{v!r}\n" for s, r, v in rows))
        paths.append(str(path))
    return paths


def job(folder: Path, **settings: Any) -> Composed:
    config = {k: v for k, v in load_yaml(CONF / "fit.yaml").items() if k not in ("defaults", "hydra")}
    return Composed({**config, "out": str(folder), "warmup_steps": WARM_UP, **settings}, Catalogue(), [], False)


@pytest.fixture(autouse=True)
def plain_floats() -> Any:
    with np.printoptions(legacy="1.25"):
        yield


def test_a_law_is_fitted_tested_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, test = logs(tmp_path, "momentum", "cosine", "constant", "step"), logs(tmp_path, "momentum", "wsd")
    assert fit_curves(job(tmp_path, law="momentum", data=data, test=test, name="mine")) == 0
    said = capsys.readouterr().out
    for words in ("95% interval", "held out", "recognised as a cosine", "take it with law=", "of 16 starts 8"):
        assert words in said
    folder = tmp_path / "fit" / "mine"
    assert {p.name for p in folder.iterdir()} - {".lehr.json"} == {"fit.yaml", "fit.json", "law"}
    law = decode_law(load_yaml(folder / "fit.yaml"), "fit.yaml")
    assert isinstance(law, Momentum)
    # 1e-3 of noise on some 600 rows: alpha is known to a few per cent
    assert law.alpha == pytest.approx(LAWS["momentum"].alpha, rel=0.1)  # type: ignore[attr-defined]
    assert law.relative_error is not None
    assert law.relative_error < 2e-3
    note = law.provenance.default.note if law.provenance else None
    assert note is not None
    assert "cosine.csv (sha256 " in note
    run = planted("momentum", ("wsd",))[0]
    low, high = band(law, run.rates, steps=run.steps)
    assert np.mean((low <= run.loss) & (run.loss <= high)) > 0.8


@pytest.mark.slow
def test_the_best_form_is_taken_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = logs(tmp_path, "momentum", "cosine", "step", "wsd")
    assert fit_curves(job(tmp_path, law="best", data=data, forms=["power_of_sum", "momentum"])) == 0
    said = capsys.readouterr().out
    # the planted law has a momentum, and one in the sum of the rates alone misses falls of ten per cent
    assert "use momentum: momentum misses runs left out in turn by 0." in said
    assert "power_of_sum, the next, by " in said
    told = json.loads((tmp_path / "fit" / "cosine" / "fit.json").read_bytes())
    assert told["kind"] == told["comparison"]["use"] == "momentum"
    assert set(told["comparison"]["forms"]["momentum"]["errors"]) == {"cosine", "step", "wsd"}
    assert fit_curves(job(tmp_path, law="power_of_sum", data=data, forms=["momentum"])) == 0
    assert "this fit has the form power_of_sum; write law=momentum, or law=best" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("head", "curves"),
    [("step,lr,loss", True), ("tokens,lr,loss", True), ("params,step,loss", False), ("params,tokens,loss", False)],
)
def test_rows_with_steps_and_no_parameters_are_logs(tmp_path: Path, head: str, curves: bool) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{head}\n1000,2,3\n")
    assert of_curves(job(tmp_path, law="best", data=str(path))) is curves
    assert of_curves(job(tmp_path, law="best", data=str(path), forms=["momentum"]))


def test_a_form_of_a_surface_is_no_curve(tmp_path: Path) -> None:
    with pytest.raises(LehrError, match="forms: 'skaling' is no form of a curve"):
        fit_curves(job(tmp_path, law="best", data=logs(tmp_path, "momentum", "cosine"), forms=["momentum", "skaling"]))


def test_one_run_chooses_no_form(tmp_path: Path) -> None:
    with pytest.raises(LehrError, match="no run can be left out"):
        fit_curves(job(tmp_path, law="best", data=logs(tmp_path, "momentum", "cosine"), forms=["power_of_sum"]))


def test_json_has_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, test = logs(tmp_path, "multi_power", "cosine", "constant", "step"), logs(tmp_path, "multi_power", "wsd")
    settings = {"law": "multi_power_25m", "data": data, "test": test, "format": "json", "level": 0.9}
    settings["loss_unit"] = "bits/token"
    assert fit_curves(job(tmp_path, **settings)) == 0
    printed = capsys.readouterr().out
    told = json.loads(printed)
    assert printed == (tmp_path / "fit" / "multi_power_cosine" / "fit.json").read_text()
    assert told["kind"] == "multi_power"
    assert told["law"]["loss_unit"] == "bits/token"
    assert set(told["constants"]) == set(MultiPower.constants_of_law)
    for constant in told["constants"].values():
        assert constant["interval"][0] <= constant["value"] <= constant["interval"][1]
    assert [run["run"] for run in told["runs"]] == ["cosine", "constant", "step", "wsd"]
    held_out = told["runs"][-1]
    assert held_out["held_out"]
    error = np.abs(np.array(held_out["predicted"]) - held_out["loss"])
    assert held_out["mae"] == pytest.approx(error.mean())
    assert told["mean"]["held_out"]["mae"] == held_out["mae"]
    assert told["read"]["wsd"]


def test_a_change_of_data_is_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = logs(tmp_path, "cpt_shift", "cosine", "constant", "step")
    fit_curves(job(tmp_path, law="cpt_shift", data=data, changed_at=2000, format="json"))
    shift = json.loads(capsys.readouterr().out)["constants"]["B"]
    # the planted shift is a fall of 0.3
    assert shift["interval"][0] <= -0.3 <= shift["interval"][1] < 0


def test_the_same_logs_give_the_same_files(tmp_path: Path) -> None:
    data = logs(tmp_path, "momentum", "cosine", "step")
    contents = []
    for name in ("one", "two"):
        fit_curves(job(tmp_path / name, law="momentum", data=data, name="mine"))
        contents.append({p.name: p.read_bytes() for p in (tmp_path / name / "fit" / "mine").glob("fit.*")})
    assert contents[0] == contents[1]


def test_limitations_are_visible(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit_curves(job(tmp_path, law="multi_power", data=logs(tmp_path, "multi_power", "cosine")))
    said = capsys.readouterr().out
    assert "what these runs do not say:\n  one run only" in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": None}, "data: nothing to fit"),
        ({"format": "xml"}, "format: 'xml' is not known"),
        ({"starts": 0}, "starts: 0 is not 1 or more"),
        ({"level": 1.5}, "level: 1.5 is not between 0 and 1"),
        ({"name": "a/b"}, "name: 'a/b' cannot name a file"),
        ({"columns": {"loss": "lost"}}, "no column of numbers is called 'lost'"),
        ({"data": ["constant.csv"]}, "no run's learning rate falls"),
        ({"test": ["cosine.csv"]}, "is among the fitted runs"),
        ({"law": "cpt_shift"}, "no run says where its data change"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    logs(tmp_path, "momentum", "cosine", "constant")
    settings = {"law": "momentum", "data": ["cosine.csv"], **settings}
    for key in ("data", "test"):
        if settings.get(key):
            settings[key] = [str(tmp_path / name) for name in settings[key]]
    with pytest.raises(LehrError, match=message) as caught:
        fit_curves(job(tmp_path, **settings))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "fit").exists()


def test_a_run_that_is_given_twice_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = logs(tmp_path, "momentum", "cosine", "wsd")
    lines = Path(paths[0]).read_text().splitlines(keepends=True)
    (copy := tmp_path / "copy.csv").write_text("".join(lines))
    (part := tmp_path / "part.csv").write_text("".join(lines[: len(lines) // 2]))
    alone = fit_logs(settings_of(job(tmp_path, law="momentum", data=paths), "momentum"))
    several = job(tmp_path, law="momentum", data=[str(part), *paths, str(copy)])
    fitted = fit_logs(settings_of(several, "momentum"))
    assert [run.run.name for run in fitted.runs] == ["cosine", "wsd"]
    assert np.array_equal(fitted.fit.theta, alone.fit.theta)
    assert fitted.fit.law.uncertainty == alone.fit.law.uncertainty
    said = "\n".join(fitted.read["cosine"])
    assert f"copy has the same rows ({len(lines) - 1}) and is left out: one run counts once" in said
    assert "part has the same rows" in said
    with pytest.raises(LehrError, match="test: the rows of copy are those of cosine, which is fitted"):
        fit_logs(settings_of(job(tmp_path, law="momentum", data=paths, test=[str(copy)]), "momentum"))
