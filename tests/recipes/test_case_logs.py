"""The logs of ``shared/cases``, as trainers and their resumed jobs write them: each with what is right of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lehr.recipes.cli import main
from tests.data import data_file

LONG = "schedule={kind: cosine, peak: 3e-4, floor: 3e-5, warmup: {steps: 2000}, steps: 24000}"
SHORT = "schedule={kind: cosine, peak: 3e-4, floor: 3e-5, warmup: {steps: 100}, steps: 2000}"
LAW = "law=multi_power_25m"
ON_PLAN = "the learning rate is on its plan"


def log(name: str) -> str:
    return str(data_file(f"../cases/logs/{name}"))


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main([*words])
    out = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out.out + out.err


@pytest.mark.slow
@pytest.mark.parametrize("law", [(), (LAW,)])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lr_good", None),
        ("lr_reset", "at step 8,000 the log's learning rate is 0, the plan's 0.0002534 (step 7,950 still agrees): the "
                     "schedule began again where the run was resumed, about step 8,000"),
        ("lr_dbl", "at step 8,000 the log's learning rate is 0.0001089, the plan's 0.0002534 (step 7,950 still "
                   "agrees): its position was counted twice when the run was resumed, about step 8,000"),
        ("lr_fast_10k", "at step 2,050 the log's learning rate is 0.0002505, the plan's 0.0003 (from the first row): "
                        "the scheduler steps 4 times an update"),
    ],
)  # fmt: skip
def test_a_rate_off_its_plan_is_told_before_the_loss(
    capsys: pytest.CaptureFixture[str], name: str, says: str | None, law: tuple[str, ...]
) -> None:
    status, said = told(capsys, "track", f"log={log(f'{name}.csv')}", LONG, *law)
    first, second = said.splitlines()[:2]
    if says is None:
        assert (status, first) == (0, "inside the band" if law else f"lr_good.csv: {ON_PLAN} (last step 23,950)")
        assert "drift:" not in said
        assert "spike:" not in said
    else:
        assert status == 1
        assert says in (second if law else first)
        assert first.startswith("RATE: the learning rate leaves the plan" if law else f"{name}.csv: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "more", "last"),
    [
        ("megatron.log", (), 580),
        ("hf_stdout.log", ("row_steps=10",), 600),
        ("nanotron.log", (), 600),
        ("torchtune.txt", (), 600),
        ("llama_factory.jsonl", (), 600),
        ("swift_logging.jsonl", (), 600),
        ("mlflow_long.csv", (), 300),
    ],
)
def test_what_trainers_write_is_read_with_its_step_loss_and_rate(
    capsys: pytest.CaptureFixture[str], name: str, more: tuple[str, ...], last: int
) -> None:
    status, said = told(capsys, "track", f"log={log(name)}", SHORT, *more)
    assert f"{name}: {ON_PLAN} (last step {last:,})" in said
    assert status == 0


@pytest.mark.slow
def test_lines_without_a_step_and_two_runs_in_one_are_told_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    for name, says in (("hf_stdout.log", "write row_steps=10 with its logging_steps, or give trainer_state.json"),
                       ("wandb_two.csv", "has 2 runs; write run=<one of run-a, run-b>")):  # fmt: skip
        status, said = told(capsys, "track", f"log={log(name)}", SHORT)
        assert (status, said.count("\n")) == (2, 1)
        assert says in said


@pytest.mark.slow
def test_each_of_two_runs_in_one_export_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    for run, last in (("run-a", 3.4066), ("run-b", 3.5066)):
        _, said = told(capsys, "track", f"log={log('wandb_two.csv')}", SHORT, f"run={run}", LAW)
        assert f"step 590 of 2,000 (29.5%): loss {last}" in said
        assert "the learning rate was not checked: the log has none" in said.splitlines()[1]


@pytest.mark.slow
def test_downloads_of_one_tag_each_are_joined_and_neither_is_taken_for_both(capsys: pytest.CaptureFixture[str]) -> None:
    loss, rate = log("tb_loss.csv"), log("tb_lr.csv")
    for logs in (f"[{loss},{rate}]", f"[{rate},{loss}]"):
        status, said = told(capsys, "track", f"log={logs}", SHORT)
        assert (status, said.splitlines()[0]) == (0, f"tb_loss.csv: {ON_PLAN} (last step 590)")
    for alone, says in ((loss, "has no learning rate"), (rate, "has the learning rate and no loss")):
        status, said = told(capsys, "track", f"log={alone}", SHORT)
        assert (status, said.count("\n")) == (2, 1)
        assert says in said


@pytest.mark.slow
def test_memorised_data_have_no_law_and_diverge_in_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(log("sft_memorised_trainer_state.json")).resolve()
    monkeypatch.chdir(tmp_path)
    status, said = told(capsys, "fit", "law=multi_power", f"data={path}")
    assert (status, said.count("\n")) == (2, 1)
    assert "misses its own rows by" in said
    assert "nothing is written" in said
    assert list(tmp_path.iterdir()) == []
    _, said = told(capsys, "track", f"log={path}", SHORT)
    assert "DIVERGENCE" not in said
