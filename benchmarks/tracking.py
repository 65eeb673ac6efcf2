"""How well the tracker holds on public runs that a fit has not seen: healthy ones, and ones with planted faults.

    python -m benchmarks.tracking [healthy] [faults] [as_run] [without_law] [follow] [whole]

Fits are those of ``benchmarks.bands``. Without ``whole`` to a few splits, with it to 22. The runs are parted once, by a
seed, into one half with which the tracker's settings were chosen and one that was kept apart: figures stand beside each
other.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import NormalDist, median

import msgspec
import numpy as np

from benchmarks.bands import FOLLOWED, QUICK, Split, counted, law_of, printed, spread, validation
from lehr.recipes.reading.rows import read_rows
from lehr.recipes.reading.tail import Tail
from lehr.simulators.laws.curves import CurveLaw, PowerOfSum
from lehr.simulators.laws.curves.bands import row_noise
from lehr.simulators.laws.curves.fitting import LoggedRun, fit_curve
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import Earlier, Plan, Tracked, in_order, track
from lehr.simulators.tracking.alone import alone
from lehr.simulators.tracking.as_run import track_as_run
from lehr.simulators.tracking.pairing import paired
from lehr.simulators.tracking.planned import plan
from tests.published.public_runs import training_runs, whole

SHARES = (0.3, 0.5, 0.8)
"""Of a run, where its end is asked for and faults are planted."""
WITHIN = 0.02
"""Of a run, within which a fault should be told."""


def kept_apart(sets: dict[str, dict[str, LoggedRun]]) -> set[tuple[str, str]]:
    """Half of the runs of each set, which no setting was chosen with."""
    out = set()
    for group, runs in sets.items():
        names = np.random.default_rng(12).permutation(sorted(runs))
        out |= {(group, str(name)) for name in names[: len(names) // 2]}
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


def main() -> None:
    """Print the table."""
    few = counted(QUICK)
    one_each = list({split.group: split for split in few if len(split.fitted) > 2}.values())
    is_whole = "whole" in sys.argv
    printed({
        "follow": grown,
        "healthy": partial(followed, counted(FOLLOWED) if is_whole else few),
        "faults": partial(planted, few),
        "as_run": partial(as_run, counted(FOLLOWED) if is_whole else one_each),
        "without_law": without_law,
    })  # fmt: skip


if __name__ == "__main__":
    main()
