"""The same command gives the same bytes in another folder, time zone, locale, hash seed and number of threads.

Under another Python: ``make pythons``, of which the last test here is what one interpreter can tell.
"""

from __future__ import annotations

import builtins
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lehr.recipes.cli import dispatch
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


def written(words: str, folder: Path, env: dict[str, str]) -> dict[str, bytes]:
    """What a command prints, and every file that it writes."""
    inputs(folder)
    there = {*folder.rglob("*")}
    done = subprocess.run(
        [sys.executable, "-m", "lehr", *shlex.split(words)], cwd=folder, env=env, capture_output=True, check=False
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
@pytest.mark.parametrize(
    "words",
    [
        "check",
        "compare deepseek_v3 kimi_k2 llama_3_1_405b",
        "cost model=llama_3_1_405b",
        "explore laws=[gadre_c4]",
        "layout model=deepseek_v3 cluster=deepseek_h800 layout=published page=true",
        "plan flops=1e23 network=either",
        "report model=deepseek_v3",
        "report -m 'model=glob(llama*)'",
        "rollout page=true",
    ],
)
def test_no_floats_are_added_by_sum(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # its last digit is another from Python 3.12 on where it adds three; numerics/adding.py has one that is the same
    added = builtins.sum
    wrong = set()

    def watched(values: Iterable[Any], /, start: Any = 0) -> Any:
        values = list(values)
        frame = sys._getframe(1)
        ours = "/lehr/" in frame.f_code.co_filename or "/simulators/" in frame.f_code.co_filename
        if ours and len(values) > 2 and any(type(v) is float for v in values) and added(values) % 1:
            wrong.add(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        return added(values, start)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, "sum", watched)
    assert dispatch(shlex.split(words)) == 0
    assert not wrong
