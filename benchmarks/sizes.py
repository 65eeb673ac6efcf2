"""What the largest inputs take: the user CPU time and the memory of a whole command.

    python -m benchmarks.sizes [all | words of a case ...]

Without ``all`` the quick part: a sixteenth of a log, a tenth of the steps and the grid, a quarter of the stages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.projecting.schedules import read_schedule


class Case(NamedTuple):
    """A command, what writes its inputs, and what it may take."""

    quick: bool
    words: list[str]
    prepare: Callable[[Path], None]
    seconds: float
    """User CPU [s]."""
    mib: float
    """Resident at most [MiB]."""


def log_of(rows: int) -> Callable[[Path], None]:
    """A log with a row a step, of a run that is at four fifths of its plan; on its law but for noise."""

    def prepare(folder: Path) -> None:
        schedule = {"kind": "cosine", "peak": 3e-4, "steps": rows * 5 // 4}
        rates = read_schedule(schedule).values()
        loss = Catalogue().law("multi_power_25m").loss(rates)[:rows]
        noise = np.random.default_rng(1).normal(0, 0.01, rows)
        table = np.column_stack([np.arange(rows), loss * np.exp(noise), rates[:rows]])
        np.savetxt(
            folder / "log.csv", table, fmt=("%d", "%.6g", "%.8g"), delimiter=",", header="step,loss,lr", comments=""
        )

    return prepare


def stages_of(count: int) -> Callable[[Path], None]:
    """A recipe of so many stages."""

    def prepare(folder: Path) -> None:
        (folder / "conf" / "recipe").mkdir(parents=True)
        stage = {
            "kind": "PT",
            "objective": {"kind": "next_token"},
            "tokens": 1e10,
            "sequence_length": 2048,
            "batch": {"sequences": 512},
            "schedule": {"kind": "cosine", "peak": 3e-4},
            "hardware": {"accelerator": "h100_sxm", "count": 64, "precision": "bf16"},
        }
        names = [f"s{i}" for i in range(count)]
        recipe = {"name": "long", "model": "santacoder", "order": names, "stages": dict.fromkeys(names, stage),
                  "provenance": {"default": {"origin": "assumed", "note": "a benchmark"}}}  # fmt: skip
        # JSON is YAML
        (folder / "conf" / "recipe" / "long.yaml").write_text(json.dumps(recipe))

    return prepare


def nothing(folder: Path) -> None:
    """No inputs."""
    del folder


def track(rows: int) -> list[str]:
    """The command for that log."""
    return [
        "track",
        "log=log.csv",
        "law=multi_power_25m",
        f"schedule={{kind: cosine, peak: 3e-4, steps: {rows * 5 // 4}}}",
    ]


REPORT = ["report", "--config-dir", "conf", "model=santacoder", "recipe=long"]
GRID = ["report", "-m", "model=santacoder"]
CASES = {
    "track, 100,000 rows": Case(True, track(100_000), log_of(100_000), 2, 400),
    "track, 1,600,000 rows": Case(False, track(1_600_000), log_of(1_600_000), 25, 400),
    "plan schedule, 100,000 steps": Case(True, ["plan", "schedule", "steps=100000"], nothing, 15, 2048),
    "plan schedule, 1,000,000 steps": Case(False, ["plan", "schedule", "steps=1000000"], nothing, 15, 2048),
    "report of 50 stages": Case(True, REPORT, stages_of(50), 20, 2048),
    "report of 200 stages": Case(False, REPORT, stages_of(200), 20, 2048),
    "grid of 1,000,000 points": Case(
        True, [*GRID, "mfu=range(0.2,0.7,0.0005)", "usd_per_hour=range(1,3,0.002)"], nothing, 60, 2048
    ),
    "grid of 10,000,000 points": Case(
        False, [*GRID, "mfu=range(0.2,0.7,0.0001)", "usd_per_hour=range(1,3,0.001)"], nothing, 60, 2048
    ),
}


def taken(words: list[str], folder: Path) -> tuple[float, float]:
    """User CPU time [s] and peak memory [MiB] of a command. Raises ``RuntimeError`` where it fails."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen([sys.executable, "-m", "lehr", *words], cwd=folder, stdout=said, stderr=said,
                                   env={**os.environ, "PYTHONPATH": str(CONF.resolve().parent)})  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise RuntimeError((folder / "said").read_text())
    return usage.ru_utime, usage.ru_maxrss / 1024


def main() -> int:
    """Print a line a case; 1 where one takes more memory than it may: seconds are the machine's too."""
    words = sys.argv[1:]
    wrong = 0
    print(f"{'':32}{'user CPU':>10}{'at most':>9}{'memory':>12}{'at most':>10}")
    for name, case in CASES.items():
        if not (case.quick if not words else words == ["all"] or any(word in name for word in words)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            case.prepare(Path(folder))
            seconds, mib = taken(case.words, Path(folder))
        over = seconds > case.seconds or mib > case.mib
        wrong += mib > case.mib
        line = f"{name:32}{seconds:8.1f} s{case.seconds:7.0f} s{mib:8.0f} MiB{case.mib:6.0f} MiB"
        print(line + ("  OVER" if over else ""), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
