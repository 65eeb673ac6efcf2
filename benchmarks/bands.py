"""How well fits of curves and their bands hold on public runs that a fit has not seen.

    python -m benchmarks.bands [errors] [forms] [coverage] [speed] [whole]

Runs of three sets, looked for where the tests look; fits are to random runs of a set, and everything is asked of the
others. Without ``whole`` a few splits; with it 210 for the band. The band's shares were chosen with half of the splits
of all three sets in view, and rounded with all.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache, partial
from multiprocessing import get_context

import msgspec
import numpy as np

from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.laws.curves.bands import band, row_noise
from lehr.simulators.laws.curves.fitting import LoggedRun, compare_curves, fit_curve, mean_score, score
from lehr.simulators.laws.curves.runs import shared_rows
from lehr.simulators.quantities import Floats
from tests.data import DATA
from tests.published.luo_curves import HELD_OUT, TRAINED_ON
from tests.published.public_runs import validation_runs
from tests.published.test_schaipp_peak_rates import NAMES

FITTED = (2, 3, 4, 5)
"""Runs that a fit sees, in turn."""
SPLITS = {"25M": 60, "100M": 60, "124M": 90}
FOLLOWED = {"25M": 6, "100M": 6, "124M": 10}
QUICK = {"25M": 3, "100M": 3, "124M": 4}
"""Splits of each set: for the band, for the forms and the tracker, and without ``whole``."""


class Split(msgspec.Struct, frozen=True):
    """A set and the names of the runs that are fitted."""

    group: str
    fitted: tuple[str, ...]


def splits(counts: dict[str, int], sets: dict[str, dict[str, LoggedRun]]) -> list[Split]:
    """Random splits, each once; a fit sees a rate that falls."""
    rng = np.random.default_rng(0)
    out: list[Split] = []
    for group, runs in sets.items():
        seen: set[tuple[str, ...]] = set()
        while len(seen) < counts[group]:
            names = tuple(sorted(rng.choice(sorted(runs), FITTED[len(seen) % len(FITTED)], replace=False)))
            if names not in seen and any(runs[name].anneals for name in names):
                seen.add(names)
                out.append(Split(group, names))
    return out


def shape(run: LoggedRun) -> str:
    """Of a schedule, by its name."""
    for mark, word in (("cos", "cosine"), ("wsdcon", "two rates"), ("constant", "constant"), ("linear0_", "constant")):
        if mark in run.name:
            return word
    return "cool-down"


class Errors(msgspec.Struct):
    """Of rows: log of measured over fitted, half the width of the band, which quarter of the run each is of, and
    whether a fitted run has it too, as branches of one run share the rows before they part."""

    run: LoggedRun
    error: Floats
    half: Floats
    quarter: Floats
    shared: np.ndarray


@cache
def law_of(split: Split) -> CurveLaw:
    """The law fitted to a split's runs."""
    runs = validation[split.group]
    return fit_curve([runs[name] for name in split.fitted]).law


