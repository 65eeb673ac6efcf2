"""Logs whose rows are not steps: one metric a row, one metric a file, tokens instead of steps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from lehr.recipes.errors import LehrError
from lehr.recipes.reading.cells import NOTHING, number
from lehr.recipes.reading.headings import LOSS, RATE, STEP, find, find_tokens
from lehr.recipes.reading.series import Series

Row = Mapping[str, Any]

RUN = " run"
"""The key under which a row says which run it is of; no heading begins with a space."""
KEYS, VALUES = ("key", "metric", "tag", "name", "metric_name"), ("value", "metric_value", "val")
RUNS = ("run_id", "run", "run_uuid", "run_name")
"""Headings of a table with one metric a row."""
WORDS = re.compile(r"[^a-z]+")


def pivoted(rows: Sequence[Row]) -> list[Row]:
    """A table with a metric a row, as MLflow and others export it, with a step a row; any other as it is.

    >>> pivoted([{"key": "loss", "value": "3", "step": "1"}, {"key": "lr", "value": "1e-3", "step": "1"}])
    [{'step': '1', 'loss': '3', 'lr': '1e-3'}]
    """
    headings = list(rows[0]) if rows else []
    key, value = (next((h for h in headings if h.lower() in names), None) for names in (KEYS, VALUES))
    step = find(STEP, headings)
    if key is None or value is None or step is None:
        return list(rows)
    run = next((h for h in headings if h.lower() in RUNS), None)
    runs = {row[run] for row in rows} if run else {None}
    found: dict[tuple[Any, Any, int], dict[str, Any]] = {}
    times: dict[tuple[Any, Any, Any], int] = {}
    for row in rows:
        which = row[run] if run else None
        # a metric that comes again at a step is a row that was written again
        again = times[which, row[step], row[key]] = times.get((which, row[step], row[key]), 0) + 1
        cells = found.setdefault((which, row[step], again), {"step": row[step]})
        if len(runs) > 1:
            cells[RUN] = which
        cells[str(row[key])] = row[value]
    return list(found.values())


def one_tag(rows: Sequence[Row], path: Path) -> Sequence[Row]:
    """A download of one tag, whose values stand under "Value": named by its file, a loss or a rate, where that says so.

    >>> one_tag([{"Wall time": "1.0", "Step": "10", "Value": "5.8"}], Path("run-train_loss.csv"))
    [{'Step': '10', 'loss': '5.8'}]
    """
    headings = list(rows[0]) if rows else []
    if sorted(h.lower() for h in headings) != ["step", "value", "wall time"]:
        return rows
    step, value = (next(h for h in headings if h.lower() == name) for name in ("step", "value"))
    words = set(WORDS.split(path.name.lower()))
    if {"lr", "learning", "eta"} & words:
        name = "lr"
    elif {"loss", "ce", "crossentropy", "entropy"} & words and not {"val", "valid", "validation", "eval"} & words:
        name = "loss"
    else:
        name = value
    return [{step: row[step], name: row[value]} for row in rows]


def with_steps(rows: Sequence[Row], batch_tokens: float, step: str | None, where: str, notes: list[str]) -> list[Row]:
    """Rows of a log that counts tokens, with the step that ``batch_tokens`` a step make of them."""
    headings = list(dict.fromkeys(key for row in rows for key in row))
    found = (step, 1.0) if step in headings else find_tokens(headings)
    if found is None:
        raise LehrError(
            f"{where}: batch_tokens is given, and no column counts tokens; write columns={{step: <their heading>}}"
        )
    tokens, unit = found
    out: list[Row] = []
    for i, row in enumerate(rows, start=1):
        count, said = number(row.get(tokens)), str(row.get(tokens, "")).strip()
        if count is None and said.lower() not in NOTHING and any(number(v) is not None for v in row.values()):
            raise LehrError(f"{where}: row {i}: {tokens} is {said!r}, which is no number; write 1.3e9 or 1.3B")
        if count is None or not isfinite(count):
            continue
        at = round(count * unit / batch_tokens)
        out.append({**{k: v for k, v in row.items() if k not in (tokens, "step")}, tokens: at, "step": at})
    times = "" if unit == 1.0 else f" times {unit:g}"
    notes.append(f"steps from {tokens!r}{times}: {batch_tokens:g} tokens each, as batch_tokens says")
    return out


def metric_files(folder: Path) -> list[Path]:
    """MLflow's files of one metric each, in ``folder`` or its ``metrics``; none of another folder."""
    for place in (folder / "metrics", folder):
        files = sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else []
        if files and place.name == "metrics" and all(_metric_line(p) for p in files):
            return files
    return []


def _metric_line(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return re.fullmatch(r"\d+ \S+ \d+\s*", lines.readline(200)) is not None
    except OSError:
        return False


def mlflow_runs(folder: Path, files: Sequence[Path]) -> dict[str, dict[str, Series]]:
    """Of MLflow's files, a line ``time value step`` each, the one run with its metrics."""
    place = folder / "metrics" if (folder / "metrics").is_dir() else folder
    quantities: dict[str, Series] = {}
    for path in files:
        cells = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if len(line.split()) == 3]
        name = path.relative_to(place).as_posix()
        try:
            quantities[name] = Series([int(c[2]) for c in cells], [float(c[1]) for c in cells])
        except ValueError as error:
            raise LehrError(f"{path}: is no metric of MLflow's ({error})") from error
    return {(folder.parent if folder.name == "metrics" else folder).name: quantities}


def role_of(quantities: Mapping[str, Series]) -> str | None:
    """ "loss" or "rate" of a log that has the one and not the other.

    >>> role_of({"lr": Series([1], [1e-3])}), role_of({"loss": Series([1], [3.0]), "lr": Series([1], [1e-3])})
    ('rate', None)
    """
    loss, rate = find(LOSS, quantities), find(RATE, quantities)
    return "loss" if loss and not rate else "rate" if rate and not loss else None


def joined(logs: Sequence[tuple[str, dict[str, Series]]], notes: list[str]) -> list[tuple[str, dict[str, Series]]]:
    """Logs of which some have a loss alone and as many a rate alone: each loss with the rate that stands beside it.

    >>> loss, rate = {"loss": Series([1], [3.0])}, {"lr": Series([1], [1e-3])}
    >>> [(name, list(both)) for name, both in joined([("tb_loss", loss), ("tb_lr", rate)], [])]
    [('tb_loss', ['loss', 'lr'])]
    """
    losses, rates = ([i for i, (_, s) in enumerate(logs) if role_of(s) == role] for role in ("loss", "rate"))
    if not rates or len(losses) != len(rates):
        return list(logs)
    pair = dict(zip(losses, rates, strict=True))
    out = []
    for i, (name, series) in enumerate(logs):
        if i in pair:
            other, more = logs[pair[i]]
            notes.append(f"{name}: its learning rate is read from {other}")
            out.append((name, {**series, **more}))
        elif i not in rates:
            out.append((name, series))
    return out
