"""A folder is replaced whole or not at all."""

from pathlib import Path

import pytest

from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_file, write_folder


def test_a_second_write_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", {"one": b"1", "plots/two": b"2"})
    write_folder(tmp_path / "a", {"one": b"3", "three": b"3"})
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["a", "a/one", "a/three"]


def test_a_folder_of_something_else_stays(tmp_path: Path) -> None:
    (tmp_path / "starcoder").mkdir()
    (tmp_path / "starcoder" / "thesis.tex").write_text("years of work")
    with pytest.raises(LehrError, match="holds files of another kind"):
        write_folder(tmp_path / "starcoder", {"report.html": b"", "plots/loss.svg": b""})
    assert [p.name for p in tmp_path.rglob("*")] == ["starcoder", "thesis.tex"]


def test_a_failure_half_way_leaves_the_earlier_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", {"one": b"1"})
    with pytest.raises(LehrError, match="cannot be written"):
        write_folder(tmp_path / "a", {"one": b"new", "one/below": b"a file cannot hold a file"})
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "one"]
    assert (tmp_path / "a" / "one").read_bytes() == b"1"


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LehrError, match="cannot be written"):
        write_file(tmp_path / "file" / "below", b"")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_run_that_is_stopped_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "a", {"one": b"1"})

    def stopped(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "a", {"one": b"2"})
    monkeypatch.setattr(Path, "chmod", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "b", b"2")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "one"]
    assert (tmp_path / "a" / "one").read_text() == "1"
