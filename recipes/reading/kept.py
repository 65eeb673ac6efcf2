"""Which rows of a table are runs: rows that are asked for, last checkpoints, repeats, and what cannot be a training."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.catalogue.tables import Column
from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.laws.surfaces.runs import MOST, Runs
from lehr.simulators.quantities import Floats

REPEATS = ("all", "best", "mean")
CHECKPOINTS = ("last", "all")
MOST_TOKENS_PER_PARAMETER = 1e7
"""More is no training: the longest of any published law is below 1e5."""
FEWEST_RUNS = 4
"""Of fewer runs their checkpoints are all that there is."""
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
"""The longer ones first, so that none is taken for another."""


def filtered(
    table: Mapping[str, Column], kept: Mapping[str, Any], where: str, notes: list[str]
) -> tuple[dict[str, Column], list[int]]:
    """The rows to keep, and their numbers in the table, from 1."""
    rows = list(range(len(next(iter(table.values())))))
    for heading, wanted in kept.items():
        if heading not in table:
            raise LehrError(f"{where}: where.{heading}: no such column; {nearest(heading, table)}")
        if (test := comparison_of(wanted, heading, where)) is not None:
            rows = [i for i in rows if isinstance(cell := cell_of(table[heading][i]), float) and test(cell)]
            if not rows:
                raise LehrError(f"{where}: where.{heading}: no row has {wanted}")
            continue
        options = {cell_of(w) for w in (wanted if isinstance(wanted, list) else [wanted])}
        rows = [i for i in rows if cell_of(table[heading][i]) in options]
        if not rows:
            found = sorted({str(v) for v in table[heading]})[:8]
            raise LehrError(f"{where}: where.{heading}: no row has {wanted!r}; found {', '.join(found)}")
    if kept:
        notes.append(f"{len(rows)} of {len(next(iter(table.values())))} rows kept by `where`")
    return {heading: [column[i] for i in rows] for heading, column in table.items()}, [i + 1 for i in rows]


def comparison_of(wanted: Any, heading: str, where: str) -> Callable[[float], bool] | None:
    """What ``where={loss: "<5"}`` asks of a number; ``None`` where a value is named."""
    for sign, compare in COMPARISONS.items():
        if isinstance(wanted, str) and wanted.strip().startswith(sign):
            bound = cell_of(wanted.strip().removeprefix(sign))
            if not isinstance(bound, float):
                raise LehrError(f"{where}: where.{heading}: {wanted!r} compares with no number; write '{sign} 5.0'")
            return lambda value: compare(value, bound)
    return None


def cell_of(value: Any) -> Any:
    """A number where it is one, so that 1, 1.0 and "1" are alike."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def cross_entropy(values: Floats, heading: str, where: str, rows: Sequence[int]) -> Floats:
    """The natural logarithm of perplexities [nats/token]. Raises ``LehrError`` where one is not above 1."""
    for i in np.flatnonzero(~(values > 1))[:1]:
        raise LehrError(f"{where}: row {rows[i]}: {heading} is {values[i]:g}; a perplexity is above 1")
    return np.asarray(np.log(values))


def refuse_worse_than_guessing(  # noqa: PLR0917  (each is one fact of the column)
    values: Floats, unit: str, worst: float, heading: str, where: str, rows: Sequence[int]
) -> None:
    """Raise ``LehrError`` where a loss is above that of guessing evenly: it is in another unit."""
    for i in np.flatnonzero(values > worst)[:1]:
        raise LehrError(
            f"{where}: row {rows[i]}: {heading} is {values[i]:g} {unit}, more than guessing evenly among 4M tokens "
            f"costs ({worst:.3g}); write loss_unit=perplexity if it is one, or leave the run out"
        )


def refuse_compute_as_tokens(n: Floats, d: Floats, chosen: Mapping[str, str], where: str) -> None:
    """Raise ``LehrError`` where the tokens of a parameter are so many that they must be something else."""
    ratio = float(np.median(d / n))
    if ratio > MOST_TOKENS_PER_PARAMETER:
        heading = chosen.get("d", chosen.get("flops", ""))
        raise LehrError(
            f"{where}: {heading} gives {ratio:.2g} tokens per parameter, which is no training; if it is compute in "
            f"FLOP, write columns={{flops: {heading}}}, else say its unit: units={{d: 1e9}}"
        )


