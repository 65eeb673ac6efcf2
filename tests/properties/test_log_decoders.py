"""Decoders of logs: what was written comes back, and no bytes make them fail in any way but the stated one."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lehr.recipes.errors import LehrError
from lehr.recipes.reading import LogReading, open_log, read_runs
from lehr.recipes.reading.events import DamagedError, fields, masked_crc, records, scalars
from tests.properties.event_files import event, event_file, framed, masked

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
SINGLE = st.floats(width=32, allow_nan=False, allow_infinity=False)
STEPS = st.integers(min_value=0, max_value=2**40)
GOOD = event_file([(i, {"train/loss": 4.0 - i / 10, "lr": 1e-3}) for i in range(5)])


@contextmanager
def refused_in_one_line(kind: type[Exception]) -> Iterator[None]:
    """Anything may happen within this but an error of another kind, or of several lines."""
    try:
        yield
    except kind as error:
        if "\n" in str(error):
            raise AssertionError("an error of several lines") from error


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_checksums_are_crc_32c(data: bytes) -> None:
    assert struct.pack("<I", masked_crc(data)) == masked(data)


@given(STEPS, st.dictionaries(st.text(min_size=1, max_size=12), SINGLE, max_size=4), st.booleans())
@settings(deadline=None)
@pytest.mark.slow
def test_scalars_come_back(step: int, values: dict[str, float], tensor: bool) -> None:
    assert scalars(event(step, values.items(), tensor=tensor)) == [(tag, step, value) for tag, value in values.items()]


@given(st.lists(st.binary(max_size=60), max_size=6), st.integers(min_value=0, max_value=400))
@settings(deadline=None)
def test_records_come_back_and_a_cut_leaves_the_whole_ones(contents: list[bytes], cut: int) -> None:
    data = b"".join(map(framed, contents))
    assert list(records(data)) == contents
    read = list(records(data[: min(cut, len(data))]))
    whole = [record for record in read if record is not None]
    assert whole == contents[: len(whole)]
    assert read.count(None) <= 1


@given(st.binary(max_size=120))
@settings(deadline=None)
def test_no_bytes_surprise_the_event_decoder(data: bytes) -> None:
    for decode in (lambda: list(records(data)), lambda: list(fields(data)), lambda: scalars(data)):
        with refused_in_one_line(DamagedError):
            decode()


@given(st.integers(min_value=0, max_value=len(GOOD) - 1), st.integers(min_value=1, max_value=255))
@settings(deadline=None)
def test_a_changed_byte_never_changes_a_value(place: int, change: int) -> None:
    damaged = bytearray(GOOD)
    damaged[place] ^= change
    clean = [scalars(r) for r in records(GOOD) if r]
    found = []
    try:
        found += [scalars(r) for r in records(bytes(damaged)) if r]
    except DamagedError:
        return
    assert found == clean[: len(found)]


@SAME_FOLDER
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.json", "a.jsonl", "events.out.tfevents.1", "a.log"]))
def test_no_file_surprises_the_readers(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(data)
    with refused_in_one_line(LehrError):
        read_runs([str(tmp_path / name)], LogReading())


CELL = st.one_of(
    st.integers(-3, 9).map(str), SINGLE.map(str), st.sampled_from(["", "nan", "inf", '"', "x", ",", "1e400", "-"])
)


@SAME_FOLDER
@given(st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=8), st.booleans())
def test_no_table_surprises_the_readers(tmp_path: Path, rows: list[list[str]], ended: bool) -> None:
    text = "\n".join(["step,lr,loss", *(",".join(row) for row in rows)]) + "\n" * ended
    (tmp_path / "a.csv").write_text(text)
    with refused_in_one_line(LehrError):
        read_runs([str(tmp_path / "a.csv")], LogReading())


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), SINGLE, st.sampled_from(["loss", "3.1", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["step", "loss", "lr", "log_history", "0"]), inner, max_size=4),
    ),
    max_leaves=20,
)


@SAME_FOLDER
@given(JSON)
def test_no_json_surprises_the_readers(tmp_path: Path, data: object) -> None:
    (tmp_path / "a.json").write_text(json.dumps(data))
    with refused_in_one_line(LehrError):
        read_runs([str(tmp_path / "a.json")], LogReading())


@SAME_FOLDER
@given(
    st.lists(STEPS, min_size=1, max_size=20, unique=True).map(sorted),
    st.data(),
)
def test_every_format_says_the_same(tmp_path: Path, steps: list[int], data: st.DataObject) -> None:
    positive = st.floats(min_value=2**-10, max_value=2**10, width=32)
    loss = data.draw(st.lists(positive, min_size=len(steps), max_size=len(steps)))
    rows = [{"step": s, "train/loss": v, "lr": 0.5} for s, v in zip(steps, loss, strict=True)]
    (tmp_path / "a.csv").write_text(
        "step,train/loss,lr\n" + "".join(f"{r['step']},{r['train/loss']},0.5\n" for r in rows)
    )
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.json").write_text(json.dumps({"log_history": rows}))
    (tmp_path / "a.tfevents.1").write_bytes(event_file([(r.pop("step"), r) for r in rows]))  # type: ignore[misc]
    for name in ("a.csv", "a.jsonl", "a.json", "a.tfevents.1"):
        (series,) = open_log(tmp_path / name).runs.values()
        assert series["train/loss"].steps == steps
        assert series["train/loss"].values == loss


def test_the_changed_byte_can_be_seen() -> None:
    with pytest.raises(DamagedError):
        list(records(GOOD[:13] + bytes([GOOD[13] ^ 1]) + GOOD[14:]))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"\x0a\x05abc", "longer than its message"),
        (b"\x15\x00\x00", "longer than its message"),
        (b"\x0b", "wire type 3"),
        (b"\x10\xff\xff", "does not end"),
    ],
)
def test_a_message_that_ends_too_early_is_damaged(message: bytes, words: str) -> None:
    with pytest.raises(DamagedError, match=words):
        list(fields(message))
