"""Curve laws and schedules against today's best: accuracy and time of a fit, of a long curve and of a long schedule.

    python -m benchmarks.curves [runs]

The fits need the public curves of the multi-power law's authors, where the tests look for them; without them that part
is left out. A time is the median of the runs; a first run is not counted.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.reading import LogReading, read_runs
from lehr.simulators.laws.curves import CurveLaw, MultiPower
from lehr.simulators.laws.curves.fitting import Score, fit_curve, mean_score, score
from lehr.simulators.schedules import WSD, Cosine, Curve, Decay, Warmup
from tests.data import DATA
from tests.published.luo_curves import HELD_OUT, TRAINED_ON, WARM_UP

CURVES = DATA / "mpl_loss_curves"
AUTHORS = {  # README of github.com/thu-yao-01-luo/MultiPowerLaw, means over the held-out curves
    "25": {"R2": 0.9988, "MAE": 0.00376, "RMSE": 0.00465, "PredE": 0.00110, "WorstE": 0.00409},
    "100": {"R2": 0.9983, "MAE": 0.00435, "RMSE": 0.00592, "PredE": 0.00142, "WorstE": 0.00583},
    "400": {"R2": 0.9978, "MAE": 0.00484, "RMSE": 0.00730, "PredE": 0.00168, "WorstE": 0.00995},
}
AUTHORS_FIT_SECONDS = 40.0
"""Of the authors' code for one size, at least."""
CURVE_STEPS, SCHEDULE_STEPS = 72_000, 1_000_000
QUADRATIC_STEPS = 4_000
"""Steps that the plain double sum is timed on; its time is taken to grow by the square."""
TORCH_STEPS = 20_000


def timed(work: Callable[[], object], runs: int) -> float:
    """The median time of ``work`` [s]."""
    work()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def line(what: str, ours: str, other: str, ratio: str, limit: str = "") -> None:
    """One row of the table."""
    print(f"{what:58}{ours:>12}{other:>12}{ratio:>10}  {limit}")


def figures(found: Score) -> dict[str, float]:
    """A score by the authors' names."""
    return {
        "R2": found.r2,
        "MAE": found.mae,
        "RMSE": found.rmse,
        "PredE": found.mean_relative_error,
        "WorstE": found.worst_relative_error,
    }


def fits(size: str, runs: int) -> None:
    """The protocol of the authors on one size, the schedules read from the logs."""
    folder = CURVES / f"csv_{size}"
    if not folder.is_dir():
        print(f"{size}M: skipped, no {folder}; tests/data.py says where it is looked for")
        return
    reading = LogReading(warmup_steps=WARM_UP)
    logs = {name: read_runs([str(folder / f"{name}.csv")], reading)[0].run for name in (*TRAINED_ON, *HELD_OUT)}
    fitted = [logs[name] for name in TRAINED_ON]
    for kind in ("multi_power", "momentum"):
        found = fit_curve(fitted, kind)
        mine = figures(mean_score([score(found.law, logs[name]) for name in HELD_OUT]))
        for name, theirs in AUTHORS[size].items():
            # of R2 the part that is not explained is compared
            ratio = (1 - mine[name]) / (1 - theirs) if name == "R2" else mine[name] / theirs
            line(f"{kind}, {size}M, held out: {name}", f"{mine[name]:.5f}", f"{theirs:.5f}", f"{ratio:.2f}")
        seconds = timed(lambda kind=kind: fit_curve(fitted, kind), runs)  # type: ignore[misc]
        ratio = seconds / AUTHORS_FIT_SECONDS
        line(f"{kind}, {size}M: fit", f"{seconds:.2f} s", f"{AUTHORS_FIT_SECONDS:.0f} s", f"{ratio:.3f}", "within 2 s")


def cosine(steps: int) -> Curve:
    """A cosine to a tenth after warm-up."""
    return Cosine(peak=3e-4, floor_ratio=0.1, warmup=Warmup(steps=WARM_UP)).resolve(steps)


def quadratic(law: MultiPower, rates: np.ndarray) -> np.ndarray:
    """The law as it is written: a sum over all earlier steps at every step."""
    total = np.cumsum(rates)
    change = np.concatenate([[0.0], rates[:-1]]) - rates
    loss = np.empty(len(rates))
    loss[0] = np.inf
    for t in range(1, len(rates)):
        area = total[t] - (total[:t] - rates[:t])
        with np.errstate(divide="ignore"):
            kernel = (1 + law.C * rates[:t] ** -law.gamma * area) ** -law.beta
        loss[t] = law.L0 + law.A * total[t] ** -law.alpha - law.B * np.sum(change[:t] * (1 - kernel))
    return loss


def curves(runs: int) -> None:
    """Every step of a long schedule."""
    law: CurveLaw = Catalogue().law("multi_power_25m")  # type: ignore[assignment]
    assert isinstance(law, MultiPower)
    short = cosine(QUADRATIC_STEPS).values()
    begin = time.perf_counter()
    quadratic(law, short)
    plain = (time.perf_counter() - begin) * (CURVE_STEPS / QUADRATIC_STEPS) ** 2
    rates = cosine(CURVE_STEPS).values()
    seconds = timed(lambda: law.loss(rates), runs)
    what = f"multi_power, {CURVE_STEPS:,} steps, every step, cosine"
    line(what, f"{seconds * 1e3:.1f} ms", f"{plain:.1f} s*", f"{seconds / plain:.5f}", "within 50 ms")
    print(f"  * the double sum of {QUADRATIC_STEPS:,} steps, times the square of the ratio of the lengths")


def schedules(runs: int) -> None:
    """Every rate of a schedule of a million steps, against torch's scheduler stepped."""
    wsd = WSD(peak=3e-4, floor_ratio=0.1, warmup=Warmup(steps=WARM_UP), decay=Decay(fraction=0.1))
    try:
        import torch
    except ImportError:
        stepped = None
    else:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, TORCH_STEPS)
        optimizer.step()
        begin = time.perf_counter()
        for _ in range(TORCH_STEPS):
            scheduler.step()
        stepped = (time.perf_counter() - begin) * SCHEDULE_STEPS / TORCH_STEPS
    for name, rule in (("cosine", cosine(SCHEDULE_STEPS)), ("wsd", wsd.resolve(SCHEDULE_STEPS))):
        seconds = timed(rule.values, runs)
        other = "no torch" if stepped is None else f"{stepped:.1f} s*"
        ratio = "" if stepped is None else f"{seconds / stepped:.5f}"
        line(f"{name}, {SCHEDULE_STEPS:,} steps", f"{seconds * 1e3:.1f} ms", other, ratio, "within 20 ms")
    print(f"  * torch's cosine scheduler stepped {TORCH_STEPS:,} times, times the ratio of the lengths")


def main() -> None:
    """Print the tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, {os.cpu_count()} cores, {runs} runs")
    line("", "here", "other", "ratio")
    for size in AUTHORS:
        fits(size, runs)
    curves(runs)
    schedules(runs)


if __name__ == "__main__":
    main()
