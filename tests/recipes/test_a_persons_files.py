"""A person's file in an output folder is there after every verb that writes there, whichever verb there is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from lehr.recipes.cli import VERBS, dispatch
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import MANIFEST, SINGLE
from tests.commands import COMMANDS, FURTHER, NEEDS, Command, inputs

WRITING: dict[str, Command] = {verb: command for verb, command in {**COMMANDS, **FURTHER}.items() if command}
READING = [verb for verb, command in COMMANDS.items() if not command]

WISHED = ("overwrite=true", "accept=")
"""What a person writes who wants a file replaced."""

Run = Callable[[str], str]


@pytest.fixture(autouse=True)
def needs(request: pytest.FixtureRequest) -> None:
    verb = request.node.callspec.params.get("verb") if hasattr(request.node, "callspec") else None
    if verb in NEEDS:
        pytest.importorskip(NEEDS[verb])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command where its inputs are; what it says where it is refused."""
    monkeypatch.chdir(tmp_path)
    inputs(tmp_path)

    def runs(words: str) -> str:
        try:
            assert dispatch(shlex.split(words)) in (0, 1)
        except LehrError as error:
            return str(error)
        return ""

    return runs


def there(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_verb_has_a_command() -> None:
    assert set(COMMANDS) == set(VERBS)


@pytest.mark.slow
@pytest.mark.parametrize("verb", READING)
@pytest.mark.parametrize("sweep", ["", "-m "])
def test_a_verb_that_writes_nothing_writes_nothing(verb: str, sweep: str, tmp_path: Path, run: Run) -> None:
    before = sorted(tmp_path.rglob("*"))
    words = {"cite": "santacoder", "find": "name=muon"}.get(verb, "") + (" out=a,b" if sweep else "")
    assert run(f"{verb} {sweep}{words}") == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("verb", WRITING)
def test_what_a_person_put_there_stays(verb: str, tmp_path: Path, run: Run) -> None:
    first, second, seen = WRITING[verb]
    before = there(tmp_path)
    assert run(first) == ""
    assert run(second) == ""
    ours = [path for path, content in there(tmp_path).items() if before.get(path) != content]
    assert {path.relative_to(tmp_path).parts[0] for path in ours} - {seen, "MOVED.md"} == set()
    notes = {}
    for folder in {path.parent for path in ours} | {tmp_path / seen}:
        (folder / "mine" / "deep").mkdir(parents=True)
        for name in ("notes.md", ".hidden", "mine/deep/table.csv", ".lehr-mine", "figure.png", "n.json"):
            notes[folder / name] = b'{"mine": 1}'
            (folder / name).write_bytes(notes[folder / name])
        (folder / "link").symlink_to("notes.md")
    for words in (first, second):
        said = run(words)
        assert not said or "there already" in said, said
        now = there(tmp_path)
        assert {path: now.get(path) for path in notes} == notes
        assert all((path.parent / "link").is_symlink() for path in notes if path.name == "notes.md")


@pytest.mark.slow
@pytest.mark.parametrize("verb", WRITING)
def test_what_a_person_edited_stays(verb: str, tmp_path: Path, run: Run) -> None:
    """A file of ours with a person's words in it is theirs, as is one that stood there under its name."""
    first, second, _ = WRITING[verb]
    before = there(tmp_path)
    assert run(second if "accept=" in second else first) == ""
    ours = [path for path, content in there(tmp_path).items() if before.get(path) != content]
    ours = [path for path in ours if path.name not in (MANIFEST, SINGLE, "MOVED.md")]
    wished = any(word in second for word in WISHED)
    for path in ours:
        path.write_bytes(path.read_bytes() + b"\nMINE")
    for words in (first,) if wished else (second, first):
        said = run(words)
        assert all(path.read_bytes().endswith(b"\nMINE") for path in ours), said
        elsewhere = {*there(tmp_path)} - {*before, *ours}
        assert wished or said or elsewhere, "another run has nothing to say of it"
    for path in tmp_path.rglob(".lehr*"):
        path.unlink()
    for path in ours:
        path.write_bytes(b"MINE")
    said = run(first)
    assert all(path.read_bytes() == b"MINE" for path in ours), said


@pytest.mark.slow
@pytest.mark.parametrize("verb", WRITING)
def test_a_link_in_place_of_the_folder_is_followed(verb: str, tmp_path: Path, run: Run) -> None:
    first, second, seen = WRITING[verb]
    if not (tmp_path / seen).exists():
        (tmp_path / "elsewhere").mkdir()
    else:
        (tmp_path / seen).rename(tmp_path / "elsewhere")
    (tmp_path / seen).symlink_to("elsewhere")
    for words in (first, second):
        assert run(words) == ""
        assert os.readlink(tmp_path / seen) == "elsewhere"
    assert any(path.is_file() for path in (tmp_path / "elsewhere").rglob("*"))
    assert not [path for path in tmp_path.iterdir() if ".lehr-" in path.name]
