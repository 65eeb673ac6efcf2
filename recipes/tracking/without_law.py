"""What a log says without a law, as text and as JSON: its learning rate beside the plan, and whether its loss rises."""

from __future__ import annotations

from math import isfinite
from typing import Any

import msgspec

from lehr.recipes.tracking.result import RateAndRows
from lehr.recipes.tracking.run import lost, no_cross_entropy
from lehr.recipes.tracking.text import alarm_json, alarm_words, rate_words


def wrong(one: RateAndRows) -> bool:
    """Is the rate off its plan, a loss none, or does the loss rise now?"""
    rises = one.alone is not None and one.alone.rises
    return rises or (one.off is not None and one.off.lasts) or len(lost(one.read)) > 0


def without_law_lines(one: RateAndRows) -> list[str]:
    """What is wrong first, then the learning rate."""
    lines = []
    if len(bad := lost(one.read)):
        span = f"steps {bad[0]:,} to {bad[-1]:,}" if len(bad) > 1 else f"step {bad[0]:,}"
        lines.append(f"DIVERGENCE: {span}: the loss is no finite number above zero")
    if one.alone is not None and one.alone.rises and not len(bad):
        lines.append("DIVERGENCE: the loss has risen above the rows before")
    rows = one.read.rows
    last = f"{int(rows.steps[-1]):,}" if len(rows) else "none"
    words = "is on its plan" if one.off is None else f"leaves the plan: {rate_words(one.off)}"
    lines.append(f"the learning rate {words} (last step {last})")
    if (why := no_cross_entropy(one.read)) is not None:
        lines.append(f"{why}: nothing is said of it")
    if one.alone is not None:
        lines += [alarm_words(alarm, one.alone) for alarm in one.alone.alarms if isfinite(alarm.size)]
    return lines


def notes_of(one: RateAndRows) -> list[str]:
    """What was done to the log and its rows, in words."""
    return [*one.read.notes, *([] if one.alone is None else one.alone.notes)]


def without_law_json(one: RateAndRows) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "rate": None if one.off is None else msgspec.to_builtins(one.off),
        "steps_without_loss": lost(one.read).tolist(),
        "rises": one.alone is not None and one.alone.rises,
        "alarms": [] if one.alone is None else [alarm_json(alarm, one.alone) for alarm in one.alone.alarms],
        "notes": notes_of(one),
    }
