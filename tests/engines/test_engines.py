"""2,000 jobs on each engine, a worker killed in the middle: the same result as in this process, nothing done twice.

``make engines`` runs them; an engine that is not installed skips with its reason. Slurm is one of this machine alone,
which ``slurm.sh`` starts (Debian's slurm-wlm and munge, as root).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SWEEP = ["model=santacoder,starcoder", "mfu=range(0.2,0.7,0.0005)", "batches=8"]
ENGINES = {
    "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    "slurm": ["hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=5", "hydra.launcher.max_num_timeout=0"],
    "ray": ["hydra/launcher=ray"],
}
MARKS = {"joblib": b"loky", "slurm": b"submitit.core._submit", "ray": b"ray::"}


def rows(folder: Path) -> list[int]:
    """The jobs that the journals hold."""
    found = []
    for path in folder.glob("outputs/multirun/[!.]*/journal/*.jsonl"):
        try:
            lines = path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            # the result has just been written
            continue
        found += [json.loads(line)["job"] for line in lines if line.endswith(b"\n")]
    return found


def workers(engine: str, folder: Path) -> list[int]:
    """The processes of the engine that run batches of the sweep in ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, where = (process / "cmdline").read_bytes(), os.readlink(process / "cwd")
        except OSError:
            continue
        if MARKS[engine] in command and where.startswith(str(folder)):
            found.append(int(process.name))
    return sorted(found)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "lehr", "report", "-m", *SWEEP, *words]


@pytest.fixture
def surroundings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    engine = request.getfixturevalue("engine")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    env.pop("SLURM_CONF", None)
    plugin = {"joblib": "hydra_joblib_launcher", "slurm": "hydra_submitit_launcher", "ray": "hydra_ray_launcher"}[
        engine
    ]
    if importlib.util.find_spec(f"hydra_plugins.{plugin}") is None:
        pytest.skip(f"hydra_plugins.{plugin} is not installed; docs/sweeps.md says what is needed")
    if engine != "slurm":
        yield env
        return
    if os.getuid() or not all(shutil.which(name) for name in ("slurmctld", "slurmd", "munged", "sbatch")):
        pytest.skip("a Slurm of this machine needs root, and apt-get install slurm-wlm munge")
    # munge's own user cannot enter a folder of pytest's
    cluster = Path(tempfile.mkdtemp(prefix="lehr_slurm"))
    script = str(Path(__file__).parent / "slurm.sh")
    subprocess.run([script, "start", str(cluster)], check=True)
    try:
        yield {**env, "SLURM_CONF": str(cluster / "slurm.conf"), "PATH": f"{cluster / 'bin'}:{env['PATH']}"}
    finally:
        subprocess.run([script, "stop", str(cluster)], check=True)
        shutil.rmtree(cluster, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_worker_that_is_killed_changes_nothing(engine: str, surroundings: dict[str, str], tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    subprocess.run(command(), cwd=here, env=surroundings, check=True, capture_output=True)
    with (tmp_path / "log").open("wb") as log:
        sweep = subprocess.Popen(command(*ENGINES[engine]), cwd=there, env=surroundings, stdout=log, stderr=log)
        done: set[int] = set()
        again: set[int] = set()
        last: list[int] = []
        while sweep.poll() is None:
            found = rows(there)
            last = found or last
            if not done and len(found) > 100 and (running := workers(engine, there)):
                os.kill(running[-1], signal.SIGKILL)
                done = {*found}
            for path in there.glob("outputs/multirun/[!.]*/batches/[12]-*.json"):
                again |= {*json.loads(path.read_bytes())["jobs"]}
            time.sleep(0.02)
    said = (tmp_path / "log").read_text()
    assert sweep.returncode == 0, said
    assert done, said
    # Ray hands the batch of a worker that died to another by itself, where what has a row is passed over
    assert again or engine == "ray", said
    assert not done & again
    assert len(last) == len({*last})
    (ours,), (theirs,) = (list(folder.glob("outputs/multirun/*/sweep.parquet")) for folder in (here, there))
    assert ours.read_bytes() == theirs.read_bytes()
    assert not list(there.rglob("journal"))
