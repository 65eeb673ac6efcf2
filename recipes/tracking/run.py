"""A running job's log beside its forecast: one look, or one after the other while the log grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import log
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.projecting.schedules import curve_law, read_schedule, stage_schedule
from lehr.recipes.reading import UnfinishedError
from lehr.recipes.reading.columns import loss_unit_of
from lehr.recipes.reading.roles import words_of
from lehr.recipes.reading.rows import LogRows, after, paired, read_rows
from lehr.recipes.reading.tail import Tail
from lehr.recipes.tracking.result import Look, RateAndRows, Unread
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import Earlier, Plan, in_order
from lehr.simulators.tracking.alone import alone
from lehr.simulators.tracking.as_run import track_as_run
from lehr.simulators.tracking.planned import plan
from lehr.simulators.tracking.rates import departure

T = TypeVar("T")


def log_of(job: Composed) -> Path:
    """The log. Raises ``LehrError`` where none is named."""
    return logs_of(job)[0]


def logs_of(job: Composed) -> list[Path]:
    """The logs. Raises ``LehrError`` where none is named."""
    given = job.setting("log", str | list[str] | None)
    if not given:
        raise LehrError("log: which log? write log=run.jsonl")
    return [Path(given)] if isinstance(given, str) else [Path(one) for one in given]


def runs_of(job: Composed) -> list[list[Path]]:
    """The logs of each run: one, or one of the loss and one of the rate."""
    paths = logs_of(job)
    settings = job.setting("row_steps", int | None), job.setting("batch_tokens", float | None)
    # a log without a step of its own is no download of one tag
    return paired(paths, _columns(job)) if settings == (None, None) else [[path] for path in paths]


def each_of(paths: list[list[Path]], look: Callable[[list[Path]], T]) -> list[tuple[str, T | Unread]]:
    """What ``look`` says of each run, by its name; of several one that it raises ``LehrError`` for is told as such.

    Raises ``LehrError`` where it says nothing of any.
    """
    once = list(dict.fromkeys(tuple(run) for run in paths))
    names = [run[0].name for run in once]
    out: list[tuple[str, T | Unread]] = []
    errors: list[LehrError] = []
    for run, name in zip(once, names, strict=True):
        # files of one name are told apart by their folders
        named = name if names.count(name) == 1 else str(run[0])
        try:
            out.append((named, look(list(run))))
        except LehrError as error:
            errors.append(error)
            out.append((named, Unread(named, str(error))))
    if len(errors) == len(out):
        raise errors[0]
    return out


def without_law(job: Composed) -> list[tuple[str, RateAndRows | Unread]]:
    """Of each run what needs no law: where its learning rate leaves the plan, and whether its loss rises.

    Raises ``LehrError`` where no log can be read or has a column of the rate.
    """
    planned = rates(job)

    def look(paths: list[Path]) -> RateAndRows:
        read = read_log(job, *paths)
        if read.rates is None:
            raise LehrError(
                f"{paths[0]}: has no learning rate, and no law is given: write law=./fit.yaml, of runs like it"
            )
        off, judged = departure(planned, *read.rates, read.rate_units, columns=read.columns), None
        if no_cross_entropy(read) is None:
            judged = alone(planned, read.rows, false_alarms=job.setting("false_alarms", float))
        return RateAndRows(off=off, read=read, alone=judged)

    return each_of(runs_of(job), look)


def lost(read: LogRows) -> NDArray[np.int_]:
    """The steps whose loss is none: no finite number above zero, or no finite one where zero is nothing to fear."""
    rows, other = read.rows, no_cross_entropy(read) is not None
    return np.asarray(rows.steps[~(np.isfinite(rows.losses) & ((rows.losses > 0) | other))])


def no_cross_entropy(read: LogRows) -> str | None:
    """Why nothing is said of losses of which many are at or below zero; ``None`` of others."""
    losses = read.rows.losses[np.isfinite(read.rows.losses)]
    below = int((losses <= 0).sum())
    if below < max(FEWEST_BELOW, SHARE_BELOW * len(losses)):
        return None
    return (
        f"{below} of {len(losses)} losses are not above zero: no cross-entropy, but the loss of a policy gradient, or "
        "of memorised data"
    )


def in_unit(law: CurveLaw, read: LogRows, where: Path) -> LogRows:
    """The log with its losses in the law's unit, where its heading names another. Raises ``LehrError`` where it cannot
    be told how many tokens or bytes that is."""
    notes: list[str] = []
    heading = read.taken[0] or "" if read.taken else ""
    named = loss_unit_of(None, heading, notes)
    nats = law.loss_unit == "nats/token"
    units = read.rows.last_digits
    if words_of(heading) & {"ppl", "perplexity"} and nats:
        with np.errstate(divide="ignore", invalid="ignore"):
            losses, how = np.log(read.rows.losses), f"{heading!r} is a perplexity, whose logarithm is taken"
            units = units / read.rows.losses
    elif not any("is taken to be" in note for note in notes) or named == law.loss_unit:
        return read
    elif named == "bits/token" and nats:
        losses, units = read.rows.losses * log(2.0), units * log(2.0)
        how = f"{heading!r} is in bits, times {log(2.0):.4f} in nats"
    else:
        raise LehrError(f"{where}: {heading!r} is in {named}, the law in {law.loss_unit}; give a law of the same unit")
    rows = msgspec.structs.replace(read.rows, losses=losses, units=units)
    return msgspec.structs.replace(read, rows=rows, notes=[*read.notes, how])


def track_job(job: Composed) -> Look:
    """One look. Raises ``LehrError`` for a mistake in the input."""
    paths, law = runs_of(job)[0], curve_law(job)
    planned = _planned(job, law)
    read = in_unit(law, read_log(job, *paths), paths[0])
    return track_rows(job, law, planned, read, where=paths[0])


def track_several(job: Composed) -> list[tuple[str, Look | Unread]]:
    """One look at each of several logs, by their names. Raises ``LehrError`` where none can be looked at."""
    law = curve_law(job)
    planned = _planned(job, law)

    def look(paths: list[Path]) -> Look:
        return track_rows(job, law, planned, in_unit(law, read_log(job, *paths), paths[0]), where=paths[0])

    return each_of(runs_of(job), look)


def follow_job(job: Composed) -> Iterator[Look]:
    """A look whenever the log has grown, until its last step.

    Rows that were read stay when the log is cut, or moved away for a new one, which is noted; a line that is no row is
    passed over, and a log that cannot be read for once is looked at again.
    """
    paths, law = logs_of(job), curve_law(job)
    planned = _planned(job, law)
    every = job.setting("every", float)
    tail = Tail(path=paths[0], read=lambda path: read_log(job, path, lenient=True)) if len(paths) == 1 else None
    earlier = Earlier()
    spacing, last_row = 1.0, -1
    before: tuple[int | None, int] | None = None
    read, kept, marks = NOTHING, NOTHING, None
    while True:
        try:
            found = [(s.st_ino, s.st_size, s.st_mtime_ns) for s in (path.stat() for path in paths)]
            if found == marks:
                time.sleep(every)
                continue
            fresh = in_unit(law, tail.now() if tail else read_log(job, *paths, lenient=True), paths[0])
            if marks is not None and any(o[0] != n[0] or n[1] < o[1] for o, n in zip(marks, found, strict=True)):
                kept = read
            marks = found
            read = after(kept, fresh) if len(kept.rows) else fresh
            spacing, last_row = read.rows.spacing, int(read.rows.steps[-1]) if len(read.rows) else -1
        except (UnfinishedError, FileNotFoundError):
            # it is being written, or moved away: the next look may find it whole
            if before is not None:
                time.sleep(every)
                continue
        except LehrError:
            # the first look tells a mistake; later ones may come while a line is written
            if before is None or before == (None, 0):
                raise
            time.sleep(every)
            continue
        look = track_rows(job, law, planned, read, where=paths[0], earlier=earlier)
        if (look.seen.step, len(look.seen.steps)) != before:
            before = (look.seen.step, len(look.seen.steps))
            yield look
        if last_row + spacing > planned.n_steps:
            return
        time.sleep(every)


def _planned(job: Composed, law: CurveLaw) -> Plan:
    if (every := job.setting("every", float)) <= 0:
        raise LehrError(f"every: {every} is not above 0; write seconds, such as 10")
    try:
        return plan(law, rates(job))
    except ValueError as error:
        raise LehrError(f"schedule: {error}") from error


FEWEST_BELOW, SHARE_BELOW = 3, 0.01
"""Losses at or below zero, at least and of all, from which on they are no cross-entropy."""
NOTHING = LogRows(rows=in_order([], []), rates=None, notes=[])
"""A log that is not there yet."""


def _columns(job: Composed) -> dict[str, str]:
    return job.setting("columns", dict[str, str] | None) or {}


def read_log(job: Composed, path: Path, *beside: Path, lenient: bool = False) -> LogRows:
    """The rows of ``path``, with the rate of the log ``beside`` it, as the settings say."""
    return read_rows(
        [path, *beside] if beside else path,
        _columns(job),
        job.setting("run", str | None),
        row_steps=job.setting("row_steps", int | None),
        batch_tokens=job.setting("batch_tokens", float | None),
        lenient=lenient,
    )


def rates(job: Composed) -> Floats:
    """The learning rates that were planned: of ``schedule``, else of the recipe's stage."""
    given = job.setting("schedule", str | dict[str, Any] | None)
    if given is not None:
        return read_schedule(given).values()
    if job.config.get("recipe") is None:
        raise LehrError("schedule: which one? write schedule=schedule.yaml, or recipe=starcoder")
    recipe = decode(job.config["recipe"], RecipeFile, "recipe")
    name = job.setting("stage", str | None) or recipe.order[0]
    if name not in recipe.stages:
        raise LehrError(f"stage: {recipe.name} has none called {name!r}; {nearest(name, recipe.order)}")
    return stage_schedule(recipe.stages[name], f"stage {name} of {recipe.name}").values()


def track_rows(
    job: Composed, law: CurveLaw, planned: Plan, read: LogRows, *, where: Path, earlier: Earlier | None = None
) -> Look:
    """One look at what was read of the log ``where``, with what looks before kept of it."""
    if (why := no_cross_entropy(read)) is not None:
        raise LehrError(f"{where}: {why}; leave law= out, and the learning rate alone is checked")
    try:
        forecast, seen = track_as_run(
            law,
            planned,
            read.rows,
            false_alarms=job.setting("false_alarms", float),
            level=job.setting("level", float),
            rates=read.rates,
            rate_units=read.rate_units,
            columns=read.columns,
            earlier=earlier,
        )
    except ValueError as error:
        raise LehrError(str(error)) from error
    return Look(law=law, planned=forecast, seen=seen, notes=read.notes)
