"""The draws of a law's fit stand in a table beside its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.simulators.laws.base import Draws

LAW = """name: mine
kind: chinchilla
title: Mine
n_convention: total
loss_unit: nats/token
E: 1.8
A: 480.0
B: 2000.0
alpha: 0.35
beta: 0.37
uncertainty: {{kind: draws, file: {file}}}
provenance: {{default: {{origin: assumed, note: made up}}}}
"""
TABLE = "alpha,beta\n" + "".join(f"{0.35 + i / 1000},{0.37 - i / 1000}\n" for i in range(20))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/law").mkdir(parents=True)
    (tmp_path / "conf/law/mine.yaml").write_text(LAW.format(file="mine.csv"))
    (tmp_path / "conf/law/mine.csv").write_text(TABLE)
    return tmp_path / "conf"


def test_a_table_stands_beside_its_law(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    law = Catalogue([CONF, root]).law("mine")
    assert isinstance(law.uncertainty, Draws)
    assert law.uncertainty.parameters == ["alpha", "beta"]
    assert law.uncertainty.table().shape == (20, 2)
    assert Catalogue().law(str(root / "law/mine.yaml")).uncertainty == law.uncertainty
    # a job that Hydra composes reads the same
    assert dispatch(["report", "--config-dir", str(root), "law=mine", "model=starcoder", "format=json"]) == 0
    assert '"low"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "table", "says"),
    [
        ("none.csv", TABLE, "none.csv stands beside no law"),
        ("../mine.csv", TABLE, "is no table beside the law"),
        ("/etc/passwd", TABLE, "is no table beside the law"),
        ("mine.csv", "", "holds no draw"),
        ("mine.csv", "alpha,beta\n1,2,3\n", "needs lines of 2 numbers"),
        ("mine.csv", "alpha,beta\nx,y\n" * 20, "could not convert"),
    ],
)
def test_a_table_that_is_none_is_told(root: Path, file: str, table: str, says: str) -> None:
    (root / "law/mine.yaml").write_text(LAW.format(file=file))
    (root / "law/mine.csv").write_text(table)
    with pytest.raises(LehrError, match=says) as error:
        Catalogue([CONF, root]).law("mine")
    assert "\n" not in str(error.value)
