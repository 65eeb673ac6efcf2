"""``lehr fit`` of laws of a few points."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.simulators.laws.moe import RoutedLaw
from lehr.simulators.laws.sft import RectifiedLaw

TUNED = RectifiedLaw(name="x", title="", loss_unit="nats/token", B=30.0, D_l=50.0, beta=0.6, E=1.0)
ROUTED = RoutedLaw(
    name="x", title="", n_convention="non_embedding", loss_unit="nats/token", tokens=130e9,
    a=-0.08, b=-0.11, c=0.01, d=1.1, E_start=1.9, E_max=300.0,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(name: str, **columns: np.ndarray) -> None:
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(repr, row)) for row in rows)]
    Path(name).write_text("\n".join(lines) + "\n")


def test_a_fine_tuning_law_is_found_again_and_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    examples = 200 * 2.0 ** np.arange(14)
    table("tuned.csv", size=examples, loss=np.asarray(TUNED.loss(examples)))
    assert dispatch(["fit", "law=rectified", "data=tuned.csv", "columns={examples: size}", "pictures=true"]) == 0
    said = capsys.readouterr().out
    assert "turning point" in said
    law = Catalogue().law("outputs/fit/rectified_tuned/fit.yaml")
    assert isinstance(law, RectifiedLaw)
    # no noise: the least squares end at the planted constants but for the flatness of the minimum, about 1e-6
    assert (law.beta, law.D_l, law.E) == pytest.approx((0.6, 50.0, 1.0), rel=1e-3)
    found = json.loads(Path("outputs/fit/rectified_tuned/fit.json").read_text())
    assert found["points"] == 14
    assert found["held_out"]["points"] == 3
    # the last three of fourteen from the others: their level is 1e-3 of the loss away at most
    assert found["held_out"]["error"] < 1e-3
    assert Path("outputs/fit/rectified_tuned/fit.svg").is_file()


def test_a_routed_law_is_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    n, experts = (x.ravel() for x in np.meshgrid([25e6, 55e6, 130e6, 1.3e9], [1.0, 8.0, 64.0, 512.0]))
    table("routed.csv", parameters=n, experts=experts, loss=np.asarray(ROUTED.loss(n, experts)))
    assert dispatch(["fit", "law=clark_routed", "data=routed.csv", "format=json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # the two saturations are searched on a grid that ends at 1e-3 of their logarithms
    assert (found["law"]["a"], found["law"]["c"]) == pytest.approx((-0.08, 0.01), rel=0.02)
    assert found["held_out"]["points"] == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["law=rectified"], "data: nothing to fit; write data=runs.csv with columns examples and loss"),
        (["law=rectified", "data=few.csv"], "give 4 or more"),
        (["law=rectified", "data=few.csv", "columns={examples: size}"], "has no column 'size'"),
        (["law=rectified", "data=few.csv", "columns={n: examples}"], "'n' is no column of this form"),
        (["law=clark_routed", "data=few.csv"], "has no column 'parameters'"),
        (["law=rectified", "data=negative.csv"], "examples is -1"),
        (["law=rectified", "data=words.csv"], "is no number"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str) -> None:
    table("few.csv", examples=np.array([1.0, 2.0]), loss=np.array([3.0, 2.0]))
    table("negative.csv", examples=np.array([-1.0, 2.0]), loss=np.array([3.0, 2.0]))
    Path("words.csv").write_text("examples,loss\nmany,2.0\n")
    with pytest.raises(LehrError, match=says) as error:
        dispatch(["fit", *words])
    assert "\n" not in str(error.value)


def test_a_level_that_the_points_do_not_tell_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    examples = 200 * 2.0 ** np.arange(10)
    # a plain power law ends at no level
    table("steep.csv", examples=examples, loss=20 * examples**-0.2)
    assert dispatch(["fit", "law=rectified", "data=steep.csv"]) == 0
    assert "do not say where the loss ends" in capsys.readouterr().out
