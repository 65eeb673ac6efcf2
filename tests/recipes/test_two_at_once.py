"""Two runs of a verb into one folder at once: the files of one after the other, in either order, and no mixture."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lehr.recipes.presenting.files import MANIFEST, SINGLE
from tests.commands import COMMANDS, FURTHER, NEEDS, Command, content, inputs

ROOT = Path(__file__).parents[2]
WRITING: dict[str, Command] = {verb: command for verb, command in {**COMMANDS, **FURTHER}.items() if command}


def start(words: str, folder: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "lehr", *shlex.split(words)],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def state(folder: Path) -> dict[str, bytes]:
    """All files but the accounts of what was written, which hold digests of them."""
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {name: content(path) for name, path in found.items() if path.name not in (MANIFEST, SINGLE)}


@pytest.mark.slow
@pytest.mark.parametrize("verb", WRITING)
def test_two_runs_leave_one_after_the_other(verb: str, tmp_path: Path) -> None:
    if verb in NEEDS:
        pytest.importorskip(NEEDS[verb])
    first, second, seen = WRITING[verb]

    def after(*commands: str, at_once: bool = False) -> tuple[dict[str, bytes], list[str]]:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        inputs(folder)
        said = []
        for batch in [commands] if at_once else [(words,) for words in commands]:
            running = [start(words, folder) for words in batch]
            said += [process.communicate()[1].decode() for process in running]
        return state(folder / seen), said

    both, said = after(first, second, at_once=True)
    assert "Traceback" not in "".join(said)
    one_after_the_other = [after(first, second)[0], after(second, first)[0]]
    if any("another run writes there" in line for line in said):
        one_after_the_other += [after(first)[0], after(second)[0]]
    assert both in one_after_the_other
    assert not [path for path in tmp_path.rglob("*") if ".lehr-" in path.name]
