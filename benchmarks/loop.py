"""Small runs that are really trained, a law of them, and a larger run forecast before it is trained.

    python -m benchmarks.loop [folder]

The best peaks of short sweeps of two widths set the level of rates that fall as one over the width (Yang et al.,
arXiv:2203.03466); a power through so noisy sweeps says nothing of a third width. Networks of three widths are trained
for three lengths each by ``lehr rehearse -m``, at rates that fall to nought at each run's own end, so that lengths
compare. ``lehr fit`` reads their losses, and the loss of a network of 1.5 times the largest width that is trained for
twice the longest is forecast with the 95 % interval of a single run; then it is trained. Lines: the rates, every run
beside the law, the forecast, its interval, what came, the error, and the CPU time. Where a folder is named, runs that
stand there are not trained again. On a GPU the runs of ``lehr design`` take the grid's place (``lehr rehearse -m
--config-dir outputs/design/mine scale=own ...``): its smallest network has 256 features, and the five sizes that it
asks for take hours of two cores.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import lehr
from lehr.recipes.cli import dispatch

SWEPT, PEAKS, SWEPT_LENGTH = (32, 64), (0.003, 0.006, 0.012), 250
WIDTHS, LENGTHS = (32, 48, 64), (500, 700, 1000)
"""Features, and updates."""
LARGE = (96, 2000)
COMMON = (
    "model=llama_2_7b", "stages=[pt]", "n_layers=2", "sequence_length=128", "batch_tokens=512", "least_updates=8",
    "machine=false", "threads=1", "held_out_bytes=65536", "measurements=2",
    # to nought at the end, after a tenth of the steps [of the recipe's 476,837]
    "recipe.stages.pt.schedule.floor_ratio=0", "recipe.stages.pt.schedule.warmup.steps=47684",
)  # fmt: skip


def trained(folder: Path, width: int, lengths: Sequence[int], peaks: Sequence[float]) -> list[Path]:
    """The table of each run of ``width`` below ``folder``: each length at each peak; those that stand are kept."""
    if len(tables := sorted(folder.rglob("runs.csv"))) != len(lengths) * len(peaks):
        several = (",".join(map(str, lengths)), ",".join(f"{peak:.4g}" for peak in peaks))
        dispatch([
            "rehearse", "-m", *COMMON, f"d_model={width}", f"updates={several[0]}", f"peak={several[1]}",
            f"out={folder}",
        ])  # fmt: skip
        tables = sorted(folder.rglob("runs.csv"))
    return tables


def losses(tables: Sequence[Path]) -> list[tuple[float, float, float]]:
    """Parameters, bytes and the loss at the end, of each table's run."""
    return [tuple(map(float, table.read_text().splitlines()[1].split(",")[1:])) for table in tables]  # type: ignore[misc]


def best(folder: Path, width: int) -> float:
    """The peak at the vertex of a parabola through a sweep's losses by the log of the rate, no further than swept."""
    found = []
    for peak in PEAKS:
        ((_, _, loss),) = losses(trained(folder / f"{width}_{peak:g}", width, [SWEPT_LENGTH], [peak]))
        found.append(loss)
    logs = np.log(PEAKS)
    bend, slope, _ = np.polyfit(logs - logs.mean(), found, 2)
    vertex = logs.mean() - slope / (2 * bend) if bend > 0 else logs[int(np.argmin(found))]
    return float(np.exp(np.clip(vertex, logs[0], logs[-1])))


def main(folder: Path) -> None:
    """Sweep, train, fit, plan, forecast, train the large one, compare."""
    began = time.process_time()
    peaks = [best(folder / "sweep", width) for width in SWEPT]
    level = float(np.exp(np.mean(np.log(peaks) + np.log(SWEPT))))
    rate = {width: level / width for width in (*WIDTHS, LARGE[0])}
    tables = [t for width in WIDTHS for t in trained(folder / "small" / str(width), width, LENGTHS, [rate[width]])]
    fitted = lehr.fit(tables, law="chinchilla", name="loop", out=folder)
    law = fitted.law
    (large,) = trained(folder / "large", LARGE[0], [LARGE[1]], [rate[LARGE[0]]])
    ((n, d, measured),) = losses([large])
    forecast = float(law.loss(n, d))
    low, high = (float(v) for v in law.intervals(n, d, run=True))
    print("peak rates: " + ", ".join(f"{peak:.2g} at {width} features" for width, peak in rate.items()))
    for run in losses(tables):
        print(f"{run[0]:>9,.0f} parameters, {run[1]:>9,.0f} bytes: {run[2]:.4f}, law {float(law.loss(*run[:2])):.4f}")
    print(f"{len(tables)} runs of up to {max(WIDTHS)} features and {max(LENGTHS)} updates")
    print(f"forecast for {n:,.0f} parameters, {d:,.0f} bytes: {forecast:.4f} ({low:.4f} to {high:.4f})")
    said = "inside" if low <= measured <= high else "OUTSIDE"
    print(f"measured: {measured:.4f}, {measured / forecast - 1:+.2%}; {said}")
    print(f"{time.process_time() - began:.0f} s of CPU")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as made:
            main(Path(made))