def refuse_swapped(n: Floats, d: Floats, chosen: Mapping[str, str], named: Mapping[str, str], where: str) -> None:
    """Raise ``LehrError`` where every run has fewer tokens than parameters, as no training has, unless both columns are
    named."""
    if {"n", "d"} <= set(named) or not {"n", "d"} <= set(chosen) or not np.all(d < n):
        return
    if np.max(n) > MOST["parameters"]:
        # no order of the columns mends that, and it is refused by its own name
        return
    ratio, size, data = d / n, chosen["n"], chosen["d"]
    raise LehrError(
        f"{where}: every run has fewer than 1 token a parameter ({ratio.min():.2g} to {ratio.max():.2g}): "
        f"are the columns swapped? write columns={{n: {data}, d: {size}}}, or columns={{n: {size}, d: {data}}} if they "
        "are not"
    )


def last_of_each(runs: Runs, checkpoints: str, notes: list[str]) -> Runs:
    """Of rows that one run wrote while it was trained the last: the others belong to a schedule that was not at its
    end, and are no runs of their own."""
    if checkpoints not in CHECKPOINTS:
        raise LehrError(f"checkpoints: {checkpoints!r} is not known; write last or all")
    _, first, group = np.unique(np.asarray(runs.label), return_index=True, return_inverse=True)
    group = group.reshape(-1)
    members = [np.flatnonzero(group == g) for g in range(len(first))]
    several = [m for m in members if len(m) > 1]
    grown = all(len(np.unique(runs.parameters[m])) == 1 and len(np.unique(runs.tokens[m])) == len(m) for m in several)
    if not several or not grown or checkpoints == "all" or len(members) < FEWEST_RUNS:
        return runs
    last = np.sort([int(m[np.argmax(runs.tokens[m])]) for m in members])
    notes.append(
        f"{len(runs)} rows are checkpoints of {len(members)} runs: the last of each was kept; checkpoints=all takes all"
    )
    return runs.take(last)


def without_repeats(runs: Runs, repeats: str, notes: list[str]) -> Runs:
    """Rows that repeat another exactly are counted once; of runs of one N and D all, the best or the mean are kept."""
    if repeats not in REPEATS:
        raise LehrError(f"repeats: {repeats!r} is not known; write one of {', '.join(REPEATS)}")
    same = [runs.parameters, runs.tokens, *([] if runs.unique is None else [runs.unique])]
    rows = np.stack([*same, runs.loss], axis=1)
    _, first = np.unique(rows, axis=0, return_index=True)
    if len(first) < len(runs):
        notes.append(f"{len(runs) - len(first)} rows repeat another one exactly and were left out")
        runs = runs.take(np.sort(first))
        same = [values[np.sort(first)] for values in same]
    _, first, group = np.unique(np.stack(same, axis=1), axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    if len(first) == len(runs):
        return runs
    members = [np.flatnonzero(group == g) for g in range(len(first))]
    if repeats == "best":
        chosen = np.sort([m[np.argmin(runs.loss[m])] for m in members])
        notes.append(f"of {len(runs)} runs the best for each N and D were kept: {len(chosen)}")
        return runs.take(chosen)
    if repeats == "mean":
        means = msgspec.structs.replace(runs, loss=np.array([np.sort(runs.loss[m]).mean() for m in members])[group])
        notes.append(f"{len(runs)} runs were averaged to one for each N and D: {len(first)}")
        return means.take(np.sort(first))
    wide = max(float(np.ptp(runs.loss[m]) / runs.loss[m].min()) for m in members)
    notes.append(
        f"{len(runs)} runs share {len(first)} pairs of N and D; losses of one pair differ by up to {wide:.1%}"
        + ("; if they come from a search of hyper-parameters, write repeats=best" if wide > 0.01 else "")
    )
    return runs
