"""How long a law takes to fit and to evaluate, beside a plain fit with scipy's L-BFGS-B.

    python -m benchmarks.laws [coverage]

The fit is approach 3 of Hoffmann et al. (2022) on the points that Besiroglu et al. (2024) reconstructed, from all 4,500
starts; the peer minimises the same objective from a few of them, one after the other, which is extrapolated. With
``coverage`` the intervals of simulated runs are held against the planted truth too (a minute). The data are
looked for where the tests look; without them the fits are skipped.
"""

from __future__ import annotations

import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.fitting import LawFit, Runs, compare_forms, fit_law, make_runs, resample
from lehr.simulators.laws.surfaces.forms import FORMS
from tests.data import DATA

POINTS = DATA / "epoch_chinchilla" / "svg_extracted_data.csv"
PEER_STARTS = 20
LAW = Chinchilla(
    name="planted", title="", n_convention="total", loss_unit="nats/token",
    E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658,
)  # fmt: skip


def reconstructed() -> Runs:
    """The 240 runs that the published fit uses: all but the five largest losses."""
    with POINTS.open() as file:
        rows = list(csv.DictReader(file))
    n, c, loss = (np.array([float(r[key]) for r in rows]) for key in ("Model Size", "Training FLOP", "loss"))
    kept = loss < np.sort(loss)[-5]
    return make_runs(n[kept], c[kept] / 6 / n[kept], loss[kept])


def seconds(work: Callable[[], Any], times: int = 3) -> float:
    """The median wall time [s]."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def peer(runs: Runs, starts: np.ndarray) -> float:
    """The mean time of one plain fit [s]: scipy's L-BFGS-B with its own differences, as one writes it first."""
    from scipy.optimize import minimize
    from scipy.special import huber, logsumexp

    log_n, log_d, log_l = np.log(runs.parameters), np.log(runs.tokens), np.log(runs.loss)

    def objective(x: np.ndarray) -> float:
        e, a, b, alpha, beta = x
        terms = np.stack([a - alpha * log_n, b - beta * log_d, np.full_like(log_n, e)])
        return float(huber(1e-3, logsumexp(terms, axis=0) - log_l).sum())

    begin = time.perf_counter()
    for start in starts:
        minimize(objective, start, method="L-BFGS-B")
    return (time.perf_counter() - begin) / len(starts)


def fits() -> None:
    """Approach 3 on the reconstructed points, its bootstrap and the comparison of forms."""
    if not POINTS.exists():
        print(f"fits: skipped, no {POINTS}; tests/data.py says where it is looked for")
        return
    runs = reconstructed()
    found: list[LawFit] = []
    ours = seconds(lambda: found.append(fit_law(runs)))
    fit = found[-1]
    law = fit.law
    assert isinstance(law, Chinchilla)
    starts = FORMS["chinchilla"].starts(runs)
    chosen = starts[np.random.default_rng(0).choice(len(starts), PEER_STARTS, replace=False)]
    theirs = peer(runs, chosen) * len(starts)
    print(f"fit, {fit.n_starts} starts, {len(runs)} runs: {ours:.2f} s (within 2 s), sum-Huber {fit.objective:.11g}")
    print(f"  E {law.E:.5f}  A {law.A:.2f}  B {law.B:.2f}  alpha {law.alpha:.5f}  beta {law.beta:.5f}")
    print(
        f"  scipy L-BFGS-B, extrapolated from {PEER_STARTS} starts: {theirs:.0f} s, {theirs / ours:.0f} times as long"
    )
    took = seconds(lambda: resample(fit, 100), times=1)
    resampled = resample(fit, 100)
    bounds = ", ".join(
        f"{name} {low:.3f} to {high:.3f}" for name in ("alpha", "beta") for low, high in [resampled.interval(name)]
    )
    print(f"100 bootstraps: {took:.2f} s (within 60 s), 95 %: {bounds}")
    compared = seconds(lambda: compare_forms(runs), times=1)
    print(f"four forms fitted and held against the largest runs: {compared:.2f} s")
    whole_process(runs)


def whole_process(runs: Runs, times: int = 3) -> None:
    """The command with its defaults, all of its process, beside what any Hydra application of arrays costs."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "runs.csv"
        rows = zip(runs.parameters, runs.tokens, runs.loss, strict=True)
        table.write_text("n,d,loss\n" + "".join(f"{n},{d},{loss}\n" for n, d, loss in rows))
        words = ["-m", "lehr", "fit", f"data={table}", f"out={folder}"]
        bare, fit = zip(
            *((user_cpu(["-c", "import hydra, numpy"]), user_cpu(words)) for _ in range(times)), strict=True
        )
    ratio = min(fit) / min(bare)
    print(f"lehr fit, {len(runs)} runs: {min(fit):.2f} s of user CPU, {ratio:.1f} times import hydra, numpy (within 9)")


def user_cpu(arguments: list[str]) -> float:
    """Of a process [s]."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def evaluation() -> None:
    """A million points of a plan."""
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(np.log(1e8), np.log(1e12), 10**6)), np.exp(rng.uniform(np.log(1e9), np.log(1e14), 10**6))
    print(f"a million (N, D): {seconds(lambda: LAW.loss(n, d)):.3f} s (within 0.2 s)")
    flops = 6 * n * d
    print(f"a million optima: {seconds(lambda: LAW.optimum(flops)):.3f} s")


def coverage(simulations: int = 100, draws: int = 100) -> None:
    """How often 95 % intervals of simulated runs hold the planted truth."""
    n, d = (x.ravel() for x in np.meshgrid(np.geomspace(5e7, 5e9, 7), np.geomspace(1e9, 2e11, 7)))
    names = ("E", "A", "B", "alpha", "beta")
    held = dict.fromkeys((*names, "best N at 1e23"), 0)
    truth = float(LAW.optimum(1e23)[0])
    for seed in range(simulations):
        noise = np.exp(0.005 * np.random.default_rng(seed).standard_normal(n.size))
        fit = fit_law(make_runs(n, d, LAW.loss(n, d) * noise), starts=60)
        resampled = resample(fit, draws, seed=seed)
        for name in names:
            low, high = resampled.interval(name)
            held[name] += low < getattr(LAW, name) < high
        bounds = resampled.law.optimum_interval(1e23)
        assert bounds is not None
        held["best N at 1e23"] += bounds[0][0] < truth < bounds[0][1]
    shares = ", ".join(f"{name} {count / simulations:.0%}" for name, count in held.items())
    print(f"95 % bootstrap intervals of {simulations} simulated sets of {n.size} runs hold the truth: {shares}")


def main() -> None:
    """Print one line a figure."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, numpy {np.__version__}")
    evaluation()
    fits()
    if "coverage" in sys.argv[1:]:
        coverage()


if __name__ == "__main__":
    main()
