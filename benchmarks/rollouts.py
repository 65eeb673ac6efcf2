"""How far projected steps of reinforcement learning are from measured ones, and how much faster split ones are.

    python -m benchmarks.rollouts            each source left out of the fit of a step's constants in turn
    python -m benchmarks.rollouts write      fits the constants anew, to the steps whose lengths were published
    python -m benchmarks.rollouts table.csv  a table of your own is told by the constants of the catalogue

Where lengths are assumed the error is theirs too, and the ratio of a split step to one in turn is what can be held
against the source.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.generating.steps import fitted, left_out, measured_steps, pairs
from lehr.recipes.generating.tables import ROLLOUT_FILE, rollout_yaml
from lehr.simulators.machine.rollout_fit import fit_rollouts


def main(arguments: list[str]) -> None:
    """Print each row, the errors by source, and the ratios; or write the constants."""
    catalogue = Catalogue()
    if arguments == ["write"]:
        steps = fitted(measured_steps(catalogue))
        ROLLOUT_FILE.write_text(rollout_yaml(fit_rollouts(steps), len(steps)), encoding="utf-8")
        return
    rows = measured_steps(catalogue, Path(arguments[0])) if arguments else left_out(measured_steps(catalogue))
    steps = [row.step for row in rows]
    for row, step in zip(rows, steps, strict=True):
        told = step.seconds
        inside = "in" if told.low <= row.seconds <= told.high else "OUT"
        print(
            f"  {row.source:26} {row.case:34} {'split' if row.split else 'in turn':8} "
            f"{'' if row.known else 'lengths assumed':16} {row.seconds:8.1f} s, projected {told.value:8.1f} "
            f"({told.low:.0f} to {told.high:.0f}) {inside}"
        )
    off = np.array([abs(step.seconds.value / row.seconds - 1) for row, step in zip(rows, steps, strict=True)])
    held = np.array([s.seconds.low <= row.seconds <= s.seconds.high for row, s in zip(rows, steps, strict=True)])
    known = np.array([row.known for row in rows])
    source = np.array([row.source for row in rows])
    for name in (*np.unique(source), "lengths published", "lengths assumed"):
        mask = known if name == "lengths published" else ~known if name == "lengths assumed" else source == name
        print(
            f"{name}: {mask.sum()} rows, median error {np.median(off[mask]):.0%}, 90 % quantile "
            f"{np.quantile(off[mask], 0.9):.0%}, within the interval {held[mask].mean():.0%}"
        )
    print("in turn over split:")
    for row, twin in pairs(rows):
        told, measured = row.step.seconds.value / twin.step.seconds.value, row.seconds / twin.seconds
        print(f"  {row.source:26} {row.case:34} {measured:.2f}, projected {told:.2f} ({told / measured - 1:+.0%})")


if __name__ == "__main__":
    main(sys.argv[1:])
