"""How long sweeps take as a whole, beside Hydra's basic sweeper in the same run, and whether memory stays flat.

    python -m benchmarks.sweeps

Wall time from the shell's point of view: the start of Python, every job, and the three files of the result. The peer
runs the same jobs as ``lehr report -m ... hydra/sweeper=basic format=json``: a few of them, since each takes as long as
the next.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

LEHR = [sys.executable, "-m", "lehr", "report", "-m"]
JOBS = ["model=santacoder,starcoder,codellama_7b,codellama_34b,deepseek_coder_6_7b,qwen2_5_coder_7b,qwen2_5_coder_32b,"
        "deepseek_v3,qwen3_coder_30b_a3b,qwen3_coder_480b_a35b", "law=besiroglu,chinchilla",
        "mfu=range(0.25,0.5,0.005)"]  # fmt: skip
"""10 models, 2 laws, 50 utilisations."""

POINTS = {
    "tokens, MFU, price": ["recipe.stages.pt.tokens=range(1e12,5e12,4e10)", "mfu=range(0.2,0.7,0.005)",
                           "usd_per_hour=range(1,5,0.04)"],
    "batch, peak rate, price": ["recipe.stages.pt.batch.sequences=range(500,1500,10)",
                                "recipe.stages.pt.schedule.peak=range(1e-4,5e-4,4e-6)", "usd_per_hour=range(1,5,0.04)"],
}  # fmt: skip
"""A million points each, over numbers of one recipe."""


def run(arguments: list[str], folder: str) -> tuple[float, int]:
    """Wall time [s] and the peak of memory [MiB] of one process."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*LEHR, f"out={folder}", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, arguments
    return time.perf_counter() - begin, usage.ru_maxrss // 1024


def main() -> None:
    """Print a table of times, memory and ratios."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        few = ["model=santacoder,starcoder", "law=besiroglu,chinchilla", "mfu=range(0.25,0.5,0.05)"]
        start, _ = run([*few[:2], "mfu=0.3", "hydra/sweeper=basic", "format=json"], folder)
        peer, _ = run([*few, "hydra/sweeper=basic", "format=json"], folder)
        a_job = (peer - start) / 16
        print(f"Hydra's basic sweeper, one job more            {a_job:7.3f} s")
        run(JOBS, folder)
        for n, last in ((100, "mfu=range(0.25,0.3,0.01)"), (1000, JOBS[2])):
            seconds, memory = run([*JOBS[:2], last], folder)
            faster = f"{a_job * n / seconds:6.1f} times as fast"
            print(f"{n:>9,} jobs, models x laws x MFU              {seconds:7.2f} s {memory:6} MiB {faster}")
        for name, axes in POINTS.items():
            model = "starcoder2_15b" if "tokens" in name else "starcoder"
            seconds, memory = run([f"model={model}", *axes], folder)
            print(f"1,000,000 points, {name:29}{seconds:7.2f} s {memory:6} MiB")


if __name__ == "__main__":
    main()
