"""A run whose learning rate left its plan, beside the forecast for the rates that it had."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.causes import Columns
from lehr.simulators.tracking.judging import Earlier
from lehr.simulators.tracking.planned import Plan, plan
from lehr.simulators.tracking.rates import Departure, as_logged
from lehr.simulators.tracking.rows import Rows
from lehr.simulators.tracking.track import Tracked, track

FURTHEST = 4.0
"""Times the highest and parts of the lowest fitted peak rate, beyond which nothing is said of other rates: a law of
Schaipp et al.'s runs at 5e-4 was 0.5 % off at four times that."""


def track_as_run(
    law: CurveLaw,
    planned: Plan,
    rows: Rows,
    *,
    rates: tuple[NDArray[np.int_], Floats] | None = None,
    rate_units: Floats | None = None,
    columns: Columns | None = None,
    earlier: Earlier | None = None,
    **settings: Any,
) -> tuple[Plan, Tracked]:
    """What ``track`` says, and the forecast that it says it of: where the learning rate left the plan, that of the
    rates that the log has, with the planned ones after its last row.

    The alarms are then those of a loss that these rates do not explain, and the end is that of a run which takes its
    plan up again. It stays with the planned forecast where no rate like the logged one was fitted, and where that
    forecast has no alarm and the other has: the column is then hardly the rate of the run. Steps that the log counts
    from 0 again after a resumption are put right.

    >>> from lehr.simulators.laws.curves import CurveRange, PowerOfSum
    >>> from lehr.simulators.tracking import in_order
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, range=CurveRange(peak_rate=(1e-3, 1e-3)))
    >>> planned, had = plan(law, np.full(1000, 1e-3)), np.full(1000, 2e-3)
    >>> steps = np.arange(9, 500, 10)
    >>> noise = 1 + 0.001 * np.sin(steps**2)
    >>> run, seen = track_as_run(law, planned, in_order(steps, law.loss(had)[steps] * noise), rates=(steps, had[steps]))
    >>> seen.state, seen.alarms, round(float(run.rates[400]), 6), round(float(run.rates[600]), 6)
    ('rate', [], 0.002, 0.001)
    >>> ends = planned.loss[-1], seen.final, law.loss(np.r_[had[:500], planned.rates[500:]])[-1]
    >>> [round(float(end), 4) for end in ends]
    [3.5, 3.4082, 3.4082]
    """
    seen = track(planned, rows, rates=rates, rate_units=rate_units, columns=columns, earlier=earlier, **settings)
    if rates is None or seen.rate is None or seen.state != "rate":
        return planned, seen
    if (far := seen.rate.resumed_at) is not None:
        later = msgspec.structs.replace(rows, steps=rows.steps + far)
        put_right = {name: (steps + far, values) for name, (steps, values) in (columns or {}).items()}
        shifted = rates[0] + far, rates[1]
        again = track(planned, later, rates=shifted, rate_units=rate_units, columns=put_right, **settings)
        if again.rate is None:
            note = (
                f"the log counts its steps from 0 again, as of a job that was resumed: {far:,} were added, with which "
                "its rates are the planned ones"
            )
            return planned, msgspec.structs.replace(again, notes=[note, *again.notes])
    run = plan_as_run(law, planned, rates, seen.rate, rate_units)
    if run is None:
        return planned, seen
    again = track(run, rows, columns=columns, **settings)
    if again.alarms and not seen.alarms:
        return planned, seen
    return run, msgspec.structs.replace(
        again, state="rate", rate=seen.rate, rate_logged=True, by_logged_rates=True, disproved=bool(seen.alarms),
        final_forecast=seen.final_forecast,
    )  # fmt: skip


def plan_as_run(
    law: CurveLaw,
    planned: Plan,
    rates: tuple[NDArray[np.int_], Floats],
    off: Departure,
    units: Floats | None = None,
) -> Plan | None:
    """The forecast for the ``rates`` of the log with their ``units`` (rows,), which left the plan at ``off``; ``None``
    where the law was fitted to no rate like them, or would have no loss left where they leap up and down."""
    had, fitted = as_logged(planned.rates, *rates, off, units), law.range.peak_rate
    if had is None or fitted is None:
        return None
    until = min(int(rates[0][-1]) + 1, planned.n_steps)
    if not 0.99 * min(fitted) / FURTHEST <= had[:until].max() <= 1.01 * max(fitted) * FURTHEST:
        return None
    run = plan(law, had, until=until)
    return None if run.constant is None or min(run.loss.min(), run.constant.min()) <= 0 else run
