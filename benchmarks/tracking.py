"""How well fits of curves, their bands and the tracker hold on public runs that a fit has not seen.

    python -m benchmarks.tracking [whole]

Runs of three sets, looked for where the tests look; fits are to random runs of a set, and everything is asked of the
others. Without an argument a few splits; with ``whole`` 210 for the band and 22 for the tracker. The runs are parted
once, by a seed, into one half with which the tracker's settings were chosen and one that was kept apart: figures stand
beside each other. The band's shares were chosen with half of the splits of all three
sets in view, and rounded with all.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from statistics import NormalDist, median

import msgspec
import numpy as np

from lehr.recipes.reading.rows import read_rows
from lehr.recipes.reading.tail import Tail
from lehr.simulators.laws.curves import CurveLaw, PowerOfSum
from lehr.simulators.laws.curves.bands import band, row_noise
from lehr.simulators.laws.curves.fitting import LoggedRun, compare_curves, fit_curve, mean_score, score
from lehr.simulators.laws.curves.runs import shared_rows
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import Earlier, Plan, Tracked, in_order, track
from lehr.simulators.tracking.alone import alone
from lehr.simulators.tracking.as_run import track_as_run
from lehr.simulators.tracking.pairing import paired
from lehr.simulators.tracking.planned import plan
from tests.data import DATA
from tests.published.luo_curves import HELD_OUT, TRAINED_ON
from tests.published.public_runs import training_runs, validation_runs, whole
from tests.published.test_schaipp_peak_rates import NAMES

FITTED = (2, 3, 4, 5)
"""Runs that a fit sees, in turn."""
SPLITS = {"25M": 60, "100M": 60, "124M": 90}
FOLLOWED = {"25M": 6, "100M": 6, "124M": 10}
QUICK = {"25M": 3, "100M": 3, "124M": 4}
"""Splits of each set: for the band, for the tracker, and without ``whole``."""
SHARES = (0.3, 0.5, 0.8)
"""Of a run, where its end is asked for and faults are planted."""
WITHIN = 0.02
"""Of a run, within which a fault should be told."""


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


def kept_apart(sets: dict[str, dict[str, LoggedRun]]) -> set[tuple[str, str]]:
    """Half of the runs of each set, which no setting was chosen with."""
    out = set()
    for group, runs in sets.items():
        names = np.random.default_rng(12).permutation(sorted(runs))
        out |= {(group, str(name)) for name in names[: len(names) // 2]}
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


def looks_of(split: Split) -> list[dict[str, object]]:
    """Each run that was not fitted, followed: its alarms, and its end from parts of it."""
    group = validation[split.group]
    law, runs = law_of(split), whole(group)
    out: list[dict[str, object]] = []
    for name, run in runs.items():
        if name in split.fitted:
            continue
        planned = plan(law, run.rates)
        seen = look(planned, run.steps, run.loss, run.rates)
        ends: dict[float, tuple[float, bool] | None] = {}
        for share in SHARES:
            rows = run.steps <= share * len(run.rates)
            if rows.sum() < 3:
                continue
            part = look(planned, run.steps[rows], run.loss[rows], run.rates)
            truth = float(run.loss[-1])
            if part.final is None or part.final_interval is None:
                ends[share] = None
            else:
                inside = part.final_interval[0] <= truth <= part.final_interval[1]
                ends[share] = abs(part.final / truth - 1), inside
        out.append({"group": split.group, "name": name, "ends": ends, "fitted": split.fitted,
                    "alarms": [(a.kind, int(seen.steps[a.first]), a.size) for a in seen.alarms]})  # fmt: skip
    return out


def look(planned: Plan, steps: np.ndarray, losses: Floats, rates: Floats) -> Tracked:
    """One look at rows whose log has the rates too."""
    return track(planned, in_order(steps, losses), rates=(steps, rates[np.minimum(steps, len(rates) - 1)]))


# faults: from the rows of a healthy run, what its log would be with a fault from row ``at`` on


class Log(msgspec.Struct):
    """Rows of a log, planted with a fault."""

    steps: np.ndarray
    losses: Floats
    rates: Floats


Fault = Callable[[CurveLaw, LoggedRun, int], "Log | None"]


def spike(_: CurveLaw, run: LoggedRun, at: int) -> Log:
    """One row 5 % up."""
    return Log(run.steps, np.where(np.arange(len(run)) == at, 1.05, 1.0) * run.loss, run.rates[run.steps])


def divergence(_: CurveLaw, run: LoggedRun, at: int) -> Log:
    """The loss rises by 20 % within 4 % of the run."""
    since = (run.steps - run.steps[at]) / (0.04 * len(run.rates))
    return Log(run.steps, run.loss * np.exp(np.clip(since, 0.0, 1.0) * np.log(1.2)), run.rates[run.steps])


def plateau(_: CurveLaw, run: LoggedRun, at: int) -> Log | None:
    """The loss stands where it is, each row with the noise that it has; where the run itself falls by less than 0.1 %
    within the time, there is no plateau."""
    trend = trend_of(run)
    fallen = trend[at] - trend[run.steps <= run.steps[at] + WITHIN * len(run.rates)][-1]
    if fallen < 0.001:
        return None
    still = np.where(np.arange(len(run)) > at, trend[at] - trend, 0.0)
    return Log(run.steps, run.loss * np.exp(still), run.rates[run.steps])


def trend_of(run: LoggedRun) -> Floats:
    """The log of the loss (rows,) without the noise of its rows: straight lines through the rows about each, so many
    that their noise is a thirtieth of a per cent."""
    loss, near = np.log(run.loss), int(np.clip((row_noise(run.loss) / 3e-4) ** 2, 3, 100))
    out = np.empty(len(loss))
    for i in range(len(loss)):
        here = slice(max(i - near, 0), i + near + 1)
        out[i] = np.polyval(np.polyfit(run.steps[here] - run.steps[i], loss[here], 1), 0.0)
    return out


def _with_rates(law: CurveLaw, run: LoggedRun, at: int, place: Floats) -> Log | None:
    """The rates are those of other steps of the plan, and the loss is what the law makes of that."""
    other = run.rates[np.clip(place, 0, len(run.rates) - 1).astype(int)]
    soon = np.arange(len(other)) <= run.steps[at] + WITHIN * len(other)
    if np.abs(other - run.rates)[soon].max() < 0.02 * run.rates.max():
        return None
    ratio = law.loss(other)[run.steps] / law.loss(run.rates)[run.steps]
    return Log(run.steps, run.loss * ratio, other[run.steps])


def not_decaying(law: CurveLaw, run: LoggedRun, at: int) -> Log | None:
    """The rate stands where it is."""
    return _with_rates(law, run, at, np.minimum(np.arange(len(run.rates)), run.steps[at]))


def restart(law: CurveLaw, run: LoggedRun, at: int) -> Log | None:
    """The schedule begins again."""
    every, since = np.arange(len(run.rates)), int(run.steps[at])
    return _with_rates(law, run, at, np.where(every > since, every - since, every))


def doubled(law: CurveLaw, run: LoggedRun, at: int) -> Log | None:
    """The position is counted twice."""
    every, since = np.arange(len(run.rates)), int(run.steps[at])
    return _with_rates(law, run, at, np.where(every > since, every + since, every))


def repeated(law: CurveLaw, run: LoggedRun, at: int) -> Log | None:
    """The batches of the beginning again: their noise, and 1 % less loss. On validation data nothing of it is seen."""
    noise = np.log(run.loss / law.loss(run.rates)[run.steps])
    if row_noise(run.loss) < 0.01 or 2 * at < len(run) * 0.8:
        return None
    again = noise.copy()
    again[at:] = noise[: len(noise) - at] - 0.01
    return Log(run.steps, run.loss * np.exp(again - noise), run.rates[run.steps])


FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "spike 5 %": (spike, ("spike",)),
    "divergence": (divergence, ("divergence",)),
    "plateau": (plateau, ("plateau",)),
    "rate not decaying": (not_decaying, ("stands still",)),
    "schedule restarted": (restart, ("began again",)),
    "position doubled": (doubled, ("counted twice",)),
    "data repeated": (repeated, ("repeated",)),
}
"""Each with the words that name it."""
LOSSES = ("spike 5 %", "divergence", "plateau")
"""Faults of which the rate says nothing."""


def visible(log: Log, run: LoggedRun, at: int, noise: float) -> bool:
    """Could any test see the loss of the rows within the time, at a false alarm in a hundred runs and one row in two?

    Of a change that is known beforehand the most powerful test is its share in the rows over ``noise``, the level
    before being known by a dozen rows (Neyman and Pearson); no more is asked of false alarms than one place a row.
    """
    soon = log.steps <= run.steps[at] + WITHIN * len(run.rates)
    change = np.log(log.losses / run.loss)[at:][soon[at:]]
    if len(change) > 1 and change[0] == 0.0:
        change = change[1:]
    known = change @ np.linalg.solve(noise**2 * (np.eye(len(change)) + 1 / 12), change)
    return bool(known >= NormalDist().inv_cdf(1 - 0.01 / (len(run.rates) / np.median(np.diff(run.steps)))) ** 2)


def faults_of(law: CurveLaw, run: LoggedRun) -> Iterator[tuple[str, float, bool, bool, bool]]:
    """Fault, where, whether it is told within ``WITHIN`` of the run, whether it is named, and whether its loss could be
    seen by any test (of faults of the rate: whether the rate can)."""
    planned = plan(law, run.rates)
    healthy = look(planned, run.steps, run.loss, run.rates)
    left = paired(healthy.residuals, healthy.steps, planned.batches)
    noise = row_noise(np.exp(left.residuals))
    for share in SHARES:
        at = int(np.searchsorted(run.steps, share * len(run.rates)))
        if at < 3 or at >= len(run) - 1:
            continue
        for name, (fault, words) in FAULTS.items():
            log = fault(law, run, at)
            if log is None:
                continue
            soon = log.steps <= run.steps[at] + WITHIN * len(run.rates)
            rates = (log.steps[soon], log.rates[soon])
            seen = track(planned, in_order(log.steps[soon], log.losses[soon]), rates=rates)
            said = [
                a.kind + " " + getattr(a, "cause", "")
                for a in seen.alarms
                if a.last >= np.sum(seen.steps < run.steps[at])
            ]
            said += [seen.rate.cause] if seen.rate is not None else []
            could = name not in LOSSES or visible(log, run, at, noise)
            yield name, share, bool(said), any(w in s for w in words for s in said), could


def validation_faults(split: Split) -> list[tuple[str, str, float, bool, bool, bool]]:
    """Every fault on every run that was not fitted: on its log as it is."""
    group = validation[split.group]
    law, runs = law_of(split), whole(group)
    return [(name, *one) for name, run in runs.items() if name not in split.fitted for one in faults_of(law, run)]


def training_faults(*, beside: bool) -> list[tuple[str, float, bool, bool, bool]]:
    """Every fault on each training log, by a fit to the others: with the noise of their batches or without."""
    runs, out = training_runs(), []
    for name, run in runs.items():
        law = fit_curve([one for other, one in runs.items() if other != name]).law
        out += list(faults_of(law if beside else msgspec.structs.replace(law, batches=None), run))
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


def followed(every: list[Split]) -> None:
    """Healthy runs: false alarms, and the end from parts of the run; of the halves apart."""
    found, apart = spread(looks_of, every), kept_apart(validation)
    for title, mine in (("chosen with", False), ("kept apart", True)):
        half = [one for one in found if ((one["group"], one["name"]) in apart) == mine]
        alarmed = [one for one in half if one["alarms"]]
        print(f"\nhealthy runs, {title}: {len(alarmed)} of {len(half)} raise an alarm ({len(alarmed) / len(half):.1%})")
        for one in alarmed:
            print(f"  {one['group']} {one['name']}: {one['alarms'][:3]} by {', '.join(one['fitted'])}")
        for share in SHARES:
            ends = [one["ends"][share] for one in half if share in one["ends"]]
            told = [e for e in ends if e is not None]
            print(
                f"  end from {share:.0%}: median error {median(e for e, _ in told):.2%}, "
                f"{sum(i for _, i in told) / len(ends):.1%} covered of {len(ends)}, {len(ends) - len(told)} not told"
            )


def planted(every: list[Split]) -> None:
    """Faults on validation and on training logs."""
    apart = {name for _, name in kept_apart(validation)}
    found = spread(validation_faults, every)
    for title, rows in (
        ("validation logs, chosen with", [r[1:] for r in found if r[0] not in apart]),
        ("validation logs, kept apart", [r[1:] for r in found if r[0] in apart]),
        ("training logs of the same batches as the fit's", training_faults(beside=True)),
        ("training logs of other batches", training_faults(beside=False)),
    ):
        print(
            f"\nfaults told within {WITHIN:.0%} of the run, {title}: told, named, planted; seen, of what could be seen"
        )
        for fault in FAULTS:
            chosen = [r for r in rows if r[0] == fault]
            if chosen:
                could = [r for r in chosen if r[4]]
                print(
                    f"  {fault:22}{sum(r[2] for r in chosen):6}{sum(r[3] for r in chosen):6}{len(chosen):6}"
                    f"{sum(r[3] for r in could):8}{len(could):6}"
                )


def by_another_plan(split: Split) -> list[tuple[str, bool, bool, bool]]:
    """Each run that was not fitted beside the plan of each other one of its length: the set, whether there is an alarm
    beside the plan, whether it is followed by its own rates, and whether there is one beside those."""
    group, law, out = validation[split.group], law_of(split), []
    for name, run in whole(group).items():
        rows, rates = in_order(run.steps, run.loss), (run.steps, run.rates[np.minimum(run.steps, len(run.rates) - 1)])
        for other in group.values():
            if name in split.fitted or other.name == name or len(other.rates) != len(run.rates):
                continue
            planned = plan(law, other.rates)
            _, seen = track_as_run(law, planned, rows, rates=rates)
            if seen.state == "rate":
                before = bool(track(planned, rows).alarms)
                out.append((split.group, before, seen.by_logged_rates, bool(seen.alarms)))
    return out


def as_run(every: list[Split]) -> None:
    """What alarms are left where a run had other rates than planned, beside the forecast for those."""
    found = spread(by_another_plan, every)
    print("\nhealthy runs by another run's plan, told as of the rate: followed by their own rates; alarms beside the "
          "plan, beside their own rates")  # fmt: skip
    for group in validation:
        mine = [one for one in found if one[0] == group]
        followed = [one for one in mine if one[2]]
        print(
            f"  {group}: {len(followed)} of {len(mine)}; {sum(one[1] for one in followed)}, "
            f"{sum(one[3] for one in followed)}"
        )


NO_LAW = PowerOfSum(name="none", title="", L0=1.0, A=1.0, alpha=1.0)
"""A divergence is planted without one."""


def without_law() -> None:
    """Healthy runs that rise by their own rows, and planted divergences told by them within ``WITHIN`` of the run."""
    print("\nwithout a law: healthy runs that rise, of all; divergences told, of those planted at 30, 50 and 80 %")
    for group, runs in [*((g, whole(r)) for g, r in validation.items()), ("training", training_runs())]:
        rise = sum(bool(alone(run.rates, in_order(run.steps, run.loss)).alarms) for run in runs.values())
        told: list[bool] = []
        for run in runs.values():
            for at in (int(np.searchsorted(run.steps, share * len(run.rates))) for share in SHARES):
                if 3 <= at < len(run) - 1 and (log := divergence(NO_LAW, run, at)) is not None:
                    soon = log.steps <= run.steps[at] + WITHIN * len(run.rates)
                    told.append(alone(run.rates, in_order(log.steps[soon], log.losses[soon])).rises)
        print(f"  {group:10}{rise:4} of {len(runs)}{sum(told):6} of {len(told)}")


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


def grown() -> None:
    """CPU of the first look at a log of a million rows that is followed, and of a later one with ten rows more."""
    rows, more = 1_000_000, 10
    rates = np.full(2 * rows, 1e-3)
    planned = plan(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5), rates)
    losses = planned.loss[: rows + more] * np.exp(0.02 * np.random.default_rng(0).standard_normal(rows + more))
    lines = [f"{step},{loss:.5f},0.001\n" for step, loss in enumerate(losses.tolist())]
    with tempfile.TemporaryDirectory() as folder:
        path, earlier = Path(folder) / "run.csv", Earlier()
        path.write_text("step,loss,lr\n" + "".join(lines[:rows]))
        tail = Tail(path=path, read=lambda part: read_rows(part, {}, lenient=True))
        times = []
        for _ in range(2):
            begin = time.process_time()
            read = tail.now()
            track(planned, read.rows, rates=read.rates, earlier=earlier)
            times.append(time.process_time() - begin)
            with path.open("a") as file:
                file.writelines(lines[rows:])
    print(f"\na followed log of {rows:,} rows: {times[0]:.1f} s of CPU, with {more} rows more {times[1]:.2f} s")


validation = validation_runs()


def main() -> None:
    """Print the table."""
    asked = sys.argv[1:]
    parts: dict[str, Callable[[], None]] = {}
    counts = SPLITS if "whole" in asked else QUICK
    every = splits({g: counts[g] for g in validation}, validation)
    few = splits({g: QUICK[g] for g in validation}, validation)
    some = splits({g: FOLLOWED[g] for g in validation}, validation)
    parts["speed"] = partial(speed, 5)
    parts["follow"] = grown
    parts["errors"] = carried_over
    parts["forms"] = partial(forms, some if "whole" in asked else few)
    parts["coverage"] = partial(coverage, every)
    parts["healthy"] = partial(followed, some if "whole" in asked else few)
    parts["faults"] = partial(planted, few)
    parts["as_run"] = partial(as_run, some if "whole" in asked else [s for s in few if s.fitted[2:]][:3])
    parts["without_law"] = without_law
    for name, work in parts.items():
        if not {*asked} & {*parts} or name in asked:
            work()


if __name__ == "__main__":
    main()
