"""From log files to runs that a curve law can be fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.projecting.schedules import schedule_data
from lehr.recipes.reading.columns import loss_unit_of
from lehr.recipes.reading.headings import LOSS, RATE, find, find_loss, loss_hint, one_role_each
from lehr.recipes.reading.logs import SEPARATOR, LogFile, open_log
from lehr.recipes.reading.long import joined, role_of
from lehr.recipes.reading.rates import check_agreement, few_digits, rates_of_config, rates_of_rows, without_last_zero
from lehr.recipes.reading.series import Series
from lehr.simulators.laws.base import LossUnit
from lehr.simulators.laws.curves.runs import LoggedRun, make_run
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import in_order

ROLES = ("step", "loss", "rate")
"""What a column may be, by the name that ``columns=`` has for it."""


MOST_STEPS = 50_000_000
"""The rate of every step is held in memory; no published training has a tenth of these."""
RESTART = 10
"""Rows for each time that a log goes back, at least: one that does so more often is not in order."""


class LogReading(msgspec.Struct, frozen=True, kw_only=True):
    """How logs are read.

    ``columns`` names headings by role: step, loss, rate. ``warmup_steps`` is the length of a linear warm-up that the
    log does not show. ``schedule`` is one as a recipe writes it, with ``steps`` for its length, or a file of it, or one
    for each run by the run's name. ``changed_at`` is the first step on other data, ``from_step`` the first whose loss
    is read, ``row_steps`` the steps between two rows of a log that has none, ``batch_tokens`` the tokens of a step of
    one that counts tokens; ``after`` is the log of the run that this one branched off, for the rates before its first
    row.
    """

    columns: dict[str, str] = {}
    warmup_steps: int | None = None
    schedule: str | dict[str, Any] | None = None
    changed_at: int | None = None
    loss_unit: str | None = None
    from_step: int | None = None
    row_steps: int | None = None
    batch_tokens: float | None = None
    after: str | None = None

    def __post_init__(self) -> None:
        for role in self.columns:
            if role not in ROLES:
                raise LehrError(f"columns.{role}: unknown; {nearest(role, ROLES)}")
        one_role_each(self.columns)
        for name in ("row_steps", "batch_tokens"):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise LehrError(f"{name}: {value} is not above 0")
        if self.warmup_steps is not None and self.warmup_steps < 0:
            raise LehrError(f"warmup_steps: {self.warmup_steps} is negative; write 0 or more")


class ReadRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run, and one line for each thing that was guessed, reconstructed or passed over."""

    run: LoggedRun
    unit: LossUnit
    notes: list[str]


def read_runs(paths: Sequence[str], reading: LogReading) -> list[ReadRun]:
    """The runs of every file, named after their file, or as the file names them where it has several.

    Raises ``LehrError`` for a log without a loss or a learning rate, or whose steps or losses are not in order.
    """
    found: list[ReadRun] = []
    opened = [
        (log, name, series)
        for log in (
            open_log(path, reading.columns.get("step"), row_steps=reading.row_steps, batch_tokens=reading.batch_tokens)
            for path in paths
        )
        for name, series in log.runs.items()
        if "loss" in reading.columns or role_of(series) is not None or _loss(series) or len(log.runs) == 1
    ]
    notes: list[str] = []
    logs = {name: log for log, name, _ in reversed(opened)}
    if len({name for _, name, _ in opened}) == len(opened):
        opened = [(logs[name], name, series) for name, series in joined([o[1:] for o in opened], notes)]
    for log, name, series in opened:
        one = _read(log, name, series, reading)
        found.append(msgspec.structs.replace(one, notes=[*one.notes, *(n for n in notes if n.startswith(f"{name}:"))]))
    if paths and not found:
        raise LehrError(f"{paths[0]}: no column of the loss; write columns={{loss: <heading>}}")
    names = [one.run.name for one in found]
    for i, one in enumerate(found):
        if names.count(one.run.name) > 1:
            # two files of one name: told apart by their number
            name = f"{one.run.name} ({names[: i + 1].count(one.run.name)})"
            found[i] = msgspec.structs.replace(one, run=msgspec.structs.replace(one.run, name=name))
    return found


def _loss(series: dict[str, Series]) -> str | None:
    return find(LOSS, series)


def _column(role: str, series: dict[str, Series], name: str, reading: LogReading, where: str) -> str | None:
    """The heading of ``role``: as the user names it, or as trainers do."""
    wanted = reading.columns.get(role)
    if wanted is None:
        return find_loss(series) if role == "loss" else find(RATE, series)
    for heading in (wanted, wanted.removeprefix(f"{name}{SEPARATOR}")):
        if heading in series:
            return heading
    raise LehrError(f"{where}: columns.{role}: no column of numbers is called {wanted!r}; {nearest(wanted, series)}")


