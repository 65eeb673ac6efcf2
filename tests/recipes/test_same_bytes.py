"""The same command gives the same bytes in another folder, time zone, locale, hash seed, number of threads and Python.

``LEHR_PYTHONS`` names further interpreters, with the packages that lehr needs, separated as in ``PATH``.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import COMMANDS, FURTHER, NEEDS, inputs

ROOT = Path(__file__).parents[2]
PLAIN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ELSEWHERE = {
    **PLAIN,
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONHASHSEED": "7",
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "COLUMNS": "200",
    "HOME": "/nonexistent",
    "MPLBACKEND": "junk",
}
READING = {
    "cite": "cite santacoder",
    "count": "count model=deepseek_v3 rank=8 accelerator=h100_sxm",
    "find": "find name=muon",
    "import list": "import list",
    "models": "models format=json",
}
WORDS = READING | {verb: c.first for verb, c in {**COMMANDS, **FURTHER}.items() if c and verb not in NEEDS}
PYTHONS = [path for path in os.environ.get("LEHR_PYTHONS", "").split(os.pathsep) if path]


def written(words: str, folder: Path, env: dict[str, str], python: str = sys.executable) -> dict[str, bytes]:
    """What a command prints, and every file that it writes."""
    inputs(folder)
    there = {*folder.rglob("*")}
    done = subprocess.run(
        [python, "-m", "lehr", *shlex.split(words)], cwd=folder, env=env, capture_output=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr.decode()
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p not in there}
    return {"standard output": done.stdout, **files}


@pytest.mark.slow
@pytest.mark.parametrize("verb", WORDS)
def test_the_surroundings_change_no_byte(verb: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "another folder, é"
    here.mkdir()
    there.mkdir()
    plain = written(WORDS[verb], here, PLAIN)
    other = written(WORDS[verb], there, ELSEWHERE)
    assert {name for name in {*plain, *other} if plain.get(name) != other.get(name)} == set()


@pytest.mark.slow
@pytest.mark.skipif(not PYTHONS, reason="LEHR_PYTHONS names no other interpreter")
@pytest.mark.parametrize("verb", WORDS)
@pytest.mark.parametrize("python", PYTHONS)
def test_another_python_changes_no_byte(python: str, verb: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    plain = written(WORDS[verb], here, PLAIN)
    other = written(WORDS[verb], there, PLAIN, python)
    assert {name for name in {*plain, *other} if plain.get(name) != other.get(name)} == set()
