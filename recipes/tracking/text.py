"""One look at a run, as text, as a line and as JSON."""

from __future__ import annotations

from math import expm1, isfinite
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.presenting.tables import text_table
from lehr.recipes.tracking.result import Look, Unread
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import Alarm, Plan, Tracked
from lehr.simulators.tracking.alone import Alone
from lehr.simulators.tracking.rates import Departure
from lehr.simulators.tracking.track import STATES

Seen = Tracked | Alone
"""Rows that alarms are about."""
UNCHECKED = (
    "the learning rate was not checked: the log has none; write columns={rate: <heading>}, or log=[loss.csv,lr.csv]"
)
"""Where a run is beside its plan by its loss alone."""


NARROW = 2
"""Rows between which it is not worth saying where in them something began."""


def as_text(law: CurveLaw, planned: Plan, seen: Tracked, notes: list[str]) -> str:
    """Where the run is, its alarms, where it will end, and by what rules that is said."""
    over = f"{len(seen.alarms)} alarm{'s' * (len(seen.alarms) > 1)}"
    lines = [STATES[seen.state] + (f" again, after {over}" if seen.alarms and not seen.outside else "")]
    if seen.state == "divergence" and seen.loss is not None and not isfinite(seen.loss):
        lines = ["DIVERGENCE: the loss is no finite number"]
    done = seen.step is not None and seen.step + 1 >= planned.n_steps
    if seen.beyond:
        lines[0] = f"BEYOND ITS PLAN: {seen.beyond:,} rows come after the {planned.n_steps:,} planned steps; {lines[0]}"
    elif done:
        lines[0] = f"finished: {lines[0]}"
    if seen.rate is not None:
        lines.append(rate_words(seen.rate))
    if seen.by_logged_rates:
        lines.append(f"the forecast below is for the log's own rates, which {_explained(seen)}")
    if not seen.rate_logged:
        lines.append(UNCHECKED)
    if seen.step is not None and seen.expected is not None and seen.forecast is not None:
        share = min(seen.step + 1, planned.n_steps) / planned.n_steps
        lines.append(
            f"step {seen.step:,} of {planned.n_steps:,} ({share:.1%}): loss {_loss(seen.loss)}, forecast "
            f"{seen.forecast:.4f}, a row should lie in {seen.expected[0]:.4f} to {seen.expected[1]:.4f}"
        )
    if seen.offset is not None:
        lines.append(f"the last rows lie {expm1(seen.offset):+.2%} off the forecast")
    lines.append(_end(law, seen, done=done))
    lines += [f"  {alarm_words(a, seen)}" for a in seen.alarms]
    lines += [f"note: {note}" for note in [*notes, *seen.notes]]
    lines += [f"warning: {w}" for w in law.range.curve_warnings(planned.rates)]
    rules = seen.rules
    if seen.noise > 0:
        window = max(rules.rows // 50, 2)
        spike = max(rules.least(seen.noise), seen.reach)
        lines.append(
            f"rows scatter by {seen.noise:.2%}: a spike is told from {expm1(spike):.2%} on, "
            f"a change that lasts from {expm1(rules.least(seen.noise, window)):.2%} on within {window} rows"
        )
    lines.append(
        f"rules: at most {rules.false_alarms:.1%} of healthy runs of {rules.rows:,} rows, whose noise is normal or "
        "has the tails that rows before show, give a false alarm of spike, as many of each other kind; law's error: "
        f"{planned.basis}"
    )
    return "\n".join(lines)


def _explained(seen: Tracked) -> str:
    """What the rates of the log make of its loss."""
    if seen.alarms:
        return "do not explain all of the loss"
    return "explain the loss" if seen.disproved else "the loss does not tell from the planned ones yet"


def _end(law: CurveLaw, seen: Tracked, *, done: bool) -> str:
    """What the run ended at or will end at, and what was forecast."""
    before = f"forecast before the run: {seen.final_forecast:.4f}"
    if seen.final is None:
        return f"final loss: not known: {seen.astray}; {before} [{law.loss_unit}]"
    end = f"{seen.final:.4f} [{law.loss_unit}] ({_interval(seen)}); {before}"
    if done:
        return f"finished at {_loss(seen.loss)}, without the noise of its rows at {end}"
    return f"final loss{', if the planned rates are taken up from here' if seen.by_logged_rates else ''}: {end}"


def rate_words(off: Departure) -> str:
    """Where the learning rate leaves the plan, by how much, and what bug looks like that."""
    since = "from the first row" if off.before is None else f"step {off.before:,} still agrees"
    return (
        f"at step {off.step:,} the log's learning rate is {off.logged:.4g}, the plan's {off.planned:.4g} ({since}): "
        f"{off.cause}"
    )


def as_table(looks: list[tuple[str, Look | Unread]]) -> str:
    """Several runs, a line each, and below why one could not be looked at."""
    rows, unread = [], [f"{look.name}: not looked at: {look.why}" for _, look in looks if isinstance(look, Unread)]
    for name, look in looks:
        if isinstance(look, Unread):
            rows.append([name, "not looked at", *[""] * 5])
            continue
        seen = look.seen
        done = "" if seen.step is None else f"{min(seen.step + 1, look.planned.n_steps) / look.planned.n_steps:.0%}"
        offset = "" if seen.offset is None else f"{expm1(seen.offset):+.2%}"
        rows.append([name, _state(seen), done, _loss(seen.loss), offset, _loss(seen.final), _interval(seen)])
    table = text_table(["run", "state", "done", "loss", "off", "final", "interval"], rows, right={2, 3, 4, 5})
    return "\n".join([table, *unread])


def _state(seen: Tracked) -> str:
    """In a word, and whether the learning rate had a part in it."""
    return seen.state if seen.rate_logged else f"{seen.state}, rate not in the log"


def _loss(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"


def _interval(seen: Tracked) -> str:
    """Of the final loss; nothing where the law does not know it."""
    return "" if seen.final_interval is None else "{:.4f} to {:.4f}".format(*seen.final_interval)


def alarm_words(alarm: Alarm, seen: Seen) -> str:
    """An alarm in a line: what, from which step to which, and by how much the loss was off.

    >>> from types import SimpleNamespace
    >>> seen = SimpleNamespace(steps=[10, 20, 30])
    >>> alarm_words(Alarm(kind="drift", first=1, last=2, size=-0.012), seen)
    'drift: steps 20 to now, -1.19%'
    """
    first, last = int(seen.steps[alarm.first]), int(seen.steps[alarm.last])
    now = alarm.last == len(seen.steps) - 1
    span = f"step {first:,}" if first == last else f"steps {first:,} to {'now' if now else f'{last:,}'}"
    if alarm.began is not None and alarm.began[1] - alarm.began[0] > NARROW:
        span += " (began between {:,} and {:,})".format(*(int(seen.steps[row]) for row in alarm.began))
    size = f"{expm1(alarm.size):+.2%}" if isfinite(alarm.size) else _impossible(seen.losses[alarm.first :])
    return f"{alarm.kind}: {span}, {size}" + (f": {alarm.cause}" if alarm.cause else "")


def _impossible(losses: Floats) -> str:
    """What is wrong with the first of ``losses`` that no run can have.

    >>> _impossible(np.array([3.0, -0.3])), _impossible(np.array([3.0, np.nan, -0.3]))
    ('the loss is -0.3, not above zero', 'the loss is no finite number')
    """
    bad = float(losses[int(np.argmin(np.isfinite(losses) & (losses > 0)))])
    return f"the loss is {bad:g}, not above zero" if isfinite(bad) else "the loss is no finite number"


def as_line(planned: Plan, seen: Tracked) -> str:
    """One look in one line."""
    if seen.step is None or seen.forecast is None:
        return STATES["no rows"]
    end = "unknown" if seen.final is None else f"{seen.final:.4f} ({_interval(seen)})"
    return (
        f"step {seen.step:,}/{planned.n_steps:,}  loss {_loss(seen.loss)}  forecast {seen.forecast:.4f}  "
        f"final {end}  {_state(seen)}"
    )


def alarm_json(alarm: Alarm, seen: Seen) -> dict[str, Any]:
    """An alarm as plain data."""
    return {
        "kind": alarm.kind,
        "first_step": int(seen.steps[alarm.first]),
        "last_step": int(seen.steps[alarm.last]),
        "began": None if alarm.began is None else [int(seen.steps[row]) for row in alarm.began],
        "relative_size": _share(alarm.size),
        "cause": alarm.cause or None,
    }


def _share(log_ratio: float | None) -> float | None:
    """A difference of logarithms as a share; nothing where it is not finite."""
    return expm1(log_ratio) if log_ratio is not None and isfinite(log_ratio) else None


def as_json(law: CurveLaw, planned: Plan, seen: Tracked, notes: list[str]) -> dict[str, Any]:
    """One look as plain data; a number that is not finite is null."""

    def plain(value: float | None) -> float | None:
        return value if value is not None and isfinite(value) else None

    return {
        "version": 1,
        "law": law.name,
        "loss_unit": law.loss_unit,
        "state": seen.state,
        "outside": seen.outside,
        "step": seen.step,
        "steps": planned.n_steps,
        "loss": plain(seen.loss),
        "forecast": plain(seen.forecast),
        "expected": seen.expected,
        "rate": None if seen.rate is None else msgspec.to_builtins(seen.rate),
        "rate_checked": seen.rate_logged,
        "forecast_of": "logged rates" if seen.by_logged_rates else "planned rates",
        "offset": _share(seen.offset),
        "final": {
            "loss": seen.final,
            "interval": seen.final_interval,
            "forecast": seen.final_forecast,
            "unknown": seen.astray,
        },
        "alarms": [alarm_json(alarm, seen) for alarm in seen.alarms],
        "rules": {
            "false_alarms": seen.rules.false_alarms,
            "rows": seen.rules.rows,
            "reference": seen.rules.reference,
            "windows": list(seen.rules.scales),
            "law_error": planned.basis,
            "reach": expm1(seen.reach),
        },
        "notes": [*notes, *seen.notes],
        "warnings": law.range.curve_warnings(planned.rates),
    }