def _read(log: LogFile, name: str, series: dict[str, Series], reading: LogReading) -> ReadRun:
    where = log.where if len(log.runs) == 1 else f"{log.where}, run {name}"
    loss = _column("loss", series, name, reading, where)
    if loss is None:
        raise LehrError(f"{where}: no column of the loss; {loss_hint(series)}")
    notes: list[str] = []
    unit = loss_unit_of(reading.loss_unit, loss, notes)
    steps, losses = _ordered(series[loss], loss, where, notes)
    notes = [f"{len(steps)} rows, loss from {loss!r}", *notes, *log.notes]
    if reading.from_step is not None:
        late = steps >= reading.from_step
        if not late.any():
            raise LehrError(
                f"{where}: no row stands at or after from_step {reading.from_step:,}; write an earlier step"
            )
        notes.append(f"{int((~late).sum())} rows before step {reading.from_step:,} left out, as from_step says")
        steps, losses = steps[late], losses[late]
    heading = _column("rate", series, name, reading, where)
    config = _schedule(reading.schedule, name)
    if config is None and heading is None:
        raise LehrError(
            f"{where}: no column of the learning rate among {', '.join(series)}; write columns={{rate: <heading>}}, "
            "or say the schedule: schedule={kind: cosine, peak: 3e-4, warmup: {steps: 2000}, steps: 50000}"
        )
    last = int(steps[-1])
    if last > MOST_STEPS:
        raise LehrError(
            f"{where}: the last step is {last:,}; is this tokens or time? write columns={{step: <heading>}}"
        )
    if config is not None:
        rates, how = rates_of_config(config, last, where)
        if heading is not None:
            check_agreement(rates, *_ordered(series[heading], heading, where), where)
    else:
        assert heading is not None
        rates, how = _rates_of_log(series[heading], heading, last, where, reading)
    try:
        run = make_run(name, steps.astype(int), losses, rates, changed_at=reading.changed_at)
    except ValueError as error:
        raise LehrError(f"{log.where}: {error}") from error
    return ReadRun(run=run, unit=unit, notes=[*notes, f"learning rate {how}"])


def _rates_of_log(series: Series, heading: str, last: int, where: str, reading: LogReading) -> tuple[Floats, str]:
    """The rate of every step up to ``last`` from a column, and how it was found."""
    at, logged = _ordered(series, heading, where)
    if (logged < 0).any():
        raise LehrError(f"{where}: {heading} is {logged.min():g} at step {at[int(np.argmin(logged))]:.0f}")
    if not logged.any():
        raise LehrError(f"{where}: {heading} is zero in every row; write schedule=... or another column")
    if reading.warmup_steps is not None and reading.warmup_steps >= last:
        says = f"warmup_steps {reading.warmup_steps:,} leaves nothing of the log's {last:,} steps"
        raise LehrError(f"{where}: {says}; write fewer")
    logged, idle = without_last_zero(logged)
    rates, how = rates_of_rows(at, logged, last + 1, reading.warmup_steps)
    how = f"from {heading!r}, {how}{idle}{few_digits(logged)}"
    if reading.after is not None:
        rates, more = rates_after(rates, int(at[0]), reading)
        how += more
    return rates, how


def _late(steps: Floats, from_step: int | None, where: str, notes: list[str]) -> NDArray[np.bool_]:
    """The rows from ``from_step`` on."""
    late = steps >= (from_step or 0)
    if not late.any():
        raise LehrError(f"{where}: no row stands at or after from_step {from_step:,}; write an earlier step")
    if from_step is not None:
        notes.append(f"{int((~late).sum())} rows before step {from_step:,} left out, as from_step says")
    return late


def rates_after(rates: Floats, first: int, reading: LogReading) -> tuple[Floats, str]:
    """``rates`` with those of the run of ``reading.after`` before step ``first``."""
    base = read_runs([str(reading.after)], msgspec.structs.replace(reading, after=None, from_step=None))
    before = base[0].run.rates
    if len(before) < first:
        raise LehrError(f"after: {reading.after} ends at step {len(before) - 1:,}, before the first row at {first:,}")
    joined_up = rates.copy()
    joined_up[:first] = before[:first]
    return joined_up, f"; before the first row, step {first}, that of {reading.after}"


def _schedule(schedule: str | dict[str, Any] | None, name: str) -> dict[str, Any] | None:
    """The schedule of run ``name``, written out with its ``kind`` and ``steps``."""
    if schedule is None:
        return None
    if isinstance(schedule, str) or {"kind", "schedule"} & schedule.keys():
        return schedule_data(schedule)
    if not schedule or not all(isinstance(one, dict | str) for one in schedule.values()):
        raise LehrError(
            "schedule: has no `kind`; write schedule=plan.yaml, or schedule={kind: cosine, peak: 3e-4, steps: 50000}"
        )
    return schedule_data(schedule[name]) if name in schedule else None


def _ordered(series: Series, heading: str, where: str, notes: list[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values as arrays; of a job that was restarted, the rows that it wrote again take the place of the
    earlier ones, which goes to ``notes``.

    Raises ``LehrError`` for a value that is no finite number, a step that repeats, and rows that are not in order.
    """
    steps, values = np.asarray(series.steps, dtype=float), np.asarray(series.values, dtype=float)
    restarts = int((np.diff(steps) < 0).sum())
    if restarts and restarts * RESTART <= len(steps) and (np.diff(steps) != 0).all():
        rows = in_order(series.steps, series.values)
        if notes is not None:
            times = "once" if restarts == 1 else f"{restarts} times"
            notes.append(
                f"the log goes back {times}, last to step {rows.restarts[-1]}: of a restarted run the later rows "
                f"count, and {len(steps) - len(rows)} earlier ones are left out"
            )
        steps, values = rows.steps.astype(float), rows.losses
    if not np.isfinite(values).all():
        i = int(np.argmin(np.isfinite(values)))
        count = int((~np.isfinite(values)).sum())
        more = f" and {count - 1} more" if count > 1 else ""
        raise LehrError(f"{where}: {heading} is {values[i]} at step {steps[i]:.0f}{more}; leave such rows out")
    back = np.flatnonzero(np.diff(steps) <= 0)
    if len(back):
        i = int(back[0]) + 1
        if steps[i] == steps[i - 1]:
            raise LehrError(f"{where}: step {steps[i]:.0f} has two values of {heading}; keep one row for each step")
        raise LehrError(
            f"{where}: step {steps[i]:.0f} comes after step {steps[i - 1]:.0f}: the run was restarted or its rows are "
            "not in order; sort them and keep one row for each step"
        )
    return steps, values
