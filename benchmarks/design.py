"""What choosing runs by their worth is worth on public tables: the error on larger runs from a part of the money.

    python -m benchmarks.design [share]

The tables are those of ``benchmarks.extrapolation``, and Farseer's where it is at hand (``farseer/train.parquet`` and
``test.parquet`` with N, D and loss). Of each, runs for ``share`` of the cost of all (a tenth) are chosen in turns by
``in_turns``, by rising cost, and at random (five times, geometric mean); Chinchilla's sum to a power is fitted to
them, and its mean error on the larger runs stands over that of a fit to all. The rule was set with the tables marked *
in view.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.extrapolation import tables
from lehr.simulators.designing import Target
from lehr.simulators.designing.turns import in_turns
from lehr.simulators.laws.fitting import Runs, fit_law, make_runs
from tests.data import DATA

IN_VIEW = ("farseer", "gadre_c4", "porian_tuned", "epoch by work", "clark S-Base 8 by size")
FORM = "skaling"
SKIPPED = ("data_constrained",)
"""Its losses depend on how many tokens differ, which no surface over N and D knows."""
MOST_RUNS = 1000
RANDOM = 5


def found() -> dict[str, tuple[Runs, Runs]]:
    """Runs to choose from and larger ones, by the table's name."""
    all_of = {name: pair for (name, _), pair in tables().items() if name not in SKIPPED and len(pair[0]) <= MOST_RUNS}
    folder = DATA / "farseer"
    if (folder / "train.parquet").exists():
        import pyarrow.parquet as pq

        both = [pq.read_table(folder / f"{part}.parquet").to_pydict() for part in ("train", "test")]  # type: ignore[no-untyped-call]
        train, test = (make_runs(t["N"], t["D"], t["loss"], loss_unit="bits/char") for t in both)
        all_of["farseer"] = (train, test)
    return all_of


def error(runs: Runs, larger: Runs) -> float:
    """The mean error of a fit to ``runs`` on the larger ones [1]."""
    law = fit_law(runs, FORM, starts=150).law
    return float(np.mean(np.abs(law.loss(larger.parameters, larger.tokens) / larger.loss - 1)))


def cheapest(runs: Runs, budget: float) -> list[int]:
    """By rising cost, until the money is spent."""
    order = np.argsort(runs.flops, kind="stable")
    return [int(i) for i in order[np.cumsum(runs.flops[order]) <= budget]]


def at_random(runs: Runs, budget: float, seed: int) -> list[int]:
    """In any order, each that can still be paid."""
    rows: list[int] = []
    left = budget
    for i in np.random.default_rng(seed).permutation(len(runs)):
        if runs.flops[i] <= left:
            rows.append(int(i))
            left -= float(runs.flops[i])
    return rows


def over_all(runs: Runs, larger: Runs, rows: list[int], whole: float) -> float:
    """The error of these rows over that of all; infinite where they cannot be fitted."""
    try:
        return error(runs.take(np.array(rows)), larger) / whole
    except ValueError:
        return float("inf")


def main() -> None:
    """Print a line a table and the geometric means."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    ours, plain, chance = [], [], []
    for name, (runs, larger) in found().items():
        budget, whole = share * float(runs.flops.sum()), error(runs, larger)
        target = Target(n=larger.parameters, d=larger.tokens)
        try:
            rows = in_turns(runs, target, budget=budget)
        except ValueError as problem:
            print(f"  {name:28s} {problem}")
            continue
        found_random = [over_all(runs, larger, at_random(runs, budget, seed), whole) for seed in range(RANDOM)]
        ours.append(over_all(runs, larger, rows, whole))
        plain.append(over_all(runs, larger, cheapest(runs, budget), whole))
        chance.append(float(np.exp(np.mean(np.log(found_random)))))
        mark = "*" if name in IN_VIEW else " "
        print(f"{mark} {name:28s} {len(rows):3d} of {len(runs)} runs: {whole:.2%} by all; times that: "
              f"chosen {ours[-1]:.2f}, cheapest {plain[-1]:.2f}, random {chance[-1]:.2f}", flush=True)  # fmt: skip
    known = [np.array(one) for one in (ours, plain, chance)]
    means = [float(np.exp(np.mean(np.log(one[np.isfinite(one)])))) for one in known]
    print(f"{share:.0%} of the money, {len(ours)} tables, geometric means over the error of all runs: "
          f"chosen {means[0]:.2f} (worst {max(ours):.2f}), cheapest {means[1]:.2f}, random {means[2]:.2f} "
          f"where it could be fitted each time ({np.isfinite(known[2]).sum()} tables)")  # fmt: skip


if __name__ == "__main__":
    main()
