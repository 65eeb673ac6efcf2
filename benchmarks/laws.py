"""How long a law takes to fit and to evaluate, beside a plain fit with scipy's L-BFGS-B.

    python -m benchmarks.laws [coverage] [shared] [ratios]

The fit is approach 3 of Hoffmann et al. (2022) on the points that Besiroglu et al. (2024) reconstructed, from all 4,500
starts; the peer minimises the same objective from a few of them, one after the other, which is extrapolated. With
``coverage`` the intervals of simulated runs are held against the planted truth too (a minute), with ``shared`` those of
small tables whose runs of one size share most of their error, or none (ten minutes), and ``ratios`` says what sizes
of public tables share (a minute). The data are looked for where the
tests look; without them the fits are skipped.
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
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.extrapolation import tables as public_splits
from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.fitting import LawFit, Runs, compare_forms, fit_law, make_runs, resample
from lehr.simulators.laws.fitting.shared import shared_errors
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
        resampled = resample(fit, draws, seed=seed, shared=shared_errors(fit))
        for name in names:
            low, high = resampled.interval(name)
            held[name] += low < getattr(LAW, name) < high
        bounds = resampled.law.optimum_interval(1e23)
        assert bounds is not None
        held["best N at 1e23"] += bounds[0][0] < truth < bounds[0][1]
    shares = ", ".join(f"{name} {count / simulations:.0%}" for name, count in held.items())
    print(f"95 % bootstrap intervals of {simulations} simulated sets of {n.size} runs hold the truth: {shares}")


def small_tables(tables: int = 100, draws: int = 200, start: int = 4711) -> None:
    """How often 95 % intervals of made tables hold the truth: five sizes at four ratios, and four sizes at four ratios
    twice over; errors of 0.3 %, of whose spread a size shares four fifths or nothing."""
    held: dict[str, list[list[bool]]] = defaultdict(list)
    rng = np.random.default_rng(start)
    for table in range(tables):
        (alpha, beta), floor = rng.uniform(0.30, 0.37, 2), rng.uniform(1.6, 2.1)
        size, data = np.exp(rng.normal(6, 0.2)), np.exp(rng.normal(7.3, 0.2))
        for n_sizes, ratios in ((5, (5, 15, 45, 135)), (4, (10, 20, 40, 80) * 2)):
            n, d = (x.ravel() for x in np.meshgrid(5e7 * 2.0 ** np.arange(n_sizes), ratios, indexing="ij"))
            d = n * d
            best = (alpha * size / (beta * data)) ** (1 / (alpha + beta)) * (n * d).max() ** (beta / (alpha + beta))
            for shared in (0.8, 0.0):
                error = np.repeat(rng.normal(0, 0.003 * shared, n_sizes), len(ratios))
                error = error + rng.normal(0, 0.003 * np.sqrt(1 - shared**2), n.size)
                fit = fit_law(make_runs(n, d, (floor + size / n**alpha + data / d**beta) * np.exp(error)), starts=120)
                for widened in (False, True):
                    some = resample(fit, draws, seed=1000 * table, shared=shared_errors(fit) if widened else None)
                    inside = [low < truth < high for name, truth in (("E", floor), ("alpha", alpha))
                              for low, high in [some.interval(name)]]  # fmt: skip
                    bounds = some.law.optimum_interval(float((6 * n * d).max()))
                    assert bounds is not None
                    # no interval is told where a draw has no optimum
                    told = np.isfinite(bounds[0]).all()
                    inside.append(bool(not told or bounds[0][0] < best < bounds[0][1]))
                    how = "as fitted" if widened else "runs drawn one by one"
                    held[f"{n_sizes} sizes, {shared:.0%} shared, {how}"].append(inside)
    for case, inside in held.items():
        shares = ", ".join(
            f"{what} {share:.0%}" for what, share in zip(("E", "alpha", "best N"), np.mean(inside, 0), strict=True)
        )
        print(f"{case}: 95 % intervals of {tables} tables hold {shares}")


def ratios() -> None:
    """What sizes of public tables share over what their single runs scatter by, where sizes are enough to tell."""
    found = [shared_errors(fit_law(train, starts=120)) for train, _ in public_splits().values()]
    told = [one.ratio for one in found if one is not None and one.df_between > 1]
    quarters = ", ".join(f"{share:.2f}" for share in np.quantile(told, [0, 0.25, 0.5, 0.75, 1]))
    print(f"shared over single errors of {len(told)} public splits: {quarters} (least, quarters, largest)")


def main() -> None:
    """Print one line a figure."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, numpy {np.__version__}")
    evaluation()
    fits()
    if "coverage" in sys.argv[1:]:
        coverage()
    if "shared" in sys.argv[1:]:
        small_tables()
    if "ratios" in sys.argv[1:]:
        ratios()


if __name__ == "__main__":
    main()
