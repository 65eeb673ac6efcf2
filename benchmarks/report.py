"""How long ``lehr report`` and ``lehr count`` take as a whole, and what they import.

    python -m benchmarks.report [runs]

Wall time from the shell's point of view: the start of Python, Hydra, the catalogue, the projection, figures and files.
The median of the runs is printed with the fastest and the slowest; a first run, which fills the disk cache, is not
counted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

COMMANDS = {
    "lehr report model=deepseek_v3": (2.0, ["report", "model=deepseek_v3"]),
    "lehr report model=santacoder": (2.0, ["report", "model=santacoder"]),
    "lehr count model=deepseek_v3": (0.6, ["count", "model=deepseek_v3"]),
}
"""What is timed, with the wall time that it should stay within on two cores [s]."""

WATCHED = ("torch", "transformers", "scipy", "pandas", "matplotlib.pyplot", "matplotlib", "numpy", "hydra", "jinja2")


def wall(arguments: list[str], folder: str) -> float:
    """The wall time of one run [s]."""
    command = [sys.executable, "-m", "lehr", *arguments]
    if arguments[0] == "report":
        command.append(f"out={folder}")
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def imported(arguments: list[str], folder: str) -> set[str]:
    """Which of the watched packages a run has loaded at its end."""
    out = [f"out={folder}"] if arguments[0] == "report" else []
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print(*[m for m in {WATCHED!r} if m in sys.modules], file=sys.stderr))\n"
        f"from lehr.recipes.cli import main\nmain({[*arguments, *out]!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stderr.split())


def main() -> None:
    """Print a table of times and a table of imports."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {runs} runs")
    print(f"{'':32}{'median':>8}{'fastest':>9}{'slowest':>9}{'within':>8}  loads")
    with tempfile.TemporaryDirectory() as folder:
        for name, (limit, arguments) in COMMANDS.items():
            wall(arguments, folder)
            times = [wall(arguments, folder) for _ in range(runs)]
            loaded = imported(arguments, folder)
            shown = f"{statistics.median(times):6.2f} s{min(times):7.2f} s{max(times):7.2f} s{limit:6.1f} s"
            print(f"{name:32}{shown}  {', '.join(m for m in WATCHED if m in loaded)}")


if __name__ == "__main__":
    main()
