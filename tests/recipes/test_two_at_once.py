"""Two runs of a verb into one folder at once: the files of one after the other, in either order, and no mixture."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import COMMANDS, FURTHER, Command, inputs

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
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("verb", [verb for verb in WRITING if verb not in ("explore", "reference", "rehearse")])
def test_two_runs_leave_one_after_the_other(verb: str, tmp_path: Path) -> None:
    first, second, seen = WRITING[verb]
    ends = []
    for name, order in (("a", (first, second)), ("b", (second, first)), ("c", None)):
        folder = tmp_path / name
        folder.mkdir()
        inputs(folder)
        if order is None:
            both = [start(words, folder) for words in (first, second)]
            said = [process.communicate()[1].decode() for process in both]
            # a sweep that another run holds is refused in a line
            assert all(p.returncode in (0, 1) or "lehr: " in s for p, s in zip(both, said, strict=True)), said
            assert "Traceback" not in "".join(said)
        else:
            for words in order:
                start(words, folder).communicate()
        ends.append(state(folder / seen))
    assert ends[2] in ends[:2]
    assert not [path for path in tmp_path.rglob("*") if ".lehr-" in path.name]
