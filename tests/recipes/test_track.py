"""``lehr track``: what it says of logs as jobs write them, and its exit status."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import main
from lehr.recipes.projecting.schedules import read_schedule
from lehr.simulators.laws.curves import CurveLaw
from tests.recipes.test_cli import ROOT

SCHEDULE = "{kind: wsd, peak: 3e-4, steps: 6000, warmup: {steps: 500}, decay: {steps: 1000}}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "plan.yaml").write_text(SCHEDULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def losses(until: int) -> list[tuple[int, float]]:
    law = Catalogue().law("multi_power_25m")
    assert isinstance(law, CurveLaw)
    curve = law.loss(read_schedule({"kind": "wsd", "peak": 3e-4, "steps": 6000, "warmup": {"steps": 500},
                                    "decay": {"steps": 1000}}).values())  # fmt: skip
    rng = np.random.default_rng(0)
    return [(s, float(curve[min(s, 5999)] * np.exp(rng.normal(0, 0.004)))) for s in range(20, until, 20)]


def write(path: Path, rows: list[tuple[int, float]], tail: str = "") -> None:
    path.write_text("".join(json.dumps({"step": s, "loss": v}) + "\n" for s, v in rows) + tail)


def told(capsys: pytest.CaptureFixture[str], *settings: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main(["track", "law=multi_power_25m", *settings])
    out = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out.out + out.err


def test_a_healthy_run_is_inside_and_a_half_written_line_is_passed_over(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "run.jsonl", losses(4000), '{"step": 4000, "lo')
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml", "picture=true")
    assert status == 0
    assert said.startswith(
        "inside the band\nthe learning rate was not checked: the log has none; write columns={rate: <heading>}, or "
        "log=[loss.csv,lr.csv]\nstep 3,980 of 6,000 (66.3%)"
    )
    assert "half written" in said
    assert {p.name for p in (folder / "outputs/track/run").iterdir()} - {".lehr.json"} == {"track.svg", "track.png"}


@pytest.mark.parametrize(("rows", "factor", "kind"), [(1, 1.2, "spike"), (30, 1.2, "divergence"), (80, 0.97, "shift")])
def test_outside_the_band_the_status_is_one(
    folder: Path, capsys: pytest.CaptureFixture[str], rows: int, factor: float, kind: str
) -> None:
    healthy = losses(4000)
    write(folder / "run.jsonl", [*healthy[:-rows], *((s, v * factor) for s, v in healthy[-rows:])])
    status, said = told(capsys, "log=run.jsonl", f"schedule={SCHEDULE}", "format=json")
    data = json.loads(said)
    assert (data["rate"], data["rate_checked"]) == (None, False)
    assert (status, data["state"], data["outside"]) == (1, kind, True)
    assert data["alarms"][-1]["last_step"] == 3980


def test_a_loss_that_was_no_number_is_told_with_and_without_a_law(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = read_schedule({"kind": "wsd", "peak": 3e-4, "steps": 6000, "warmup": {"steps": 500},
                           "decay": {"steps": 1000}}).values()  # fmt: skip
    rows = [(s, v if s not in (2000, 2020) else float("inf")) for s, v in losses(4000)]
    (folder / "run.csv").write_text("step,loss,lr\n" + "".join(f"{s},{v},{rates[s]}\n" for s, v in rows))
    _, said = told(capsys, "log=run.csv", "schedule=plan.yaml")
    assert said.startswith("inside the band again, after 1 alarm")
    with pytest.raises(SystemExit) as left:
        main(["track", "log=run.csv", "schedule=plan.yaml"])
    assert left.value.code == 1
    assert capsys.readouterr().out.startswith(
        "run.csv: DIVERGENCE: steps 2,000 to 2,020: the loss is no finite number above zero"
    )


def test_a_loss_that_is_no_number_is_a_divergence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{s},{v}\n" for s, v in losses(3000))
    (folder / "run.csv").write_text(f"step,loss\n{rows}3000,nan\n")
    status, said = told(capsys, "log=run.csv", "schedule=plan.yaml", "format=json")
    data = json.loads(said)
    assert (status, data["state"], data["loss"]) == (1, "divergence", None)


def test_a_restarted_log_is_read_as_one_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    healthy = losses(4000)
    spoiled = [(s, v * 1.5) for s, v in healthy[150:]]
    write(folder / "run.jsonl", [*healthy[:150], *spoiled, *healthy[140:]])
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert status == 0
    assert "the log goes back once" in said


def test_rows_without_order_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = losses(4000)
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    write(folder / "run.jsonl", shuffled)
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert status == 2
    assert "times in 199 rows; sort them" in said


def test_it_follows_a_log_until_its_last_step(folder: Path) -> None:
    rows = losses(6001)
    path = folder / "run.jsonl"
    command = [sys.executable, "-m", "lehr", "track", "law=multi_power_25m", "log=run.jsonl",
               "schedule=plan.yaml", "follow=true", "every=0.05", "format=json"]  # fmt: skip
    job = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env={"PYTHONPATH": str(ROOT)})
    assert job.stdout is not None
    first = json.loads(job.stdout.readline())
    assert (first["state"], first["step"]) == ("no rows", None)
    write(path, rows[:150], '{"step":')
    second = json.loads(job.stdout.readline())
    assert (second["state"], second["step"]) == ("inside", 3000)
    write(path, rows)
    *_, last = [json.loads(line) for line in job.stdout]
    assert last["step"] == 6000
    assert job.wait(30) == 0
    job.stdout.close()
    # the whole run is known: the interval is narrower than at half of it
    assert np.ptp(last["final"]["interval"]) < np.ptp(second["final"]["interval"])


def test_a_document_that_is_being_written_is_looked_at_again(folder: Path) -> None:
    history = [{"step": s, "loss": v} for s, v in losses(6001)]
    path = folder / "trainer_state.json"
    parts = [json.dumps({"log_history": history[:150]}), json.dumps({"log_history": history})]
    path.write_text(parts[0])
    command = [sys.executable, "-m", "lehr", "track", "law=multi_power_25m", "log=trainer_state.json",
               "schedule=plan.yaml", "follow=true", "every=0.05"]  # fmt: skip
    job = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env={"PYTHONPATH": str(ROOT)})
    assert job.stdout is not None
    assert job.stdout.readline().startswith("step 3,000/6,000")
    path.write_text(parts[1][:5000])
    # ten looks and more at the half document say nothing
    time.sleep(0.6)
    path.write_text(parts[1])
    (last,) = job.stdout.read().splitlines()
    assert last.startswith("step 6,000/6,000")
    assert job.wait(30) == 0
    job.stdout.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (("schedule=plan.yaml",), "write log=run.jsonl"),
        (("log=run.jsonl",), "write schedule=schedule.yaml"),
        (("log=none.jsonl", "schedule=plan.yaml"), "none.jsonl: cannot be read"),
        (("log=run.jsonl", "schedule=plan.yaml", "columns={lost: x}"), "columns.lost: unknown"),
        (("log=run.jsonl", "schedule=plan.yaml", "columns={loss: x}"), "no column of the loss"),
        (("log=run.jsonl", "schedule=cosine"), "cosine is a kind; write it with its values, such as 'schedule={kind: "),
        (("log=run.jsonl", "schedule=plan.yaml", "false_alarms=0.9"), "below 0.5"),
        (("log=run.jsonl", "schedule={kind: cosine, peak: 1e-3}"), "`steps` is missing"),
        (("log=run.jsonl", "schedule=plan.yaml", "every=-1"), "every: -1.0 is not above 0; write seconds"),
        (("log=run.jsonl", "schedule=plan.yaml", "row_steps=-1"), "row_steps: -1 is not above 0; write"),
        (("log=run.jsonl", "schedule=plan.yaml", "batch_tokens=-1"), "batch_tokens: -1.0 is not above 0; write"),
        (("log=run.jsonl", "recipe=starcoder", "stage=px"), "stage: starcoder has none called 'px'"),
    ],
)
def test_mistakes_are_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], settings: tuple[str, ...], says: str
) -> None:
    write(folder / "run.jsonl", losses(1000))
    status, said = told(capsys, *settings)
    assert status == 2
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_the_schedule_of_a_recipe_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "run.jsonl", [(3000, 4.0)])
    _, said = told(capsys, "log=run.jsonl", "recipe=starcoder")
    assert "of 250,000" in said
    assert "warning: 249999 steps lie outside the fitted range" in said


def test_differences_are_shares_of_the_forecast(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "run.jsonl", [(s, v * 0.565) for s, v in losses(4000)])
    _, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert "the last rows lie -43." in said
    assert "drift: step" in said
    _, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml", "format=json")
    data = json.loads(said)
    assert data["offset"] == pytest.approx(-0.435, abs=0.005)
    assert data["alarms"][-1]["relative_size"] == pytest.approx(-0.435, abs=0.01)


@pytest.mark.parametrize(("rows", "factor"), [(199, 5e-5), (199, 3.0), (30, 1.2)])
def test_no_end_is_said_of_a_run_that_has_left_its_law(
    folder: Path, capsys: pytest.CaptureFixture[str], rows: int, factor: float
) -> None:
    healthy = losses(4000)
    write(folder / "run.jsonl", [*healthy[:-rows], *((s, v * factor) for s, v in healthy[-rows:])])
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml", "picture=true")
    assert status == 1
    assert "final loss: not known: the run " in said
    _, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml", "format=json")
    final = json.loads(said)["final"]
    assert (final["loss"], final["interval"]) == (None, None)
    assert final["unknown"].startswith("the run ")


def test_rows_that_all_lie_after_the_end_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for early in ([], [(100, 6.0)]):
        write(folder / "run.jsonl", [*early, *((s + 7000, v) for s, v in losses(1000))])
        status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
        assert status == 2
        assert "begin at step 7,020, after the plan's 6,000 steps; write the whole run's schedule" in said
        assert said.count("\n") == 1


@pytest.mark.parametrize("bad", [-0.3, 0.0])
def test_a_loss_that_is_not_above_zero_is_told_as_such(
    folder: Path, capsys: pytest.CaptureFixture[str], bad: float
) -> None:
    write(folder / "run.jsonl", [*losses(3000), (3000, bad)])
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert status == 1
    assert f"step 3,000, the loss is {bad:g}, not above zero" in said


def test_a_loss_and_a_rate_downloaded_alone_are_one_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned = read_schedule(str(folder / "plan.yaml")).values()
    rows = losses(4000)
    for name, values in (("tb_loss", rows), ("tb_lr", [(s, planned[s] * 0.5) for s, _ in rows])):
        text = "".join(f"1.0,{s},{v}\n" for s, v in values)
        (folder / f"{name}.csv").write_text("Wall time,Step,Value\n" + text)
    for logs in ("[tb_loss.csv,tb_lr.csv]", "[tb_lr.csv,tb_loss.csv]"):
        status, said = told(capsys, f"log={logs}", "schedule=plan.yaml")
        assert (status, said.splitlines()[0]) == (1, "RATE: the learning rate leaves the plan")
        assert "tb_loss: its learning rate is read from tb_lr" in said
    status, said = told(capsys, "log=tb_lr.csv", "schedule=plan.yaml")
    assert (status, said.count("\n")) == (2, 1)
    assert "tb_lr.csv: has the learning rate and no loss; write log=[<log of the loss>,tb_lr.csv]" in said


def write_beside(folder: Path, rows: list[tuple[int, float]], **columns: list[float]) -> None:
    whole = [{"step": s, "loss": v, **{k: c[i] for k, c in columns.items()}} for i, (s, v) in enumerate(rows)]
    (folder / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in whole))


def test_the_cause_is_told_where_the_log_shows_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = losses(4000)
    rng = np.random.default_rng(1)
    norms = (0.4 * np.exp(0.1 * rng.standard_normal(len(rows)))).tolist()
    rows[150] = (rows[150][0], rows[150][1] * 1.1)
    norms[149] = 11.0
    write_beside(folder, rows, grad_norm=norms)
    _, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert "spike: step 3,020, +" in said
    assert "the gradient norm is 11 at step 3,000, 0.4" in said
    rows = [(s, v * (1.0 if i < 150 else 1.03)) for i, (s, v) in enumerate(losses(4000))]
    write_beside(folder, rows, global_batch_size=[512.0 if i < 150 else 64.0 for i in range(len(rows))])
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert status == 1
    assert "the batch is 64 from step 3,020 on, 512 before" in said


@pytest.mark.slow
def test_overflows_and_a_second_epoch_are_told_as_causes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # overflows in sixteen bits: the scale is halved again and again, and the loss rises
    rows = [(s, v * (1.0 if i < 150 else 1.0 + 0.01 * (i - 149))) for i, (s, v) in enumerate(losses(3400))]
    write_beside(folder, rows, loss_scale=[65536.0 if i < 149 else 65536.0 / 2 ** (i - 148) for i in range(len(rows))])
    _, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert said.startswith("DIVERGENCE")
    assert "the loss scale falls from 65536 to " in said
    # data seen for the second time cost less
    rows = [(s, v * (1.0 if i < 150 else 0.96)) for i, (s, v) in enumerate(losses(4000))]
    write_beside(folder, rows, epoch=[(i + 1) / 150.5 for i in range(len(rows))])
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml", "format=json")
    assert status == 1
    causes = [alarm["cause"] for alarm in json.loads(said)["alarms"]]
    assert "epoch 2 begins at step 3,020: the data are seen again" in causes


def test_data_that_begin_again_are_told_by_their_noise(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = losses(4000)
    clean = Catalogue().law("multi_power_25m").loss(read_schedule(str(folder / "plan.yaml")).values())  # type: ignore[union-attr]
    noise = np.random.default_rng(2).normal(0.0, 0.03, len(rows))
    noise[170:] = noise[30 : len(rows) - 140]
    write(folder / "run.jsonl", [(s, float(clean[s] * np.exp(n))) for (s, _), n in zip(rows, noise, strict=True)])
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert status == 1
    assert said.startswith("DATA REPEATED")
    assert "the data are repeated, as when a loader begins again on resuming" in said


def test_it_follows_a_log_that_is_cut_replaced_and_has_a_bad_line(folder: Path) -> None:
    rows = losses(6001)
    path = folder / "run.jsonl"
    write(path, rows[:150])
    command = [sys.executable, "-m", "lehr", "track", "law=multi_power_25m", "log=run.jsonl",
               "schedule=plan.yaml", "follow=true", "every=0.05", "format=json"]  # fmt: skip
    job = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env={"PYTHONPATH": str(ROOT)})
    assert job.stdout is not None
    first = json.loads(job.stdout.readline())
    assert first["step"] == 3000
    # moved away, and a new file begins where the old one ended; one of its lines is no row
    path.rename(folder / "run.jsonl.1")
    new = folder / "new.jsonl"
    write(new, rows[150:200], '{"step": 40{"step": 4010}\n' + json.dumps({"step": 4020, "loss": rows[200][1]}) + "\n")
    new.rename(path)
    second = json.loads(job.stdout.readline())
    assert (second["state"], second["step"]) == ("inside", 4020)
    assert "the log was cut or replaced: 150 rows that stood in it before are kept" in second["notes"]
    assert "1 line without JSON passed over" in second["notes"]
    # cut to nothing, and written on
    write(path, rows[201:])
    *_, last = [json.loads(line) for line in job.stdout]
    assert last["step"] == 6000
    assert job.wait(30) == 0
    job.stdout.close()


@pytest.mark.slow
def test_the_loss_of_a_policy_gradient_is_no_divergence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rates = 1e-6 * (1 - np.arange(1, 301) / 300)
    rows = [{"step": i + 1, "loss": 0.02 * np.sin(i), "lr": rate} for i, rate in enumerate(rates)]
    (folder / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SystemExit) as left:
        main(["track", "log=run.jsonl", "schedule={kind: linear, peak: 1e-6, steps: 300}"])
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert "is on its plan" in said
    assert "the loss of a policy gradient, or of memorised data: nothing is said of it" in said
    status, said = told(capsys, "log=run.jsonl", "schedule={kind: linear, peak: 1e-6, steps: 300}")
    assert (status, said.count("\n")) == (2, 1)


@pytest.mark.slow
def test_a_loss_in_bits_or_as_perplexity_is_set_beside_a_law_in_nats(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for heading, of in (("loss_bits", lambda v: v / np.log(2)), ("perplexity", np.exp)):
        text = "".join(f"{s},{of(v):.9g}\n" for s, v in losses(4000))
        (folder / "run.csv").write_text(f"step,{heading}\n{text}")
        status, said = told(capsys, "log=run.csv", "schedule=plan.yaml", f"columns={{loss: {heading}}}")
        assert (status, said.splitlines()[0]) == (0, "inside the band")


@pytest.mark.slow
def test_a_run_that_has_ended_or_gone_on_is_called_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = losses(6001)
    write(folder / "run.jsonl", rows)
    _, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert said.startswith("finished: inside the band")
    assert f"finished at {rows[-1][1]:.4f}, without the noise of its rows at " in said
    write(folder / "run.jsonl", [*rows, (6020, rows[-1][1]), (6040, rows[-1][1])])
    _, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert said.startswith("BEYOND ITS PLAN: 2 rows come after the 6,000 planned steps; ")


@pytest.mark.slow
def test_ctrl_c_ends_what_is_followed_quietly(folder: Path) -> None:
    write(folder / "run.jsonl", losses(3001))
    command = [sys.executable, "-m", "lehr", "track", "law=multi_power_25m", "log=run.jsonl",
               "schedule=plan.yaml", "follow=true", "every=0.05"]  # fmt: skip
    job = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env={"PYTHONPATH": str(ROOT)}
    )
    assert job.stdout is not None
    assert job.stdout.readline().startswith("step 3,000/6,000")
    job.send_signal(signal.SIGINT)
    rest, errors = job.communicate(timeout=30)
    assert (job.returncode, rest, errors) == (130, "", "")


def test_without_a_law_the_rate_alone_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned = read_schedule(str(folder / "plan.yaml")).values()
    for factor, status, words in ((1.0, 0, "is on its plan"), (2.0, 1, "2 times the planned one throughout")):
        rows = [{"step": s, "loss": 9.0, "lr": planned[s] * factor} for s, _ in losses(4000)]
        (folder / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        with pytest.raises(SystemExit) as left:
            main(["track", "log=run.jsonl", "schedule=plan.yaml"])
        said = capsys.readouterr().out
        assert left.value.code == status
        assert words in said
        assert "no law given" in said


def test_without_a_law_a_loss_that_rises_above_its_own_rows_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = read_schedule(str(folder / "plan.yaml")).values()
    for begins, until, status, words in (
        (3000, 4000, 1, "run.jsonl: DIVERGENCE: the loss has risen above the rows before"),
        (3000, 3200, 0, "divergence: steps 3,0"),
        (9000, 9000, 0, "is on its plan"),
    ):
        rises = [(s, v * (1 + 4e-4 * max(s - begins, 0) * (s <= until))) for s, v in losses(4000)]
        rows = [{"step": s, "loss": v, "lr": planned[s]} for s, v in rises]
        (folder / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        with pytest.raises(SystemExit) as left:
            main(["track", "log=run.jsonl", "schedule=plan.yaml"])
        said = capsys.readouterr().out
        assert left.value.code == status
        assert words in said
        assert ("divergence: " in said) == (begins < 4000)


@pytest.mark.slow
def test_where_a_divergence_began_is_told_with_what_noise_leaves_open(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "run.jsonl", [(s, v * (1 + 6e-5 * max(s - 3000, 0))) for s, v in losses(4000)])
    status, said = told(capsys, "log=run.jsonl", "schedule=plan.yaml")
    assert status == 1
    (line,) = [line for line in said.splitlines() if line.startswith("  divergence: ")]
    first, least, most = (int(n.replace(",", "")) for n in re.findall(r"(?:steps|between|and) ([\d,]+)", line))
    assert least <= 3000 <= most
    # rows of 20 steps rise by a third of their noise: 2 s / (b sqrt(m)) of the twelve that make it sure are two rows
    assert abs(first - 3000) <= 3 * 40
    assert most - least <= 400


@pytest.mark.slow
def test_of_several_logs_one_that_cannot_be_read_is_a_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b").mkdir()
    write(folder / "a.jsonl", losses(4000))
    write(folder / "b/a.jsonl", losses(3000))
    (folder / "empty.csv").write_text("")
    logs = "log=[a.jsonl, empty.csv, gone.csv, b/a.jsonl, a.jsonl]"
    status, said = told(capsys, logs, "schedule=plan.yaml")
    assert status == 1
    rows = {line.split()[0]: line for line in said.splitlines()}
    assert [name for name in rows if name.endswith(("l", "v"))] == ["a.jsonl", "empty.csv", "gone.csv", "b/a.jsonl"]
    assert "inside" in rows["a.jsonl"]
    assert "not looked at" in rows["empty.csv"]
    assert "empty.csv: not looked at: empty.csv: is empty" in said
    assert "gone.csv: not looked at: gone.csv: " in said
    status, said = told(capsys, logs, "schedule=plan.yaml", "format=json")
    data = json.loads(said)
    assert (status, data["a.jsonl"]["state"], data["empty.csv"]) == (1, "inside", {"error": "empty.csv: is empty"})
    # without a law, too; where none can be read it is a mistake
    (folder / "a.csv").write_text("step,loss,lr\n" + "".join(f"{s},{v},3e-4\n" for s, v in losses(4000) if s > 600))
    with pytest.raises(SystemExit) as left:
        main(["track", "log=[a.csv, empty.csv]", "schedule=plan.yaml"])
    said = capsys.readouterr().out
    assert left.value.code == 1
    assert "a.csv: the learning rate is on its plan" in said
    assert "empty.csv: not looked at: empty.csv: is empty" in said
    assert told(capsys, "log=[empty.csv, gone.csv]", "schedule=plan.yaml")[0] == 2
