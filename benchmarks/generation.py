"""How far the projected speed of generation is from measured ones, each source left out of the fit in turn.

    python -m benchmarks.generation [table.csv]     a table of your own is told by the constants of the catalogue
    python -m benchmarks.generation write           fits the constants anew

The terms of the model and the priors of its constants were written down before any error was looked at; two readings of
rows were mended afterwards (which rows have their prompts read elsewhere, and whose host serves a sequence), and the
spreads of sources, cases and rows were set with all rows in view.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.generating.tables import FILE, as_yaml, generation_fit, read_generation
from lehr.simulators.machine.generation_fit import LEVEL, Measured, Told, fit_generation, leave_out, told


def say(rows: Measured, found: Told) -> None:
    """Errors by source, and of all rows."""
    off, inside = np.abs(np.expm1(found.logs - rows.logs)), np.abs(found.logs - rows.logs) <= LEVEL * found.spread
    for name in [*np.unique(rows.source), "all"]:
        mask = rows.source == name if name != "all" else np.ones(len(off), bool)
        print(
            f"  {name:30} {mask.sum():4} rows, median error {np.median(off[mask]):6.1%}, 90 % quantile "
            f"{np.quantile(off[mask], 0.9):6.1%}, within the 90 % interval {inside[mask].mean():6.1%}"
        )


def main(arguments: list[str]) -> None:
    """Print the errors, or write the constants."""
    catalogue = Catalogue()
    if arguments == ["write"]:
        rows = read_generation(catalogue)
        FILE.write_text(as_yaml(fit_generation(rows), len(rows.logs)), encoding="utf-8")
        return
    if arguments:
        rows = read_generation(catalogue, Path(arguments[0]))
        say(rows, told(rows.load, generation_fit()))
        return
    rows = read_generation(catalogue)
    print("each source left out of the fit")
    say(rows, leave_out(rows, rows.source))
    print("each network on its device of each source left out")
    say(rows, leave_out(rows, np.char.add(rows.source, rows.case)))


if __name__ == "__main__":
    main(sys.argv[1:])
