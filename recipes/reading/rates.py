"""The learning rate of every step from the rows of a log, and in words how it was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.errors import LehrError
from lehr.simulators.numerics.search import golden_section
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import Schedule
from lehr.simulators.tracking.digits import units_of

Rule = Callable[[Floats], Floats]
"""The rate by step."""
EXACT = 1e-6
"""A shape is recognised where every row lies this near to it, relative to the peak rate; printed rates have seven
digits or more."""
NO_COSINE = 1e-2
"""A shape that the best of a grid of cosines, 7 % apart, misses by more of the peak [root mean square] is none."""
FLAT = 1e-9
JUMP = 0.05
"""A change between two rows by more than this share of the peak, between two stretches that are flat."""
LATE = 0.1
"""A log whose first row stands after more than this share of its steps begins in the middle of a run."""
AGREES = 0.01
"""A schedule from a config and the log's own rates may differ by this share of the peak, a step's worth of warm-up."""


def rates_of_rows(steps: Floats, rates: Floats, n_steps: int, warmup_steps: int | None) -> tuple[Floats, str]:
    """The rate of steps 0 to ``n_steps`` - 1 from logged (``steps``, ``rates``), and how.

    A cosine or a line after warm-up is recognised; else the rate is linear between rows, and jumps at the later of
    two rows where it is flat on both sides. ``warmup_steps`` is the length of a linear warm-up from zero; without it
    one is assumed that ends where a recognised cosine begins, else at the first row.

    >>> rates, how = rates_of_rows(np.array([4.0, 8.0]), np.array([1.0, 1.0]), 9, 4)
    >>> rates.tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    >>> how
    'constant at 1; before the first row, step 4, a linear warm-up over 4 steps as warmup_steps says'
    """
    every = np.arange(float(n_steps))
    peak = float(rates.max())
    begin = 0.0 if warmup_steps is None else float(warmup_steps)
    rows = steps >= begin
    shape = _recognised(steps[rows], rates[rows]) if rows.any() else None
    if shape is not None:
        values, how, begins = shape[0](every), shape[1], shape[2]
        if begins is None and np.ptp(rates) > 0 and float(steps[0]) > LATE * float(steps[-1]):
            # a cool-down's log begins at its branch: the line says nothing of what was before
            values = np.where(every < steps[0], float(rates[0]), values)
            how += f"; before the first row, step {steps[0]:.0f}, its rate is held"
    else:
        values, how = _between(every, steps, rates, peak)
        begins = None
    first = float(steps[0])
    if warmup_steps is not None and warmup_steps > 0:
        top = float(values[min(warmup_steps, n_steps - 1)]) if shape is not None or first <= begin else float(rates[0])
        rising = every < begin
        # rows inside warm-up say more than the line does
        if not (steps < begin).any():
            values = np.where(rising, top * every / begin, values)
            how += f"; before the first row, step {first:.0f}, a linear warm-up over {warmup_steps} steps"
            how += " as warmup_steps says"
        elif shape is not None:
            values = np.where(rising, _between(every, steps, rates, peak)[0], values)
            how += "; in warm-up linear between rows"
            values = np.where(every < first, float(rates[0]) * every / max(first, 1.0), values)
    elif warmup_steps is None and first > 1:
        if rates[0] < 0.5 * peak and np.all(np.diff(rates[: int(np.argmax(rates)) + 1]) >= 0):
            values = np.where(every < first, float(rates[0]) * every / first, values)
            how += f"; from step 0 to the first row, step {first:.0f}, the rise is taken to go on down to zero"
        else:
            end = first if begins is None else min(max(begins, 1.0), first)
            values = np.where(every < end, float(values[min(int(np.ceil(end)), n_steps - 1)]) * every / end, values)
            how += (
                f"; before the first row, step {first:.0f}, a linear warm-up that ends at step {end:.0f} is assumed: "
                "the log does not say, warmup_steps= does"
            )
    return np.maximum(values, 0.0), how


def few_digits(rates: Floats) -> str:
    """What is to be said of ``rates`` (rows,) of which the printed digits leave much open; empty of others.

    >>> few_digits(np.array([3e-4, 2e-4, 1e-4]))
    '; its few digits leave 50% of it open: schedule= says it exactly'
    >>> few_digits(np.array([2.98e-4, 2.11e-4, 1.05e-4]))
    ''
    """
    above = rates > 0
    open_ = float((units_of(rates)[above] / 2 / rates[above]).max(initial=0.0))
    return f"; its few digits leave {open_:.0%} of it open: schedule= says it exactly" if open_ > AGREES else ""


def without_last_zero(rates: Floats) -> tuple[Floats, str]:
    """A last rate of zero after one that never fell is that of no update; the words say so.

    >>> without_last_zero(np.array([1e-3, 1e-3, 0.0]))[0].tolist()
    [0.001, 0.001, 0.001]
    """
    if len(rates) < 3 or rates[-1] != 0.0 or rates[-2] < rates.max() * (1 - FLAT) or rates[-2] <= 0:
        return rates, ""
    held = rates.copy()
    held[-1] = rates[-2]
    return held, "; the last row's rate of 0 is that of no update, and left out"


def _between(every: Floats, steps: Floats, rates: Floats, peak: float) -> tuple[Floats, str]:
    values = np.interp(every, steps, rates)
    jumps = []
    for i in range(len(steps) - 1):
        change = abs(rates[i + 1] - rates[i])
        flat_before = i == 0 or abs(rates[i] - rates[i - 1]) <= FLAT * peak
        flat_after = i + 2 >= len(steps) or abs(rates[i + 2] - rates[i + 1]) <= FLAT * peak
        if change > JUMP * peak and flat_before and flat_after and i > 0:
            values[(every > steps[i]) & (every < steps[i + 1])] = rates[i]
            jumps.append(f"{steps[i]:.0f} and {steps[i + 1]:.0f}")
    gap = int(np.diff(steps).max()) if len(steps) > 1 else 0
    how = f"linear between {len(steps)} logged rows, {gap} steps apart at most"
    if jumps:
        more = " and others" if len(jumps) > 3 else ""
        how += f"; it jumps between rows {', '.join(jumps[:3])}{more}, taken at the later"
    return values, how


def _recognised(steps: Floats, rates: Floats) -> tuple[Rule, str, float | None] | None:
    """A constant, a line or a cosine through every row: the rate by step, its words, where a cosine begins."""
    peak = float(rates.max())
    if peak <= 0:
        return None
    if np.ptp(rates) <= FLAT * peak:
        return (lambda at: np.full_like(at, rates[0])), f"constant at {rates[0]:.4g}", None
    if len(steps) < 5 or rates[-1] >= rates[0] or (np.diff(rates) > FLAT * peak).any():
        return None
    slope, offset = np.polyfit(steps - steps[0], rates, 1)
    if np.abs(offset + slope * (steps - steps[0]) - rates).max() <= EXACT * peak:
        words = f"{rates[0]:.4g} at step {steps[0]:.0f} to {rates[-1]:.4g} at step {steps[-1]:.0f}"
        return (lambda at: offset + slope * (at - steps[0])), f"recognised as a line, {words}", None
    return _cosine(steps, rates)


def _cosine(steps: Floats, rates: Floats) -> tuple[Rule, str, float | None] | None:
    """a + b cos(w s) + c sin(w s) is linear but for w: its best value by a grid, then golden sections."""
    span = float(steps[-1] - steps[0])

    def solve(half_period: float) -> tuple[float, Floats, Floats]:
        phase = np.pi / half_period * (steps - steps[0])
        columns = np.stack([np.ones_like(phase), np.cos(phase), np.sin(phase)], axis=1)
        found, *_ = np.linalg.lstsq(columns, rates, rcond=None)
        error = columns @ found - rates
        return float(error @ error), found, error

    grid = span * np.geomspace(0.7, 30.0, 60)
    squares = [solve(h)[0] for h in grid]
    best = int(np.argmin(squares))
    if squares[best] > len(steps) * (NO_COSINE * float(rates.max())) ** 2:
        return None
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    half = float(golden_section(lambda h: np.asarray(solve(float(h))[0]), low, high, rounds=50))
    _, (level, cosine, sine), error = solve(half)
    if np.abs(error).max() > EXACT * float(rates.max()):
        return None
    size = float(np.hypot(cosine, sine))
    begin = float(steps[0] + np.arctan2(sine, cosine) / np.pi * half)
    end = begin + half

    def rule(at: Floats) -> Floats:
        return np.asarray(level + size * np.cos(np.pi * np.clip((at - begin) / half, 0.0, 1.0)))

    words = f"{level + size:.4g} at step {begin:.0f} to {max(level - size, 0.0):.4g} at step {end:.0f}"
    return rule, f"recognised as a cosine from {words}", begin


def rates_of_config(schedule: dict[str, Any], last_step: int, where: str) -> tuple[Floats, str]:
    """The rates of a schedule as a recipe writes it, with its length in ``steps``, and how.

    Raises ``LehrError`` for a schedule that is not understood or is shorter than the log.
    """
    data = dict(schedule)
    steps = data.pop("steps", None)
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise LehrError(f"schedule.steps: {steps!r} is no number of steps; write the length of the whole run")
    n_steps = last_step + 1 if steps is None else steps
    rule: Any = decode(data, Schedule, "schedule")  # type: ignore[arg-type]
    try:
        curve = rule.resolve(n_steps)
        values = curve.values()
    except ValueError as error:
        raise LehrError(f"schedule: {error}") from error
    if last_step > n_steps:
        raise LehrError(f"schedule.steps: {n_steps} steps, and {where} goes to step {last_step}")
    if last_step == n_steps:
        # the row of the last update, counted from 1
        values = np.append(values, curve.final)
    length = "" if steps is not None else "; as long as the log, as schedule.steps is not given"
    return values, f"from the config: {curve}{length}"


def check_agreement(values: Floats, steps: Floats, rates: Floats, where: str) -> None:
    """Raises ``LehrError`` where a config's schedule is not the log's own."""
    known = steps < len(values)
    # the log's own digits leave open half of the last
    difference = np.abs(values[steps[known].astype(int)] - rates[known]) - units_of(rates)[known] / 2
    if difference.size and difference.max() > AGREES * float(rates.max()):
        i = int(np.argmax(difference))
        at = int(steps[known][i])
        raise LehrError(
            f"{where}: the schedule gives {values[at]:.4g} at step {at}, the log {rates[known][i]:.4g}; "
            "leave the schedule out, or correct it"
        )
