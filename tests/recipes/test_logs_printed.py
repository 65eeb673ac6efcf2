"""What trainers print and export beside tables of one row a step: read, or named with what to give."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from lehr.recipes.errors import LehrError
from lehr.recipes.reading import LogReading, open_log, read_runs
from lehr.recipes.reading.headings import LOSS, RATE, find
from lehr.recipes.reading.rows import read_rows

LINES = {
    "megatron": (
        " [2026-01-02 03:04:10] iteration       {s}/    2000 | consumed samples: 160 | learning rate: {r:.6E} | "
        "global batch size:    16 | lm loss: {v:.6E} | loss scale: 1.0 | grad norm: 0.512 |"
    ),
    "nanotron": (
        "01/02/2026 03:04:05 [INFO|DP=0|PP=0|TP=0|ip-1]: iteration: {s} / 2000 | consumed_tokens: 0.655M | "
        "lm_loss: {v:.4g} | lr: {r:.3g} | grad_norm: 0.512"
    ),
    "torchtune": "Step {s} | loss:{v} lr:{r} tokens_per_second_per_gpu:5012.1 ",
    "torchtitan": "\x1b[31m[rank0]:2026-01-02 03:04:05 - root - INFO - step: {s}  loss:  {v}  memory: 10GiB  tps: 12",
    "olmo": "INFO [step={s}/2000,epoch=0]\n    train/CrossEntropyLoss={v}\n    optim/learning_rate_group0={r}",
    "nanogpt": "iter {s}: loss {v}, time 250.00ms, mfu 10.10%",
    "modded-nanogpt": "step:{s}/2000 train_loss:{v} train_time:211ms step_avg:104ms",
    "llm.c": "step    {s}/2000 | loss {v} (+nanz)| norm 15.3 (+nanz)| lr {r} | 2000.10 ms | 50.1% bf16 MFU",
    "llm.c main.log": "s:{s} trl:{v} lr:{r} norm:15.2",
    "maxtext": "completed step: {s}, seconds: 1.234, TFLOP/s/device: 100.1, total_weights: 65536, loss: {v}",
    "deepspeed": (
        "[2026-01-02 03:04:05,123] [INFO] [logging.py:96:log_dist] [Rank 0] step={s}, skipped=0, lr=[{r}, {r}], "
        "mom=[(0.9, 0.95)]\nsteps: {s} loss: {v} iter time (s): 1.2"
    ),
}
WITHOUT_RATE = {"torchtitan", "nanogpt", "modded-nanogpt", "maxtext"}
STEPS = list(range(10, 200, 10))


def value(step: int) -> float:
    return 5.0 - step / 100


def rate(step: int) -> float:
    return 1e-6 * step


@pytest.mark.parametrize("trainer", LINES)
def test_console_lines_of_trainers(tmp_path: Path, trainer: str) -> None:
    path = tmp_path / "run.log"
    path.write_text("".join(LINES[trainer].format(s=s, v=value(s), r=rate(s)) + "\n" for s in STEPS))
    (series,) = open_log(path).runs.values()
    loss = series[find(LOSS, series) or ""]
    assert list(loss.steps) == STEPS
    assert list(loss.values) == pytest.approx([value(s) for s in STEPS], rel=1e-3)
    heading = find(RATE, series)
    assert (heading is None) == (trainer in WITHOUT_RATE)
    if heading is not None:
        assert list(series[heading].values) == pytest.approx([rate(s) for s in STEPS], rel=1e-2)


def test_lines_without_a_step_ask_for_it(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    path.write_text("".join(f"{{'loss': {value(s)}, 'learning_rate': {rate(s)}, 'epoch': 0.1}}\n" for s in STEPS))
    with pytest.raises(LehrError, match="row_steps"):
        open_log(path)
    (series,) = open_log(path, row_steps=10).runs.values()
    assert list(series["loss"].steps) == STEPS


def test_one_metric_a_row_and_one_metric_a_file(tmp_path: Path) -> None:
    long = tmp_path / "long.csv"
    rows = [f"a,loss,{value(s)},{s}\na,lr,{rate(s)},{s}\n" for s in STEPS]
    long.write_text("run_id,key,value,step\n" + "".join(rows))
    metrics = tmp_path / "run1" / "metrics"
    metrics.mkdir(parents=True)
    for name, quantity in (("loss", value), ("lr", rate)):
        (metrics / name).write_text("".join(f"1767323050000 {quantity(s)} {s}\n" for s in STEPS))
    for path in (long, tmp_path / "run1"):
        (series,) = open_log(path).runs.values()
        assert list(series["loss"].steps) == list(series["lr"].steps) == STEPS
        assert list(series["loss"].values) == [value(s) for s in STEPS]


def test_downloads_of_one_tag_are_joined_and_never_one_for_both(tmp_path: Path) -> None:
    for name, quantity in (("train_loss", value), ("lr", rate)):
        rows = "".join(f"1.0,{s},{quantity(s)}\n" for s in STEPS)
        (tmp_path / f"{name}.csv").write_text("Wall time,Step,Value\n" + rows)
    paths = [str(tmp_path / "train_loss.csv"), str(tmp_path / "lr.csv")]
    (one,) = read_runs(paths, LogReading())
    assert one.run.loss.tolist() == [value(s) for s in STEPS]
    assert one.run.rates[STEPS[-1]] == pytest.approx(rate(STEPS[-1]))
    read = read_rows(Path("+".join(paths)), {})
    assert read.rates is not None
    assert read.rates[1].tolist() == [rate(s) for s in STEPS]
    with pytest.raises(LehrError, match="cannot be both"):
        read_runs(paths[:1], LogReading(columns={"loss": "Value", "rate": "Value"}))


def test_steps_as_a_share_packed_files_and_pointers(tmp_path: Path) -> None:
    lines = "".join(
        f'{{"loss": {value(s)}, "learning_rate": {rate(s)}, "global_step/max_steps": "{s}/2000"}}\n' for s in STEPS
    )
    (tmp_path / "logging.jsonl").write_text(lines)
    (series,) = open_log(tmp_path / "logging.jsonl").runs.values()
    assert list(series["loss"].steps) == STEPS
    table = "step,lr,loss\n" + "".join(f"{s},{rate(s)},{value(s)}\n" for s in STEPS)
    (tmp_path / "run.csv.gz").write_bytes(gzip.compress(table.encode()))
    (series,) = open_log(tmp_path / "run.csv.gz").runs.values()
    assert list(series["loss"].steps) == STEPS
    (tmp_path / "run.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(LehrError, match="git lfs pull"):
        open_log(tmp_path / "run.csv")


@pytest.mark.parametrize(("heading", "unit"), [("tokens", 1), ("Tokens (B)", 1e9), ("train/tokens_M", 1e6)])
def test_tokens_are_steps_where_the_batch_is_said(tmp_path: Path, heading: str, unit: float) -> None:
    table = f"{heading},lr,loss\n" + "".join(f"{s * 4096 / unit:.12g},{rate(s)},{value(s)}\n" for s in STEPS)
    (tmp_path / "run.csv").write_text(table)
    (series,) = open_log(tmp_path / "run.csv", batch_tokens=4096).runs.values()
    assert list(series["loss"].steps) == STEPS
    with pytest.raises(LehrError, match="counts tokens: write batch_tokens=<tokens of a step>"):
        open_log(tmp_path / "run.csv")


def test_a_cool_down_holds_its_rate_before_its_first_row(tmp_path: Path) -> None:
    steps = list(range(8000, 10001, 100))
    table = "step,lr,loss\n" + "".join(f"{s},{3e-4 * (10000 - s) / 2000},{value(1)}\n" for s in steps)
    (tmp_path / "cool.csv").write_text(table)
    (one,) = read_runs([str(tmp_path / "cool.csv")], LogReading(warmup_steps=100))
    assert one.run.rates[200:8001].max() == pytest.approx(3e-4)
    base = "step,lr,loss\n" + "".join(f"{s},{2e-4},{value(1)}\n" for s in range(100, 9000, 100))
    (tmp_path / "base.csv").write_text(base)
    reading = LogReading(warmup_steps=100, after=str(tmp_path / "base.csv"))
    (after,) = read_runs([str(tmp_path / "cool.csv")], reading)
    assert after.run.rates[5000] == pytest.approx(2e-4)


def test_a_last_rate_of_zero_on_a_constant_run_is_no_annealing(tmp_path: Path) -> None:
    rows = [(s, 1e-3, value(s)) for s in STEPS] + [(200, 0.0, value(200))]
    (tmp_path / "run.csv").write_text("step,lr,loss\n" + "".join(f"{s},{r},{v}\n" for s, r, v in rows))
    (one,) = read_runs([str(tmp_path / "run.csv")], LogReading())
    assert not one.run.anneals


def test_the_steps_of_a_wandb_log_are_its_updates(tmp_path: Path) -> None:
    """``_step`` counts calls of log(): beside each row of the training one of an evaluation."""
    path = tmp_path / "history.csv"
    lines = [f"{2 * i},{s},{value(s)},{rate(s)},\n{2 * i + 1},{s},,,{value(s)}\n" for i, s in enumerate(STEPS)]
    heading = "_step,train/global_step,train/loss,train/learning_rate,eval/loss\n"
    path.write_text(heading + "".join(lines))
    read = read_rows(path, {})
    assert read.rows.steps.tolist() == STEPS
    said = "steps from 'train/global_step', not from '_step'; columns={step: <heading>} says otherwise"
    assert said in read.notes
    (one,) = read_runs([str(path)], LogReading())
    assert one.run.steps.tolist() == STEPS
    assert said in one.notes
    assert read_rows(path, {"step": "_step"}).rows.steps.tolist() == list(range(0, 2 * len(STEPS), 2))
    # another trainer counts its updates in rows of their own
    path.write_text(heading + "".join(f"{i},,{value(s)},{rate(s)},\n" for i, s in enumerate(STEPS)) + "90,9,,,1.0\n")
    read = read_rows(path, {})
    assert read.rows.steps.tolist() == list(range(len(STEPS)))
    assert any("it counts calls of log()" in note for note in read.notes)
