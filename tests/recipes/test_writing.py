"""A folder is written whole or not at all, and what a person put there stays."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting import files, locks
from lehr.recipes.presenting.files import MANIFEST, SINGLE, write_beside, write_file, write_folder

FORK = multiprocessing.get_context("fork")


def listed(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.name != MANIFEST)


def test_a_second_write_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", {"one": b"1", "plots/two": b"2"})
    write_folder(tmp_path / "a", {"one": b"3", "three": b"3"})
    assert listed(tmp_path) == ["a", "a/one", "a/three"]


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
    assert listed(tmp_path) == ["a", "a/one"]
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
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "b", b"2")
    assert listed(tmp_path) == ["a", "a/one"]
    assert (tmp_path / "a" / "one").read_text() == "1"


def notes(folder: Path) -> dict[str, Path]:
    """A person's things of every kind in ``folder``."""
    (folder / "plots").mkdir(exist_ok=True)
    (folder / "mine" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    found = {name: folder / name for name in ("notes.md", "plots/drawn.svg", "mine/deep/table.csv", ".hidden")}
    for name, path in found.items():
        path.write_text(name)
    (folder / "link").symlink_to("notes.md")
    (folder / "nowhere").symlink_to("gone")
    return found


@pytest.mark.parametrize("swaps", [True, False], ids=["in one step", "in two"])
def test_what_a_person_put_there_stays(swaps: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not swaps:
        monkeypatch.setattr(files, "exchange", lambda *_: False)
    write_folder(tmp_path / "a", {"one": b"1", "plots/two": b"2"})
    found = notes(tmp_path / "a")
    for content in (b"2", b"3"):
        write_folder(tmp_path / "a", {"one": content})
        assert (tmp_path / "a/one").read_bytes() == content
        assert all(path.read_text() == name for name, path in found.items())
        assert (tmp_path / "a/empty").is_dir()
        assert os.readlink(tmp_path / "a/nowhere") == "gone"
        assert os.readlink(tmp_path / "a/link") == "notes.md"
        assert not (tmp_path / "a/plots/two").exists()
        assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: (a / "one").write_text("edited"), "was edited since"),
        (lambda a: (a / "three").write_text("mine"), "was not written by lehr"),
        (lambda a: ((a / "one").unlink(), (a / "one").mkdir(), (a / "one/x").write_text("")), "was not written"),
        (lambda a: (a / "three").mkdir(), "was not written by lehr"),
        (lambda a: (a / "more").write_text("mine"), "was not written by lehr"),
        (lambda a: ((a / "one").rename(a / "old"), (a / "one").symlink_to("old")), "was edited since"),
        (lambda a: (a / "more").symlink_to("/tmp"), "was not written by lehr"),
    ],
)
def test_a_file_of_a_persons_in_the_way_is_named(change: Callable[[Path], object], says: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "a", {"one": b"1"})
    change(tmp_path / "a")
    before = listed(tmp_path)
    with pytest.raises(LehrError, match=says):
        write_folder(tmp_path / "a", {"one": b"2", "three": b"3", "more/four": b"4"})
    assert listed(tmp_path) == before


def test_a_file_that_was_edited_and_is_no_longer_written_stays(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", {"one": b"1", "two": b"2"})
    (tmp_path / "a/two").write_text("edited")
    write_folder(tmp_path / "a", {"one": b"1"})
    assert (tmp_path / "a/two").read_text() == "edited"


def test_a_link_is_followed_and_one_to_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "a").symlink_to("real")
    (tmp_path / "b").symlink_to("gone")
    (tmp_path / "c").symlink_to("c")
    for content in (b"1", b"2"):
        write_folder(tmp_path / "a", {"one": content})
        assert (tmp_path / "a").is_symlink()
        assert (tmp_path / "real/one").read_bytes() == content
    (tmp_path / "f").write_text("")
    (tmp_path / "g").symlink_to("f")
    write_file(tmp_path / "g", b"new")
    assert ((tmp_path / "g").is_symlink(), (tmp_path / "f").read_text()) == (True, "new")
    for name in "bc":
        with pytest.raises(LehrError, match="is a link to"):
            write_folder(tmp_path / name, {"one": b"1"})
        with pytest.raises(LehrError, match="is a link to"):
            write_file(tmp_path / name, b"1")
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c", "f", "g", "real"]


# what a run does to the disk while it writes: it may be killed before and after each
STEPS = [
    (Path, "mkdir"), (Path, "write_bytes"), (Path, "chmod"), (Path, "replace"), (Path, "rename"), (Path, "unlink"),
    (os, "link"), (files, "exchange"), (files.shutil, "rmtree"), (locks.shutil, "rmtree"), (os, "unlink"),
]  # fmt: skip


def killed_at(write: Callable[[], None], at: int, swaps: bool) -> bool:
    """Run ``write`` in a process that is killed around its step number ``at``; false where it has fewer."""

    def child() -> None:
        count = 0

        def watched(real: Callable[..., object]) -> Callable[..., object]:
            def step(*args: object, **words: object) -> object:
                nonlocal count
                count += 1
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                done = real(*args, **words)
                count += 1
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return done

            return step

        if not swaps:
            files.exchange = lambda *_: False
        for where, name in STEPS:
            setattr(where, name, watched(getattr(where, name)))
        write()
        os._exit(0)

    process = FORK.Process(target=child)
    process.start()
    process.join()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("swaps", [True, False], ids=["in one step", "in two"])