def coverage_of(split: Split) -> list[tuple[Split, Errors]]:
    """Rows of the runs that were not fitted beside the band."""
    runs, law = validation[split.group], law_of(split)
    out = []
    for name, run in runs.items():
        if name in split.fitted:
            continue
        low, high = band(law, run.rates, steps=run.steps, noise=row_noise(run.loss))
        quarter = np.minimum(4 * run.steps // len(run.rates), 3)
        error, half = np.log(run.loss / np.sqrt(low * high)), np.log(high / low) / 2
        out.append((split, Errors(run, error, half, quarter, shared_rows(run, [runs[n] for n in split.fitted]))))
    return out


def spread(work: Callable[[Split], list], every: list[Split]) -> list:
    """``work`` of each split, on as many processes as ``LEHR_JOBS`` says."""
    jobs = int(os.environ.get("LEHR_JOBS", "1"))
    if jobs == 1:
        return [one for split in every for one in work(split)]
    with get_context("spawn").Pool(jobs) as pool:
        return [one for found in pool.imap(work, every) for one in found]


Group = tuple[str, str]
Parts = list[tuple[Floats, Floats]]


def coverage(every: list[Split]) -> None:
    """The table of coverage, by set, quarter, length, rate and shape."""
    found = spread(coverage_of, every)
    new = groups_of([(split, one, ~one.shared) for split, one in found])
    print(
        f"\ncoverage of the 95 % band, {len(every)} splits, rows of runs not fitted that no fitted run has; its mean "
        "width, from low to high, over the errors' 95 % quantile (2 where it is right and all rows err alike); how "
        "many times narrower it could be, of the same form, to hold 95 %"
    )
    for (group, label), parts in sorted(new.items()):
        print("  {:6}{:14}{:8.1%}{:8.2f}{:8.2f}  {:6} runs".format(group, label, *held(parts), len(parts)))
    for title, groups in (
        ("rows that no fitted run has", new),
        ("all rows", groups_of([(split, one, one.half > 0) for split, one in found])),
    ):
        for sets in ({"25M", "124M"}, {"100M"}):
            mine = [held(parts) for (group, _), parts in groups.items() if group in sets]
            right = [0.9 <= inside <= 0.99 for inside, *_ in mine]
            both = [ok and 1.2 <= wide <= 3 for ok, (_, wide, _) in zip(right, mine, strict=True)]
            least = min(inside for inside, *_ in mine)
            print(
                f"  {title}, {' and '.join(sorted(sets))}: {sum(right)} of {len(mine)} groups hold 90 to 99 %, "
                f"{sum(both)} at 1.2 to 3 times the width; the least {least:.1%}"
            )


def groups_of(found: list[tuple[Split, Errors, np.ndarray]]) -> dict[Group, Parts]:
    """Errors and halves of the chosen rows of each run, by what the run and the fit have in common."""
    groups: dict[Group, Parts] = defaultdict(list)
    for split, one, rows in found:
        longest = max(len(validation[split.group][n].rates) for n in split.fitted)
        peaks = [validation[split.group][n].rates.max() for n in split.fitted]
        peak = one.run.rates.max()
        labels = [
            "all",
            f"{len(split.fitted)} fitted",
            shape(one.run),
            "longer" if len(one.run.rates) > 1.1 * longest else "no longer",
            "rate fitted" if min(peaks) * 0.99 <= peak <= max(peaks) * 1.01 else "rate apart",
        ]
        of_quarter = [(f"quarter {q + 1}", rows & (one.quarter == q)) for q in range(4)]
        for label, chosen in [*((label, rows) for label in labels), *of_quarter]:
            if chosen.any():
                groups[split.group, label].append((one.error[chosen], one.half[chosen]))
    return groups


def held(parts: Parts) -> tuple[float, float, float]:
    """The share of rows inside, the band's mean width over the errors' 95 % quantile, and how many times narrower it
    could be; each run counts the same."""
    weight = np.concatenate([np.full(len(e), 1 / len(e)) for e, _ in parts])
    error, half = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    inside = float(np.average(np.abs(error) <= half, weights=weight))
    wide = 2 * float(np.average(half, weights=weight)) / quantile_of(np.abs(error), weight)
    return inside, wide, 1 / quantile_of(np.abs(error) / half, weight)


def quantile_of(values: Floats, weight: Floats) -> float:
    """The weighted 95 % quantile."""
    order = np.argsort(values)
    at = np.searchsorted(np.cumsum(weight[order]), 0.95 * weight.sum())
    return float(values[order][min(at, len(order) - 1)])


def carried_over() -> None:
    """Peak rates that were not fitted, and the protocol of the multi-power law's authors."""
    print("\nmean and worst error of runs not fitted")
    for size in ("25M", "100M"):
        if size in validation:
            law = fit_curve([validation[size][name] for name in TRAINED_ON]).law
            mean = mean_score([score(law, validation[size][name]) for name in HELD_OUT])
            print(f"  {size}, authors' protocol: {mean.mean_relative_error:.3%} {mean.worst_relative_error:.2%}")
    if "124M" not in validation:
        return
    for fitted, others in ((("0p0005", "0p001"), ("0p002",)), (("0p0005", "0p002"), ("0p001",)),
                           (("0p0005",), ("0p001", "0p002"))):  # fmt: skip
        law = fit_curve([validation["124M"][f"L12H12_{n.format('lr' + r)}"] for r in fitted for n in NAMES[r]]).law
        for other in others:
            runs = [validation["124M"][f"L12H12_{n.format('lr' + other)}"] for n in NAMES[other]]
            mean = mean_score([score(law, run) for run in runs])
            errors = f"{mean.mean_relative_error:.3%} {mean.worst_relative_error:.2%}"
            print(f"  124M, {' and '.join(fitted)} to {other}: {errors}")


def best_of(split: Split) -> list[tuple[float, str, str]]:
    """Of the form that ``law=best`` chooses and of the best of all: mean error on runs not fitted, chosen over best."""
    runs = validation[split.group]
    try:
        found = compare_curves([runs[name] for name in split.fitted])
    except ValueError:
        # the one run that falls cannot be left out, and a law of the sum alone is no rival to the others
        return []
    others = [run for name, run in runs.items() if name not in split.fitted]
    errors = {
        one.form: mean_score([score(one.fit.law, run) for run in others]).mean_relative_error for one in found.scores
    }
    best = min(errors, key=lambda form: errors[form])
    return [(errors[found.use] / errors[best], found.use, best)]


def forms(every: list[Split]) -> None:
    """How well ``law=best`` chooses."""
    found = spread(best_of, every)
    ratios = np.array([ratio for ratio, *_ in found])
    print(
        f"\nlaw=best over the best of its forms, mean error on runs not fitted, {len(found)} of {len(every)} splits: "
        f"{np.exp(np.log(ratios).mean()):.2f} (geometric mean), worst {ratios.max():.2f}; the best in "
        f"{np.mean(ratios == 1):.0%}, chosen: "
        + ", ".join(f"{f} {n}" for f, n in Counter(used for _, used, _ in found).most_common())
        + "; best: "
        + ", ".join(f"{f} {n}" for f, n in Counter(best for *_, best in found).most_common())
    )


def speed(times: int) -> None:
    """User CPU of a whole process that fits three curves and tests six, over that of importing Hydra and numpy."""
    folder = DATA / "mpl_loss_curves" / "csv_25"
    if not folder.is_dir():
        return
    data, test = (",".join(f"{folder}/{n}.csv" for n in names) for names in (TRAINED_ON, HELD_OUT))
    fit = ["-m", "lehr", "fit", "law=multi_power", f"data=[{data}]", f"test=[{test}]", "warmup_steps=2160"]
    ours = min(user_cpu([*fit, "out=/tmp/lehr_benchmark"]) for _ in range(times))
    bare = min(user_cpu(["-c", "import hydra, numpy"]) for _ in range(times))
    print(f"\nthree curves fitted, six tested: {ours:.2f} s of user CPU, {ours / bare:.1f} times the imports alone")


def user_cpu(arguments: list[str]) -> float:
    """Of a process [s]."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


validation = validation_runs()


def counted(counts: dict[str, int]) -> list[Split]:
    """So many splits of each set that is at hand."""
    return splits({group: counts[group] for group in validation}, validation)


def printed(parts: dict[str, Callable[[], None]]) -> None:
    """The parts that the command line names, or all."""
    named = {*sys.argv[1:]} & {*parts}
    for name, work in parts.items():
        if not named or name in named:
            work()


def main() -> None:
    """Print the table."""
    is_whole = "whole" in sys.argv
    printed({
        "speed": partial(speed, 5),
        "errors": carried_over,
        "forms": partial(forms, counted(FOLLOWED if is_whole else QUICK)),
        "coverage": partial(coverage, counted(SPLITS if is_whole else QUICK)),
    })  # fmt: skip


if __name__ == "__main__":
    main()
