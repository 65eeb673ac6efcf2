"""`lehr calibrate`: a machine measured, a table fitted or compared."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.cli import main
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.calibrating import Compared, load
from lehr.recipes.laying_out.calibration_run import Calibrated
from lehr.recipes.laying_out.tables import MEASUREMENT
from lehr.simulators.machine.demand import RING


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.mark.slow
def test_a_machine_is_measured_and_every_verb_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    status, out, err = run(
        capsys, "calibrate", "device=cpu", "seconds=1", f"out={tmp_path}", "name=here", "format=json"
    )
    assert status == 0, err
    found = json.loads(out)
    path = Path(found["file"])
    assert path == tmp_path / "accelerator" / "here.yaml"
    assert min(found["bandwidth"], found["attention"], found["launch"], found["memory_bytes"]) > 0
    for arguments in (
        ["count", "model=gpt2_124m", f"accelerator={path}"],
        ["layout", "model=gpt2_124m", "devices=1", "global_batch=8", f"accelerator={path}"],
    ):
        status, out, err = run(capsys, *arguments)
        assert status == 0, err
        assert "here" in out


@pytest.mark.slow
def test_messages_among_processes_are_timed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    status, out, err = run(
        capsys, "calibrate", "device=cpu", "seconds=1", "processes=2", f"out={tmp_path}", "format=json"
    )
    assert status == 0, err
    found = json.loads(out)
    assert found["collectives"].keys() == {"all_reduce", "all_gather"}
    assert all(speed > 0 for speeds in found["collectives"].values() for speed in speeds.values())
    # the model multiplies a link by what a ring reaches of it
    link = load_yaml(Path(found["file"]))["link"]
    assert link["domain"] == 2
    assert link["bandwidth"] * RING == pytest.approx(max(found["collectives"]["all_reduce"].values()), rel=1e-3)


def test_a_file_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "accelerator" / "my_machine.yaml"
    path.parent.mkdir()
    path.write_text("mine")
    status, _, err = run(capsys, "calibrate", "device=cpu", "seconds=1", f"out={tmp_path}")
    assert (status, path.read_text()) == (2, "mine")
    assert "overwrite=true" in err


def test_a_file_that_comes_while_a_machine_is_measured_stays(tmp_path: Path) -> None:
    path = tmp_path / "accelerator" / "here.yaml"
    path.parent.mkdir()
    found = Compared(rows=[], errors={})
    done = Calibrated(found=found, path=path, content=b"ours", left_out=[], overwrite=False)
    path.write_text("another run's")
    with pytest.raises(LehrError, match="stands there already; write another name, or overwrite=true"):
        done.write()
    assert path.read_text() == "another run's"
    msgspec.structs.replace(done, overwrite=True).write()
    assert path.read_text() == "ours"


def test_a_table_beside_the_constants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Under other names of columns, with a row whose layout is not printed."""
    table = tmp_path / "runs.csv"
    table.write_text(
        "source,model,hidden,layers,heads,kv_heads,ffn,vocab,seq,gpu,n_gpus,tp,pp,micro_batch,global_batch,precision,"
        "measured_tokens_s_gpu\n"
        "ours,llama 8b,4096,32,32,8,14336,128256,8192,H100-80GB,8,1,1,1,128,bf16,9000\n"
        "ours,llama 8b,4096,32,32,8,14336,128256,8192,DGX-GB200,8,,,1,128,bf16,9000\n"
    )
    status, out, err = run(capsys, "calibrate", f"table={table}", "fit=false", "format=json")
    assert status == 0, err
    data = json.loads(out)
    (row,) = data["rows"]
    assert (row["accelerator"], row["measured"]) == ("h100_sxm", 9000.0)
    assert row["low"] < row["told"] < row["high"]
    assert data["left_out"] == ["runs.csv, line 3: the layout is not printed"]


def test_the_catalogue_s_own_table_is_told_better_than_it_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "calibrate", "table=catalogue", "fit=false", "format=json")
    assert status == 0, err
    errors = json.loads(out)["errors"]
    assert errors["dense"]["median"] < load().errors["dense, new"].median
    assert len(json.loads(out)["rows"]) == len((MEASUREMENT / "step_time.csv").read_text().splitlines()) - 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["table=nope.csv"], "table: there is no file nope.csv"),
        (["seconds=0"], "seconds: 0 cannot be"),
        (["device=tpu"], "device: 'tpu' is not known"),
        (["name=a/b"], "name: 'a/b' cannot name a file"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    status, out, err = run(capsys, "calibrate", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"lehr: {says}"), err
    assert err.count("\n") == 1
