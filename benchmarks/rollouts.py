"""How far projected steps of reinforcement learning are from measured ones, and how much faster split ones are.

    python -m benchmarks.rollouts [table.csv]

Nothing is fitted to these rows: the constants of a step are priors (``lehr.simulators.machine.rollout``), whose centres
were set with verl's and AReaL's rows in view and with DeepSpeed-Chat's not; the spread between systems was set after
DeepSpeed-Chat's. Where lengths are assumed the error is theirs too, and the ratio of a split step to one in turn is
what can be held against the source.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.generating.steps import STEPS, measured_steps, pairs


def main(arguments: list[str]) -> None:
    """Print each row, the errors by source, and the ratios."""
    rows = list(measured_steps(Catalogue(), Path(arguments[0]) if arguments else STEPS))
    for row in rows:
        told = row.step.seconds
        inside = "in" if told.low <= row.seconds <= told.high else "OUT"
        print(
            f"  {row.source:26} {row.case:34} {'split' if row.split else 'in turn':8} "
            f"{'' if row.known else 'lengths assumed':16} {row.seconds:8.1f} s, projected {told.value:8.1f} "
            f"({told.low:.0f} to {told.high:.0f}) {inside}"
        )
    for known in (True, False):
        chosen = [row for row in rows if row.known == known]
        off = np.array([abs(row.step.seconds.value / row.seconds - 1) for row in chosen])
        held = np.mean([row.step.seconds.low <= row.seconds <= row.step.seconds.high for row in chosen])
        said = "lengths published" if known else "lengths assumed"
        print(f"{said}: {len(chosen)} rows, median error {np.median(off):.0%}, within the interval {held:.0%}")
    print("in turn over split:")
    for row, twin in pairs(rows):
        told, measured = row.step.seconds.value / twin.step.seconds.value, row.seconds / twin.seconds
        print(f"  {row.case:34} {measured:.2f}, projected {told:.2f} ({told / measured - 1:+.0%})")


if __name__ == "__main__":
    main(sys.argv[1:])
