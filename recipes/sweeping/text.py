"""The files of a sweep's result, and what is printed of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import pyarrow as pa

from lehr.recipes.presenting.files import Content, write_folder
from lehr.recipes.sweeping.figures import draw_all
from lehr.recipes.sweeping.page import Sweep, as_html, command, losses_apart, warned
from lehr.recipes.sweeping.result import Swept, plain, write_csv, write_parquet

NAMED = 10
"""Failed jobs that the terminal names; the files name all."""
KINDS = 3
"""Of warnings that the terminal tells."""


def grouped(troubles: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each reason with the jobs that have it.

    >>> grouped([("model=a", "no recipe"), ("model=b", "no recipe")])
    [('no recipe', 'model=a, model=b')]
    """
    found: dict[str, list[str]] = {}
    for job, reason in troubles:
        found.setdefault(reason, []).append(job)
    return [(reason, ", ".join(jobs)) for reason, jobs in found.items()]


def write_result(folder: Path, swept: Swept, words: Sequence[str], form: str) -> int:
    """Write the files and say how it went; 1 where a job failed.

    With ``form`` json or csv the rows are printed too, and what is said goes where the errors go.
    """
    said = write_files(folder, swept, words)
    for job, reason in said.failed[:NAMED]:
        print(f"failed: {job}: {reason}", file=sys.stderr)
    if len(said.failed) > NAMED:
        print(f"... and {len(said.failed) - NAMED:,} more, in sweep.csv", file=sys.stderr)
    if said.apart:
        print(said.apart, file=sys.stdout if form == "text" else sys.stderr)
    for text, jobs in said.warned[:KINDS]:
        print(f"{jobs}: {text}", file=sys.stdout if form == "text" else sys.stderr)
    if len(said.warned) > KINDS:
        print("... and further warnings, in sweep.csv", file=sys.stdout if form == "text" else sys.stderr)
    went = ", ".join(f"{n:,} {status}" for status, n in said.counts.items())
    print(f"{folder / 'sweep.html'}  ({went})", file=sys.stdout if form == "text" else sys.stderr)
    if form == "csv":
        out = BytesIO()
        write_csv(swept.table, swept.varies, out)
        print(out.getvalue().decode(), end="")
    if form == "json":
        print(
            json.dumps(
                {"version": 1, "rows": plain(swept.table, swept.varies).to_pylist()}, indent=2, ensure_ascii=False
            )
        )
    return 1 if said.failed else 0


def write_files(folder: Path, swept: Swept, words: Sequence[str]) -> Sweep:
    """Write ``sweep.parquet``, ``sweep.csv`` and ``sweep.html``; what the page says of how it went."""
    from lehr.recipes.presenting.figures import as_svg, styled

    table, varies, label, reports = swept
    statuses = {s["values"]: s["counts"] for s in table["status"].value_counts().to_pylist()}
    counts = {name: statuses[name] for name in ("done", "left out", "failed") if name in statuses}
    missing = table.filter(pa.compute.not_equal(table["status"], "done")).select(["job", "status", "reason"])
    troubles = [(label(row["job"]), row["status"], row["reason"]) for row in missing.to_pylist()]
    with styled():
        pictures = {p.name: (p, as_svg(figure)) for figure, p in draw_all(table, varies)}
    said = Sweep(
        command=command(words),
        counts=counts,
        failed=[(job, reason) for job, status, reason in troubles if status == "failed"],
        left_out=grouped([(job, reason) for job, status, reason in troubles if status != "failed"]),
        version=version("lehr"),
        apart=losses_apart(table, words),
        warned=warned(table),
    )
    files: dict[str, Content] = {
        "sweep.parquet": partial(write_parquet, table, varies),
        "sweep.csv": partial(write_csv, table, varies),
        "sweep.html": as_html(table, varies, said, pictures, reports).encode(),
    }
    # with the result written, what was kept for going on is done with
    write_folder(folder, files, drop=("journal", "batches"))
    return said
