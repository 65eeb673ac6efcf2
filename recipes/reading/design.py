"""The logs of the runs of a design, as a table of runs: sizes and tokens from the design, losses from the logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lehr.recipes.catalogue.tables import Column
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.reading.headings import LOSS, find
from lehr.recipes.reading.logs import open_log
from lehr.recipes.reading.tables import read_table

LAST = 0.01
"""Of a log's rows, whose mean is the final loss: single batches scatter."""


def table_of_logs(design: Path, paths: Sequence[str], loss: str | None = None) -> tuple[dict[str, Column], list[str]]:
    """A row for each log, which is called as its run in ``design``/runs.csv, and what was taken for granted; ``loss``
    names the column of the loss where its heading is unusual. Raises ``LehrError`` for a log of another name or without
    a loss."""
    manifest = design / "runs.csv" if design.is_dir() else design
    planned = read_table(manifest)
    if "run" not in planned or "tokens" not in planned:
        raise LehrError(f"{manifest}: no table of a design; write design=<the folder that lehr design wrote>")
    size = next(h for h in planned if h not in ("run", "tokens", "loss"))
    rows = {str(name): i for i, name in enumerate(planned["run"])}
    found: dict[str, Column] = {"run": [], size: [], "tokens": [], "loss": []}
    for path in paths:
        name = Path(path).name.partition(".")[0]
        if name not in rows:
            raise LehrError(f"{path}: the design has no run called {name!r}; {nearest(name, rows)}")
        series = next(iter(open_log(path).runs.values()))
        heading = loss if loss in series else find(LOSS, series)
        if heading is None:
            raise LehrError(f"{path}: no column of the loss; write columns={{loss: <heading>}}")
        values = np.asarray(series[heading].values, dtype=float)
        last = values[-max(1, round(LAST * len(values))) :]
        for column, value in ((size, planned[size][rows[name]]), ("tokens", planned["tokens"][rows[name]])):
            found[column].append(value)
        found["run"].append(name)
        found["loss"].append(float(last.mean()))
    what = f"losses are means of the last {LAST:.0%} of the rows of {len(paths)} logs"
    return found, [f"{what}; sizes and tokens those of {manifest}"]
