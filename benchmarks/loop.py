"""The loop: small runs designed, trained, read and forecast from; the next larger run planned by them, trained, judged.

    python -m benchmarks.loop [folder [corpus]]

`lehr design` chooses the runs for a budget; its cheapest one is trained at several rates, and the best of them sets the
level of all rates, which fall as one over the width. `lehr rehearse -m` trains them, the cheap ones three times, from
other random numbers; `lehr fit` reads what they lost; `lehr plan law=` says which network to train with more than all
of that on how much, and what it will lose, before that is trained, from two. Lines: the runs beside the law, the
forecast, each run with the interval of one, their mean with its own, CPU time. Where a folder is named, what stands
there is not trained again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

import lehr
from lehr.simulators.laws.surfaces.base import Surface

BUDGET, TARGET = 1e13, 1.2e13
"""Of all small runs together, and of the one that is forecast [FLOP]."""
RUNS, NOISE = 10, 0.01
"""At most; and of a run about its law."""
SIZE = "9e4..1e6"
"""Of all networks [parameters]: a thread does twice to three times as much in these as in narrower ones."""
TOKENS_PER_PARAMETER = (5.5, 40)
"""Half a million bytes at the least: of 300,000 the seeds of one network differ by one to two per cent, of a million,
80 features wide, by 0.4."""
BATCH = 1024
"""Of every run [bytes]: half of it costs a third more time a byte."""
SLOPE = -0.5
"""Of the best rate with the parameters of all layers: one over the width (Yang et al., arXiv:2203.03466)."""
FIRST_LEVEL, SWEPT = 1.6, (0.5, 1.0, 2.0)
"""Of the rates before their level is measured, 0.0053 at 48 features; what of it is tried."""
CHEAP, SEEDS = 1 / 10, 2
"""Of the budget: runs that cost no more are made from so many random numbers, as two of one network differ by a
per cent, whether weights are averaged, the rate ends at nought, the texts are the same, or its heads are more."""
TARGET_SEEDS = 2
"""Runs of the network that is forecast: the law speaks of their mean."""
JOBS = int(os.environ.get("LEHR_LOOP_JOBS", "2"))
"""Runs at once, of one thread each."""
BELIEF = {"E": 0.8, "A": 33.0, "B": 105.0, "alpha": 0.35, "beta": 0.37}
"""What is believed before any run, of bytes of another corpus [nats]; the design alone hangs on it."""
NETWORKS = ("vocab_size=256", "sequence_length=64", "hyper_laws=[loop_rates]", f"size={SIZE}")
TRAINED = ("scale=own", "machine=false", "threads=1", "held_out_bytes=262144", "measurements=1", "save_every=1000")


def told(*arguments: str) -> str:
    """What the command says; the benchmark ends where it fails."""
    done = subprocess.run([sys.executable, "-m", "lehr", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"lehr {' '.join(arguments)}: status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def laws(folder: Path, level: float) -> Path:
    """A config folder with the belief and the rule of rates at ``level``."""
    known = {"provenance": {"default": {"origin": "assumed", "note": "benchmarks/loop.py"}}}
    bodies = {
        "loop_rates": {
            "kind": "power_rules", "n_convention": "non_embedding", "range": {"parameters": [1e4, 1e7]},
            "rate": {"coefficient": level, "n": SLOPE}, "batch": {"coefficient": BATCH},
        },
        "loop_belief": {
            "kind": "chinchilla", "n_convention": "total", "loss_unit": "nats/token", **BELIEF,
            "range": {"parameters": [4e4, 2e5], "tokens": [3e5, 3e6]},
        },
    }  # fmt: skip
    for name, body in bodies.items():
        path = folder / "law" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"name": name, "title": name, **body, **known}))
    return folder


def designed(folder: Path, name: str, level: float) -> list[dict[str, Any]]:
    """The runs of a design, whose files it writes."""
    ratios = ",".join(map(str, TOKENS_PER_PARAMETER))
    told(
        "design", "--config-dir", str(laws(folder / "laws" / name, level)), "law=loop_belief", f"noise={NOISE}",
        f"budget={BUDGET:g}", f"target={TARGET:g}", f"runs={RUNS}", f"tokens_per_parameter=[{ratios}]",
        f"name={name}", f"out={folder}", *NETWORKS,
    )  # fmt: skip
    runs: list[dict[str, Any]] = json.loads((folder / "design" / name / "design.json").read_text())["runs"]
    return runs


def trained(folder: Path, config: Path, corpus: str | None, *settings: str) -> list[Path]:
    """The tables of all runs of a sweep below ``folder``; one that stands is kept, and one that was stopped goes on."""
    jobs = prod(len(one.partition("=")[2].split(",")) for one in settings)
    if len(list(folder.rglob("runs.csv"))) < jobs:
        given = [] if corpus is None else [f"corpus={corpus}"]
        several = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={JOBS}"] if jobs > 1 else []
        told("rehearse", "-m", "--config-dir", str(config), *settings, *TRAINED, *given, *several, f"out={folder}")
    return sorted(folder.rglob("runs.csv"))


def read(table: Path) -> tuple[float, float, float]:
    """Parameters, bytes, and the loss that a run ended at [nats/byte]."""
    n, d, loss = map(float, table.read_text().splitlines()[1].split(",")[1:])
    return n, d, loss


def level_of(folder: Path, corpus: str | None) -> float:
    """The level of rates at the vertex of a parabola through the losses of a design's first run, no further than
    swept."""
    first = designed(folder, "sweep", FIRST_LEVEL)[0]["name"]
    config = folder / "design" / "sweep"
    peak = yaml.safe_load((config / "recipe" / f"{first}.yaml").read_text())["stages"]["pt"]["schedule"]["peak"]
    peaks = [float(f"{peak * times:.4g}") for times in SWEPT]
    tables = trained(
        folder / "rates", config, corpus, f"model={first}",
        f"recipe.stages.pt.schedule.peak={','.join(map(str, peaks))}",
    )  # fmt: skip
    found = {float(str(table).partition("peak=")[2].partition("_")[0]): read(table)[2] for table in tables}
    losses = [found[peak] for peak in peaks]
    print("rates: " + ", ".join(f"{peak:g} {loss:.4f}" for peak, loss in zip(peaks, losses, strict=True)), flush=True)
    logs = np.log(SWEPT)
    bend, slope, _ = np.polyfit(logs, losses, 2)
    vertex = -slope / (2 * bend) if bend > 0 else logs[int(np.argmin(losses))]
    return FIRST_LEVEL * float(np.exp(np.clip(vertex, logs[0], logs[-1])))


def main(folder: Path, corpus: str | None) -> None:
    """Design, train, fit, plan, train the next, judge."""
    started = time.perf_counter()
    level = level_of(folder, corpus)
    print(f"level of rates: {level:.3g} N**{SLOPE}")
    runs = designed(folder, "small", level)
    expected = json.loads((folder / "design" / "small" / "design.json").read_text())["expected"]["loss"]
    print(f"the design expects its forecast {expected:.1%} off, and one run {NOISE:.1%} from another of its kind")
    cheap = [run["name"] for run in runs if run["flops"] <= CHEAP * BUDGET]
    sweeps = [("small", [run["name"] for run in runs], [1]), ("again", cheap, [*range(2, SEEDS + 1)])]
    tables = [
        table
        for name, names, seeds in sweeps
        for table in trained(
            folder / name, folder / "design" / "small", corpus, f"model={','.join(names)}",
            f"seed={','.join(map(str, seeds))}",
        )
    ]  # fmt: skip
    law = lehr.fit(tables, law="chinchilla", name="loop", out=folder).law
    said = told(
        "plan", "--config-dir", str(folder / "laws" / "small"), f"law={folder / 'fit' / 'loop' / 'fit.yaml'}",
        f"flops={TARGET:g}", "stages={pt: 1}", "name=next", f"out={folder}", *NETWORKS,
    )  # fmt: skip
    for n, d, loss in sorted(map(read, tables)):
        print(f"{n:>9,.0f} parameters, {d:>9,.0f} bytes: {loss:.4f}, law {float(law.loss(n, d)):.4f}")
    most = max(6 * n * d for n, d, _ in map(read, tables))
    print(f"{len(runs)} runs, {len(cheap)} of them from {SEEDS} seeds, the largest of {most:.2g} FLOP")
    print(said.splitlines()[0], flush=True)
    n, d = planned(folder)
    print(f"forecast of {n:,.0f} parameters, {d:,.0f} bytes: {float(law.loss(n, d)):.4f}", flush=True)
    seeds = ",".join(str(seed) for seed in range(1, TARGET_SEEDS + 1))
    large = trained(folder / "large", folder / "plan" / "next", corpus, "model=next", f"seed={seeds}")
    print("\n".join(judged(law, [read(table) for table in large])))
    print(f"{sum(os.times()[:4]):.0f} s of CPU, {time.perf_counter() - started:.0f} s by the clock")


def planned(folder: Path) -> tuple[float, float]:
    """Parameters and bytes of the network that the plan says."""
    chosen = json.loads((folder / "plan" / "next" / "plan.json").read_text())["chosen"]
    return float(chosen["parameters"]), float(chosen["tokens"])


def judged(law: Surface, runs: list[tuple[float, float, float]]) -> list[str]:
    """The forecast beside each run and beside their mean, whose interval has its share of one run's scatter: lines."""
    n, d, _ = runs[0]
    losses = np.array([loss for _, _, loss in runs])
    forecast = float(law.loss(n, d))
    of_mean = np.log(np.array([float(v) for v in law.intervals(n, d)]) / forecast)
    of_run = np.log(np.array([float(v) for v in law.intervals(n, d, run=True)]) / forecast)
    # what a run adds to the law's own variance is divided by the runs
    wide = np.sqrt(of_mean**2 + (of_run**2 - of_mean**2) / len(losses))
    said = [f"{n:,.0f} parameters, {d:,.0f} bytes, {6 * n * d:.2g} FLOP: {forecast:.4f} forecast"]
    measured = [(f"seed {seed}", loss, abs(of_run)) for seed, loss in enumerate(losses, 1)]
    for name, loss, (low, high) in [*measured, (f"mean of {len(losses)}", losses.mean(), wide)]:
        ends = forecast * np.exp(-low), forecast * np.exp(high)
        inside = "inside" if ends[0] <= loss <= ends[1] else "OUTSIDE"
        said.append(f"{name}: {loss:.4f}, {loss / forecast - 1:+.2%}, {inside} {ends[0]:.4f} to {ends[1]:.4f}")
    return said


if __name__ == "__main__":
    named = [*sys.argv[1:], None, None]
    with TemporaryDirectory() as made:
        main(Path(named[0] or made), named[1])
