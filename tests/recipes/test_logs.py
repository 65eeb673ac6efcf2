"""Logs of training runs: every format, what is guessed and said, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from lehr.recipes.errors import LehrError
from lehr.recipes.reading import LogReading, ReadRun, UnfinishedError, open_log, read_runs
from tests.properties.event_files import event_file, framed

STEPS = list(range(100, 2001, 100))


def rate(step: int) -> float:
    return 3e-5 + (3e-4 - 3e-5) / 2 * (1 + math.cos(math.pi * (step - 100) / 1900))


ROWS = [{"step": s, "loss": 4.0 - s / 1000, "learning_rate": rate(s)} for s in STEPS]


def csv_of(rows: list[dict], end: str = "\n") -> str:
    lines = [",".join(rows[0]), *(",".join(repr(v) for v in row.values()) for row in rows)]
    return "\n".join(lines) + end


def read(path: Path, **reading: object) -> ReadRun:
    (one,) = read_runs([str(path)], LogReading(**reading))  # type: ignore[arg-type]
    return one


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def history_of_trainer() -> str:
    """trainer_state.json as transformers writes it: evaluations between, and a last row of totals."""
    rows: list[dict] = []
    for row in ROWS:
        rows.append({"epoch": row["step"] / 2000, "grad_norm": 0.7, **row})
        rows.append({"epoch": row["step"] / 2000, "eval_loss": 9.0, "step": row["step"]})
    rows.append({"epoch": 1.0, "step": 2000, "train_loss": 3.0, "train_runtime": 12.0})
    return json.dumps({"best_metric": None, "log_history": rows, "global_step": 2000})


def test_a_rate_that_is_no_number_is_not_taken_for_none(tmp_path: Path) -> None:
    lines = "step,loss,lr\n" + "".join(f"{row['step']},{row['loss']},2.99e-04e0\n" for row in ROWS)
    with pytest.raises(LehrError, match=r"row 1: lr is '2\.99e-04e0', which is no number"):
        read(written(tmp_path, "run.csv", lines))


def test_a_loss_on_held_out_data_is_taken_where_a_log_has_no_other(tmp_path: Path) -> None:
    lines = "".join(f"step:{r['step']}/2000 val_loss:{r['loss']} lr:{r['learning_rate']}\n" for r in ROWS)
    alone = read(written(tmp_path, "run.txt", lines))
    assert alone.run.loss.tolist() == [row["loss"] for row in ROWS]
    assert any("'val_loss'" in note for note in alone.notes)


FILES: dict[str, tuple[str, str | bytes]] = {
    "csv": ("run.csv", csv_of(ROWS)),
    "tabs": ("run.tsv", csv_of(ROWS).replace(",", "\t")),
    "semicolons and a mark": ("run.csv", "\ufeff" + csv_of(ROWS).replace(",", ";")),
    "windows": ("run.csv", csv_of(ROWS).replace("\n", "\r\n")),
    "json lines": ("run.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS)),
    "json lines without an end": ("run.jsonl", "\n".join(json.dumps(row) for row in ROWS)),
    "json rows": ("run.json", json.dumps(ROWS)),
    "json columns": ("run.json", json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]})),
    "pandas": ("run.json", json.dumps({k: {str(i): row[k] for i, row in enumerate(ROWS)} for k in ROWS[0]})),
    "nested": ("run.jsonl", "".join(
        json.dumps({"step": r["step"], "train": {"loss": r["loss"], "lr": r["learning_rate"]}}) + "\n" for r in ROWS
    )),
    "transformers": ("trainer_state.json", history_of_trainer()),
    "wandb history": ("run.jsonl", "".join(
        json.dumps({"_step": r["step"], "_runtime": 1.0, "_timestamp": 1.7e9, "train/loss": r["loss"],
                    "train/learning_rate": r["learning_rate"], "eval/loss": None}) + "\n" for r in ROWS
    )),
    "wandb export": ("export.csv", '"Step","brave-sun-7 - train/loss","brave-sun-7 - train/loss__MIN",'
        '"brave-sun-7 - train/loss__MAX","brave-sun-7 - train/learning_rate"\n' + "".join(
        f'"{r["step"]}","{r["loss"]!r}","{r["loss"]!r}","{r["loss"]!r}","{r["learning_rate"]!r}"\n' for r in ROWS)),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_every_format_gives_the_run(tmp_path: Path, kind: str) -> None:
    one = read(written(tmp_path, *FILES[kind]))
    assert one.run.steps.tolist() == STEPS
    assert one.run.loss.tolist() == [row["loss"] for row in ROWS]
    # a cosine that is recognised goes through every logged rate, to the accuracy that recognition asks for
    assert np.allclose(one.run.rates[STEPS], [row["learning_rate"] for row in ROWS], rtol=0, atol=1e-6 * 3e-4)
    assert any("recognised as a cosine from 0.0003 at step 100 to 3e-05 at step 2000" in note for note in one.notes)


@pytest.mark.parametrize("tensor", [False, True])
def test_tensorboard_gives_the_run(tmp_path: Path, tensor: bool) -> None:
    rows = [(r["step"], {"train/loss": r["loss"], "lr": r["learning_rate"]}) for r in ROWS]
    # the folder of a run that was written in two parts
    (tmp_path / "big").mkdir()
    written(tmp_path / "big", "events.out.tfevents.1.host", event_file(rows[:8], tensor=tensor))
    written(tmp_path / "big", "events.out.tfevents.2.host", event_file(rows[8:], tensor=tensor))
    one = read(tmp_path / "big")
    assert one.run.name == "big"
    assert one.run.steps.tolist() == STEPS
    # events hold single precision: 2^-24 of each value
    assert np.allclose(one.run.loss, [row["loss"] for row in ROWS], rtol=2**-24, atol=0)


def test_an_export_of_several_runs_gives_each(tmp_path: Path) -> None:
    lines = ["Step,a - train/loss,a - train/lr,b - train/loss,b - train/lr"]
    lines += [f"{s},{4 - s / 1000},{1e-3},," if s % 200 else f"{s},,,{3 - s / 1000},{2e-3}" for s in STEPS]
    path = written(tmp_path, "export.csv", "\n".join(lines) + "\n")
    a, b = read_runs([str(path)], LogReading(columns={"rate": "train/lr"}))
    assert (a.run.name, b.run.name) == ("a", "b")
    assert a.run.steps.tolist() == [s for s in STEPS if s % 200]
    assert b.run.rates[2000] == 2e-3


def test_columns_are_what_the_user_says(tmp_path: Path) -> None:
    rows = [{"tick": r["step"], "loss": 9.9, "perplexing": r["loss"], "speed": r["learning_rate"]} for r in ROWS]
    path = written(tmp_path, "run.csv", csv_of(rows))
    one = read(path, columns={"step": "tick", "loss": "perplexing", "rate": "speed"})
    assert one.run.loss[0] == ROWS[0]["loss"]
    assert one.notes[0] == "20 rows, loss from 'perplexing'"
    with pytest.raises(LehrError, match=r"columns\.rate: no column of numbers is called 'sped'; did you mean speed\?"):
        read(path, columns={"step": "tick", "rate": "sped"})
    with pytest.raises(LehrError, match=r"columns\.rates: unknown; did you mean rate\?"):
        read(path, columns={"rates": "speed"})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*ROWS[:3], {**ROWS[3], "loss": math.nan}, *ROWS[4:]], "loss is nan at step 400; leave such rows out"),
        ([*ROWS[:3], {**ROWS[3], "learning_rate": math.inf}], "learning_rate is inf at step 400"),
        ([ROWS[0], ROWS[2], ROWS[1]], "step 200 comes after step 300: the run was restarted"),
        ([ROWS[0], ROWS[0]], "step 100 has two values of loss"),
        ([{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}], "no column of the learning rate among loss; write"),
        ([{"step": 1, "lr": 3.0}], "no column of the loss"),
        ([{"time": 1, "loss": 3.0}], "no column of the steps"),
        ([{"step": 1.5, "loss": 3.0}], "step is 1.5; write whole numbers"),
        ([{"step": -1, "loss": 3.0}], "step is -1"),
        ([{"step": 10**12, "loss": 3.0, "lr": 1e-3}], "is this tokens or time"),
        ([{"step": 1, "loss": -3.0, "lr": 1e-3}], "the loss of step 1 is -3"),
        ([{"step": 1, "loss": 3.0, "lr": 0.0}], "lr is zero in every row"),
        ([{"step": 1, "loss": 3.0, "lr": -1e-3}], "lr is -0.001 at step 1"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_log_that_says_no_run_is_refused_in_one_line(tmp_path: Path, rows: list, message: str, kind: str) -> None:
    text = csv_of(rows) if kind == "csv" else "".join(json.dumps(row) + "\n" for row in rows)
    path = written(tmp_path, f"run.{kind}", text)
    with pytest.raises(LehrError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "step,loss,lr\n", "has a heading and no rows"),
        ("a.csv", "1,2,3\n4,5,6\n", "the first line has no headings"),
        ("a.csv", "step,loss,loss\n1,2,3\n", "two columns are called 'loss'"),
        ("a.csv", "step,loss\n1,2\n3\n4,5\n", "a.csv:3: 1 fields; the heading has 2"),
        (
            "a.csv",
            "step;loss;lr\n1;3,14;0,1\n2;3,1;0,1\n",
            r"row 1: loss is '3,14'; write a decimal point, not a comma",
        ),
        ("a.csv", 'step,loss,lr\n"1","3,141",0.1\n', r"row 1: loss is '3,141'; write a decimal point, not a comma"),
        ("a.csv", "step,loss,lr\n1,3.0,0.1\n0.002k,2.9,0.1\n", "row 2: step is '0.002k', which is no number; write"),
        ("a.csv", b"\xff\xfe\x00", "is no text"),
        ("a.jsonl", '{"step": 1}\n{"st\n{"step": 2}\n', "a.jsonl:2: not JSON"),
        ("a.jsonl", '{"step": 1}\n3\n', "a.jsonl:2: is no row"),
        ("a.json", '{"a": [1], "b": [1, 2]}', "different lengths"),
        ("a.json", "[1, 2]", "is no log"),
        ("a.tfevents.1", b"nothing of the kind", "the checksum of a record's length is wrong"),
        ("a.tfevents.1", framed(b""), "no scalars in its event files"),
    ],
)
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(LehrError, match=message):
        read(written(tmp_path, name, content))
    with pytest.raises(LehrError, match="cannot be read"):
        read(tmp_path / "absent.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LehrError, match="a folder without TensorBoard event files"):
        read(tmp_path / "empty")


def test_steps_and_tokens_are_numbers_as_spreadsheets_write_them(tmp_path: Path) -> None:
    for write in ("{:,}", "{:,}/24,000", "{}", "{:.6e}"):
        steps = [f'"{write.format(s)}"' for s in range(100, 24000, 100)]
        path = written(tmp_path, "run.csv", "step,loss,lr\n" + "".join(f"{s},3.0,0.001\n" for s in steps))
        assert read(path).run.steps.tolist() == list(range(100, 24000, 100))
    tokens = "".join(f'"{t:,}",3.0,0.001\n' for t in range(1_000_000, 9_000_000, 1_000_000))
    path = written(tmp_path, "run.csv", "tokens,loss,lr\n" + tokens)
    assert read(path, batch_tokens=1e5).run.steps.tolist() == list(range(10, 90, 10))


def test_a_step_that_is_no_number_does_not_vanish(tmp_path: Path) -> None:
    text = csv_of(ROWS) + "step,loss,learning_rate\n,3.0,0.1\n"
    assert len(read(written(tmp_path, "run.csv", text)).run.steps) == len(ROWS)
    path = written(tmp_path, "run.csv", text + "last,3.0,0.1\n")
    with pytest.raises(LehrError, match=r"row 23: step is 'last', which is no number; write 1300 or 1,300"):
        read(path)
    assert open_log(path, lenient=True).notes == ["1 line whose step is no number passed over"]


def test_a_half_written_end_is_passed_over_and_said(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv", csv_of(ROWS, end="\n2100,1")),
        ("b.csv", csv_of(ROWS, end="\n2100,1.9,0.0001")),
        ("c.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS) + '{"step": 2100, "lo'),
    ):
        log = open_log(written(tmp_path, name, content))
        (series,) = log.runs.values()
        assert series["loss"].steps == STEPS
        assert len(log.notes) == 1
        assert "passed over" in log.notes[0]
    whole = event_file([(r["step"], {"loss": r["loss"], "lr": 1e-3}) for r in ROWS])
    log = open_log(written(tmp_path, "events.out.tfevents.1", whole[:-7]))
    (series,) = log.runs.values()
    assert series["loss"].steps == STEPS[:-1]
    assert "half written" in log.notes[0]


def test_the_warm_up_before_the_first_row(tmp_path: Path) -> None:
    path = written(tmp_path, "run.csv", csv_of([{**r, "learning_rate": 1e-3} for r in ROWS]))
    said = read(path, warmup_steps=50)
    assert said.run.rates[[0, 25, 50, 75]].tolist() == [0, 5e-4, 1e-3, 1e-3]
    assert "a linear warm-up over 50 steps as warmup_steps says" in said.notes[-1]
    silent = read(path)
    assert silent.run.rates[[0, 50, 100]].tolist() == [0, 5e-4, 1e-3]
    assert "a linear warm-up that ends at step 100 is assumed: the log does not say" in silent.notes[-1]
    with pytest.raises(LehrError, match="warmup_steps: -1 is negative"):
        read(path, warmup_steps=-1)


def test_a_logged_warm_up_goes_down_to_zero(tmp_path: Path) -> None:
    rows = [{**r, "learning_rate": 1e-3 * min(r["step"] / 500, 1)} for r in ROWS]
    one = read(written(tmp_path, "run.csv", csv_of(rows)))
    # rates between two rows are weighted sums of them: a few roundings; the text holds every digit
    assert np.allclose(one.run.rates, 1e-3 * np.minimum(np.arange(2001) / 500, 1), rtol=1e-14, atol=1e-19)
    assert "linear between 20 logged rows, 100 steps apart at most" in one.notes[-1]


def test_a_step_down_is_held_until_its_row(tmp_path: Path) -> None:
    rows = [{**r, "learning_rate": 1e-3 if r["step"] < 1000 else 1e-4} for r in ROWS]
    one = read(written(tmp_path, "run.csv", csv_of(rows)))
    assert one.run.rates[[900, 999, 1000]].tolist() == [1e-3, 1e-3, 1e-4]
    assert "jumps between rows 900 and 1000, taken at the later" in one.notes[-1]


def test_a_line_is_recognised(tmp_path: Path) -> None:
    rows = [{**r, "learning_rate": 1e-3 * (1 - r["step"] / 4000)} for r in ROWS]
    one = read(written(tmp_path, "run.csv", csv_of(rows)))
    assert "recognised as a line" in one.notes[-1]


def test_a_schedule_from_a_config(tmp_path: Path) -> None:
    rows = [{"step": r["step"], "loss": r["loss"]} for r in ROWS]
    path = written(tmp_path, "run.csv", csv_of(rows))
    cosine = {"kind": "cosine", "peak": 3e-4, "floor": 3e-5, "warmup": {"steps": 100}, "steps": 2000}
    one = read(path, schedule=cosine)
    # the same formula written twice: a few roundings, of a peak of 3e-4 where the cosine cancels
    assert np.allclose(one.run.rates[STEPS[:-1]], [rate(s) for s in STEPS[:-1]], rtol=1e-14, atol=1e-18)
    assert "from the config: 2000 steps: warm-up linear 0 to 0.0003 over 100" in one.notes[-1]
    assert read(path, schedule={"run": cosine}).run.rates[100] == 3e-4
    for schedule, message in (
        ({**cosine, "steps": 500}, "schedule.steps: 500 steps, and .* goes to step 2000"),
        ({"kind": "cosin", "peak": 1.0}, r"schedule\.kind: 'cosin' is not known; did you mean cosine"),
        ({**cosine, "warmup": {"steps": 9000}}, "schedule: warm-up of 9000 steps is longer"),
        ({"peak": 1.0}, "has no `kind`"),
        ({"other": cosine}, "no column of the learning rate"),
    ):
        with pytest.raises(LehrError, match=message):
            read(path, schedule=schedule)


def test_a_schedule_from_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, "run.csv", csv_of([{"step": r["step"], "loss": r["loss"]} for r in ROWS]))
    rule = "{kind: cosine, peak: 3e-4, floor: 3e-5, warmup: {steps: 100}"
    # as lehr plan schedule writes it, and on one level
    fragment = written(tmp_path, "a.yaml", f"steps: 2000\nschedule: {rule}}}\n")
    flat = written(tmp_path, "b.yaml", f"{rule}, steps: 2000}}\n")
    for schedule in (str(fragment), str(flat), {"run": str(fragment)}):
        assert read(path, schedule=schedule).run.rates[100] == 3e-4
    with pytest.raises(LehrError, match=r"c\.yaml: has no `kind`"):
        read(path, schedule=str(written(tmp_path, "c.yaml", "steps: 2000\n")))
    with pytest.raises(LehrError, match=r"`step` is not known beside `schedule`"):
        read(path, schedule={"step": 2000, "schedule": {"kind": "constant", "peak": 1e-3}})


def test_a_restarted_run_is_read_as_one_and_told(tmp_path: Path) -> None:
    wrong = [{**r, "loss": 9.9} for r in ROWS[10:15]]
    one = read(written(tmp_path, "run.csv", csv_of([*ROWS[:15], *ROWS[10:]])))
    assert one.run.steps.tolist() == STEPS
    spoiled = read(written(tmp_path, "run.csv", csv_of([*ROWS[:10], *wrong, *ROWS[10:]])))
    assert spoiled.run.loss.tolist() == [row["loss"] for row in ROWS]
    assert "the log goes back once, last to step 1100" in spoiled.notes[2]
    assert "5 earlier ones are left out" in spoiled.notes[2]


def test_the_unit_is_the_users_or_the_headings(tmp_path: Path) -> None:
    path = written(tmp_path, "run.csv", csv_of(ROWS))
    assert read(path).unit == "nats/token"
    assert read(path, loss_unit="bits/token").unit == "bits/token"
    with pytest.raises(LehrError, match="loss_unit: 'bits' is not known; write one of nats/token"):
        read(path, loss_unit="bits")
    rows = [{"step": r["step"], "lr": r["learning_rate"], "train/bpb": r["loss"]} for r in ROWS]
    assert read(written(tmp_path, "run.csv", csv_of(rows))).unit == "bits/byte"


@pytest.mark.parametrize(
    ("loss", "rate"), [("train/CrossEntropyLoss", "optim/learning_rate_group0"), ("train_loss_step", "lr-AdamW/pg1")]
)
def test_the_first_of_several_groups_of_parameters_counts(tmp_path: Path, loss: str, rate: str) -> None:
    other = f"{rate[:-1]}{int(rate[-1]) + 1}"
    rows = [{"step": r["step"], other: 0.0, rate: r["learning_rate"], loss: r["loss"]} for r in ROWS]
    assert f"from {rate!r}" in read(written(tmp_path, "run.csv", csv_of(rows))).notes[-1]


def test_what_is_still_written_is_told_apart_from_what_is_wrong(tmp_path: Path) -> None:
    whole = json.dumps({"log_history": [{"step": 10, "loss": 3.25, "note": "a"}]}, indent=1)
    for end in range(1, len(whole)):
        with pytest.raises(UnfinishedError):
            open_log(written(tmp_path, "trainer_state.json", whole[:end]))
    for name, content in (
        ("a.csv", ""),
        ("a.csv", "step,lo"),
        ("a.csv", "step,loss\n10,3."),
        ("a.jsonl", '{"step": 1'),
    ):
        with pytest.raises(UnfinishedError):
            open_log(written(tmp_path, name, content))
    with pytest.raises(LehrError) as caught:
        open_log(written(tmp_path, "a.jsonl", '{"step": 1} and more'))
    assert not isinstance(caught.value, UnfinishedError)


def test_a_config_that_contradicts_the_log_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "run.csv", csv_of(ROWS))
    with pytest.raises(LehrError, match=r"the schedule gives 0\.001 at step .*, the log"):
        read(path, schedule={"kind": "constant", "peak": 1e-3})


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder, "run.csv", csv_of(ROWS))
    names = [r.run.name for r in read_runs([str(tmp_path / f / "run.csv") for f in ("a", "b")], LogReading())]
    assert names == ["run (1)", "run (2)"]