def test_killed_anywhere_the_earlier_or_the_new_folder_is_there(swaps: bool, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "a"
    earlier = {"one": b"1", "plots/two": b"2", "gone": b"3"}
    new = {"one": b"new", "plots/two": b"2", "more/three": b"3"}
    for at in range(1, 200):
        write_folder(folder, earlier)
        (folder / "notes.md").write_text("mine")
        (folder / "plots" / "drawn").write_text("mine too")
        again = killed_at(lambda: write_folder(folder, new), at, swaps)
        if swaps:
            now = {name for name in listed(folder) if (folder / name).is_file()}
            assert now - {"notes.md", "plots/drawn"} in ({*earlier}, {*new}), at
            content = new if "more/three" in now else earlier
            assert all((folder / name).read_bytes() == content[name] for name in content)
            assert {"notes.md", "plots/drawn"} <= now
        write_folder(folder, new)
        assert os.listdir(tmp_path / "out") == ["a"], at
        assert (folder / "notes.md").read_text() == "mine", at
        assert (folder / "plots" / "drawn").read_text() == "mine too", at
        assert {n for n in listed(folder) if (folder / n).is_file()} == {*new, "notes.md", "plots/drawn"}
        if not again:
            break
    assert 20 < at < 199


def test_a_file_killed_anywhere_is_the_earlier_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.html"
    for at in range(1, 100):
        write_file(path, b"earlier")
        again = killed_at(lambda: write_file(path, b"new"), at, True)
        assert path.read_bytes() in (b"earlier", b"new")
        write_file(path, b"new")
        assert os.listdir(tmp_path / "out") == ["a.html"]
        if not again:
            break
    assert 5 < at < 99


def test_two_runs_write_one_after_the_other(tmp_path: Path) -> None:
    def write(mark: bytes) -> None:
        for _ in range(20):
            write_folder(tmp_path / "a", {f"file_{i}": mark for i in range(20)})

    processes = [FORK.Process(target=write, args=(mark,)) for mark in (b"1", b"2", b"3")]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        time.sleep(0.001)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len({path.read_bytes() for path in (tmp_path / "a").glob("file_*")}) == 1
    assert os.listdir(tmp_path) == ["a"]


def test_a_path_that_another_run_holds_is_refused_at_once_where_it_will_not_wait(tmp_path: Path) -> None:
    def hold() -> None:
        locks.claim(tmp_path / "a")
        (tmp_path / "held").write_text("")
        time.sleep(30)

    process = FORK.Process(target=hold)
    process.start()
    while not (tmp_path / "held").exists():
        time.sleep(0.01)
    with pytest.raises(LehrError, match="another run writes there"):
        locks.claim(tmp_path / "a", wait=False)
    process.kill()
    process.join()
    write_folder(tmp_path / "a", {"one": b"1"})
    assert sorted(os.listdir(tmp_path)) == ["a", "held"]


def test_what_is_ours_by_its_name_goes_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/gone.json").write_text("{}")
    (tmp_path / "a/notes.md").write_text("mine")
    write_folder(tmp_path / "a", {"new.json": b"1"}, ours=lambda path: path.suffix == ".json")
    assert sorted(os.listdir(tmp_path / "a")) == ["new.json", "notes.md"]


@pytest.mark.parametrize("name", ["late.md", "notes.md"])
def test_what_a_person_writes_meanwhile_comes_along(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "a", {"one": b"1"})
    (tmp_path / "a/notes.md").write_text("mine")

    def meanwhile(one: Path, other: Path) -> bool:
        (tmp_path / "editor").write_text("newer")
        (tmp_path / "editor").replace(tmp_path / "a" / name)
        return locks.exchange(one, other)

    monkeypatch.setattr(files, "exchange", meanwhile)
    write_folder(tmp_path / "a", {"one": b"2"})
    assert (tmp_path / "a" / name).read_text() == "newer"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("change", ["MINE", None], ids=["a person's", "ours"])
def test_a_file_beside_others_takes_the_place_of_ours_only(change: str | None, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("MINE")
    write_beside(tmp_path, {"one": b"1"})
    if change is not None:
        (tmp_path / "one").write_text(change)
        with pytest.raises(LehrError, match="one: was edited since it was written, and stays; move it away"):
            write_beside(tmp_path, {"one": b"2"})
        with pytest.raises(LehrError, match="other: was not written by lehr, and stays"):
            write_beside(tmp_path, {"two": b"2", "other": b"2"})
    else:
        write_beside(tmp_path, {"two": b"2"})
        write_beside(tmp_path, {"one": b"2"})
    assert (tmp_path / "one").read_text() == (change or "2")
    assert (tmp_path / "other").read_text() == "MINE"
    assert sorted(p.name for p in tmp_path.iterdir()) == [SINGLE, "one", "other", *(["two"] if change is None else [])]


@pytest.mark.slow
def test_a_file_beside_others_killed_anywhere_is_written_by_the_next_run(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for at in range(1, 200):
        write_beside(folder, {"one": b"1"})
        again = killed_at(lambda: write_beside(folder, {"one": b"2"}), at, True)
        assert (folder / "one").read_bytes() in (b"1", b"2")
        write_beside(folder, {"one": b"3"})
        assert (folder / "one").read_bytes() == b"3"
        assert sorted(os.listdir(folder)) == [SINGLE, "one"]
        if not again:
            break
    assert 5 < at < 199


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["explore"], "explorer.html"),
        (["check", "model=starcoder"], "check/check.json"),
        (["compare", "starcoder", "santacoder", "format=html"], "compare/starcoder_santacoder.html"),
    ],
)
def test_every_verb_that_writes_one_file_leaves_a_persons(words: list[str], file: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("MINE")
    with pytest.raises(LehrError, match="was not written by lehr, and stays"):
        dispatch([*words, f"out={tmp_path}"])
    assert (tmp_path / file).read_text() == "MINE"
