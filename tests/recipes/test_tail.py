"""A log that grows is read as if it were read whole each time, and where it is plain only its new lines are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lehr.recipes.reading.rows import LogRows, read_rows
from lehr.recipes.reading.tail import Tail


def csv_line(step: int) -> str:
    return f"{step},{3 + 1 / step:.4f},{1e-3 / step:.6g},{0.5 + step % 7}\n"


def json_line(step: int) -> str:
    return (
        json.dumps({"step": step, "train": {"loss": 3 + 1 / step}, "meta": {"lr": 1e-3, "grad_norm": step % 7}}) + "\n"
    )


KINDS = {"csv": ("step,loss,lr,grad_norm\n", csv_line), "jsonl": ("", json_line)}


def same(one: LogRows, other: LogRows) -> None:
    assert one.rows.steps.tolist() == other.rows.steps.tolist()
    np.testing.assert_array_equal(one.rows.losses, other.rows.losses)
    assert (one.rows.restarts, one.rows.repeats, one.rows.gaps) == (
        other.rows.restarts, other.rows.repeats, other.rows.gaps
    )  # fmt: skip
    assert one.rates is not None
    assert other.rates is not None
    np.testing.assert_array_equal(one.rates, other.rates)
    assert {*one.columns} == {*other.columns}
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column, other.columns[name])


def follow(path: Path) -> tuple[Tail, list[int]]:
    """The log that is followed, and the sizes of what was read of it."""
    sizes: list[int] = []

    def read(part: Path) -> LogRows:
        sizes.append(part.stat().st_size)
        return read_rows(part, {}, lenient=True)

    return Tail(path=path, read=read), sizes


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_written_on_are_read_alone(tmp_path: Path, kind: str) -> None:
    head, line = KINDS[kind]
    path = tmp_path / f"run.{kind}"
    text = head + "".join(map(line, range(1, 200)))
    path.write_text(text)
    tail, sizes = follow(path)
    tail.now()
    # one row, none, several, and half a row whose other half comes later
    whole = line(205)
    for more in (line(200), "", line(201) + line(202), line(204) + whole[:9], whole[9:] + line(300)):
        text += more
        path.write_text(text)
        same(tail.now(), read_rows(path, {}, lenient=True))
    assert len(sizes) == 5
    assert max(sizes[1:]) < 400


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_plain_row_after_those_before_is_read_whole(tmp_path: Path, kind: str) -> None:
    head, line = KINDS[kind]
    path = tmp_path / f"run.{kind}"
    text = head + "".join(map(line, range(1, 100)))
    path.write_text(text)
    tail, sizes = follow(path)
    tail.now()
    for written in (
        text + line(90) + line(91),  # a restart
        head + "".join(line(step) for step in range(50, 250)),  # another log, longer than this
        head + "".join(map(line, range(1, 20))),  # cut
    ):
        path.write_text(written)
        same(tail.now(), read_rows(path, {}, lenient=True))
        assert sizes[-1] == len(written)


def test_a_row_without_the_loss_and_a_document_are_read_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    text = "".join(map(json_line, range(1, 50)))
    path.write_text(text)
    tail, _ = follow(path)
    tail.now()
    for more in (json.dumps({"step": 50, "eval/loss": 9.0}) + "\n", json_line(51), json.dumps({"step": 52}) + "\n"):
        text += more
        path.write_text(text)
        same(tail.now(), read_rows(path, {}, lenient=True))
    document = tmp_path / "trainer_state.json"
    for steps in (40, 60):
        history = [{"step": s, "loss": 3 + 1 / s, "learning_rate": 1e-3} for s in range(1, steps)]
        document.write_text(json.dumps({"log_history": history}))
        tail = follow(document)[0] if steps == 40 else tail
        assert len(tail.now().rows) == steps - 1
