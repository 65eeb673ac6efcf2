"""One look at a running job: its rows beside the forecast, the alarms, and the loss that it will end at."""

from __future__ import annotations

from math import ceil, exp, hypot, sqrt
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.base import Bounds
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.causes import Columns, cause_of, scale_of
from lehr.simulators.tracking.course import dated, of_now, stays, without_consequences
from lehr.simulators.tracking.digits import Grain, grain_of
from lehr.simulators.tracking.independent import Independent, independent
from lehr.simulators.tracking.judging import Earlier, alarms
from lehr.simulators.tracking.levels import FEWEST, MOVES, noise_of
from lehr.simulators.tracking.onset import Run
from lehr.simulators.tracking.pairing import Paired, paired
from lehr.simulators.tracking.planned import ModesAt, Plan
from lehr.simulators.tracking.rates import Departure, departure
from lehr.simulators.tracking.repeats import repeated
from lehr.simulators.tracking.rows import Rows
from lehr.simulators.tracking.rules import LEVELS, RUN, UNKNOWN_NOISE, Alarm, Kind, Rules
from lehr.simulators.tracking.tails import tail_words

State = Literal["inside", "spike", "divergence", "plateau", "drift", "shift", "repeat", "rate", "no rows"]
STATES: dict[State, str] = {
    "inside": "inside the band",
    "spike": "SPIKE: the last row lies above the rows before it",
    "divergence": "DIVERGENCE: the loss has risen above the rows before",
    "plateau": "PLATEAU: the loss does not fall where the forecast does",
    "drift": "DRIFT: the run leaves its forecast",
    "shift": "SHIFT: the last rows lie off the rows before them by more than the forecast says",
    "repeat": "DATA REPEATED: the last rows have the noise of earlier ones again",
    "rate": "RATE: the learning rate leaves the plan",
    "no rows": "no rows after warm-up yet",
}
"""Where a run stands."""
GRAVITY: tuple[Kind, ...] = ("shift", "drift", "repeat", "spike", "plateau", "divergence")
"""Of several alarms that are not over the last of these is told."""
BLOCKS, LATER = 10, 0.5
"""Blocks of rows, at most, by whose means it is told which way a run strays, of the rows after this share of its steps
so far: the first steps say least of the end."""
LAST = 4
"""Rows whose mean is the level that a run has now."""
BEGINS = "or a divergence begins: the next rows tell"
EARLIER, SHARE_EARLIER = 5, 0.05
"""Rows before an alarm in which its cause is looked for, and of all rows so far, where that is more."""
ANEW = 0.5
"""Of the variance of the law's error at the end, what the steps that are left bring anew where none is done yet."""


class Tracked(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one look says. ``state`` is of the last row, or of the learning rate where that leaves the plan (``rate``);
    alarms that are over stand in ``alarms`` alone. ``rate`` is looked for where the log has one (``rate_logged``);
    where all else is beside the forecast for the rates that the log has (``by_logged_rates``), ``final`` is the end of
    a run that takes its plan up again; ``loss_state`` is of the last row there, and the planned rates are ``disproved``
    where the loss leaves their forecast. Of its rows ``beyond`` many come after the last planned step.

    ``residuals`` are log(loss) - log(forecast) of the rows after warm-up, whose steps and losses stand beside.
    ``expected`` is the interval of the last row's loss, ``final_interval`` that of the loss after the last step,
    ``noise`` the standard deviation of a healthy row and ``reach`` how far above those before one may lie by the tails
    that they show [log loss]; ``offset`` is how far the last rows lie off the
    forecast [log loss]. ``final`` and ``final_interval`` are ``None`` where the law is not this run's (``astray``).
    """

    state: State
    loss_state: State
    rate: Departure | None
    rate_logged: bool
    by_logged_rates: bool = False
    disproved: bool = False
    beyond: int
    step: int | None
    loss: float | None
    forecast: float | None
    expected: Bounds | None
    alarms: list[Alarm]
    offset: float | None
    final_forecast: float
    final: float | None
    final_interval: Bounds | None
    steps: NDArray[np.int_]
    losses: Floats
    residuals: Floats
    noise: float
    reach: float
    rules: Rules
    notes: list[str]

    @property
    def outside(self) -> bool:
        """Is the run outside its band now?"""
        return self.state not in ("inside", "no rows")

    @property
    def astray(self) -> str | None:
        """Why the law says nothing of this run's end; ``None`` where it does."""
        if self.final is not None:
            return None
        if self.state == "rate" and not self.by_logged_rates:
            return "the run has another learning rate than the plan, and the forecast is of the plan"
        if self.loss_state in ("divergence", "plateau"):
            what = "diverges" if self.loss_state == "divergence" else "stands still"
            return f"the run {what}, which no law describes"
        return "the run has left its forecast by more than the law's error allows: the law is not this run's"


def track(
    planned: Plan,
    rows: Rows,
    *,
    false_alarms: float = 0.01,
    level: float = 0.95,
    rates: tuple[NDArray[np.int_], Floats] | None = None,
    rate_units: Floats | None = None,
    columns: Columns | None = None,
    earlier: Earlier | None = None,
) -> Tracked:
    """Look at ``rows`` of a run that should follow ``planned``; ``rates`` are the steps and learning rates of its log,
    ``columns`` those of others that may say why the loss goes wrong. ``earlier`` is what looks before kept of this run,
    so that what was judged is not judged again.

    The rate comes first: a run on another schedule has no forecast here.

    A log counts updates from 0 or from 1: the row of step n of a run of n steps is that after the last one.
    Raises ``ValueError`` for rates of false alarms and levels that cannot be, and for a log that begins after the end.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> from lehr.simulators.tracking.planned import plan
    >>> from lehr.simulators.tracking.rows import in_order
    >>> planned = plan(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5), np.full(1000, 1e-3))
    >>> steps = np.arange(9, 500, 2)
    >>> losses = planned.loss[steps] * (1 + 0.001 * np.sin(steps**2))
    >>> losses[-1] *= 1.1
    >>> seen = track(planned, in_order(steps, losses))
    >>> seen.state, seen.step, round(seen.final or 0.0, 2)
    ('spike', 499, 3.5)
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; write a share between 0 and 1, such as 0.95")
    n = planned.n_steps
    off = None if rates is None else departure(planned.rates, *rates, rate_units, columns=columns)
    inside = slice(*np.searchsorted(rows.steps, [planned.first, n + 1]))
    steps, losses = rows.steps[inside], rows.losses[inside]
    if not len(steps) and len(rows) and (late := rows.steps[rows.steps > n]).size:
        raise ValueError(
            f"the log's rows after warm-up begin at step {late[0]:,}, after the plan's {n:,} steps; write the whole "
            "run's schedule, or columns={step: <heading>} where this is no step"
        )
    residuals, beside, own, grain, notes = _independent(planned, steps, losses, rows.last_digits[inside])
    steps, losses = steps[-len(residuals) or len(steps) :], losses[-len(residuals) or len(steps) :]
    at = np.minimum(steps, n - 1)
    forecast = np.log(planned.loss[at])
    every = max(ceil((n - planned.first) / rows.spacing), len(steps), 1)
    times = planned.times(1 - false_alarms)
    rules = Rules.of(
        every, false_alarms, own.noise or planned.noise, times=times,
        floor=own.of_a_mean(beside.floor), grain=grain,
    )  # fmt: skip
    turned = planned.turned(at)
    judged = alarms(
        own.residuals, ModesAt(planned, at, times), rules, forecast, rates=planned.rates[at],
        turned=turned, until=None if planned.restart is None else int(np.searchsorted(at, planned.restart)),
        earlier=earlier,
    )  # fmt: skip
    run = Run(
        np.nan_to_num(own.residuals), forecast, np.zeros(len(at)) if turned is None else turned,
        ModesAt(planned, at, 1.0), stays(judged.found, own.residuals), rules.floor,
    )  # fmt: skip
    found, recent = [own.as_logged(alarm, beside.residuals) for alarm in dated(judged.found, run)], judged.recent
    z = planned.times(level)
    final_forecast = float(planned.loss[-1])
    last = len(steps) - 1
    found = without_consequences(found, last)
    offset, error = _end_off(planned, at, own.residuals, found, judged.noise, grain=grain.mean)
    alone = own if beside.correlation is None else independent(residuals)
    # rows whose noise the digits hide have but a saw-tooth, which is like itself
    again = None if grain.mean else repeated(np.nan_to_num(alone.residuals), rows=rules.rows, false_alarms=false_alarms)
    if again is not None:
        first, lag, alike = again
        cause = (
            f"the rows have the noise of those from step {int(steps[first - lag]):,} on (correlation {alike:.2f}): the "
            "data are repeated, as when a loader begins again on resuming"
        )
        size = float(np.mean(residuals[first:]) - np.mean(residuals[:first]))
        found = [*found, Alarm(kind="repeat", first=first, last=last, size=size, cause=cause)]
    found = _with_causes(found, residuals, steps, columns or {})
    state: State = "no rows" if last < 0 else "inside"
    for kind in GRAVITY:
        # an alarm that is not over is one of now; the gravest is told
        over = RUN if kind in LEVELS else 1
        if any(a.kind == kind and a.last > last - over for a in found):
            state = kind
    loss_state = state
    if off is not None and (off.lasts or state != "inside"):
        state = "rate"
    ends: tuple[float, Bounds] | None = None
    if state not in ("divergence", "plateau", "rate") and not any(a.kind == "drift" and a.last == last for a in found):
        final = final_forecast * exp(offset)
        ends = final, (final * exp(-z * error), final * exp(z * error))
    notes += [*tail_words(judged.tails, own.correlation), *_notes(rows, planned, len(steps))]
    expected: Bounds | None = None
    if last >= 0:
        spread = hypot(float(planned.spread_at(at[-1:])[0]), own.of_a_row(judged.noise))
        here = float(planned.loss[at[-1]])
        expected = (here * exp(-z * spread), here * exp(z * spread))
    return Tracked(
        state=state,
        loss_state=loss_state,
        rate=off,
        rate_logged=rates is not None,
        beyond=int((rows.steps > n).sum()),
        step=int(steps[-1]) if last >= 0 else None,
        loss=float(losses[-1]) if last >= 0 else None,
        forecast=float(planned.loss[at[-1]]) if last >= 0 else None,
        expected=expected,
        alarms=found,
        offset=recent.mean if recent else None,
        final_forecast=final_forecast,
        final=ends[0] if ends else None,
        final_interval=ends[1] if ends else None,
        steps=steps,
        losses=losses,
        residuals=residuals,
        noise=judged.noise,
        reach=judged.tails.above,
        rules=rules,
        notes=[*notes, *beside.words(steps, residuals)],
    )


def _independent(
    planned: Plan, steps: NDArray[np.int_], losses: Floats, units: Floats
) -> tuple[Floats, Paired, Independent, Grain, list[str]]:
    """Residuals of the rows, beside the noise that the fitted runs have, and as the rules want them; what the digits of
    the losses leave open, one of the last of which is ``units`` of each (rows,); of a smoothed log
    the rows that say something, and what was done."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(losses) - np.log(planned.loss[np.minimum(steps, planned.n_steps - 1)])
    residuals = np.where((losses > 0) & np.isfinite(losses), logs, np.nan)
    grain = grain_of(residuals, losses, units)
    beside = paired(residuals, steps, planned.batches)
    # a saw-tooth has neighbours that are alike, and was not smoothed
    own = Independent(beside.residuals, 0.0) if grain.mean else independent(beside.residuals)
    left = own.left_out
    later = msgspec.structs.replace(own, residuals=own.residuals[left:])
    return residuals[left:], beside.after(left), later, grain, [*own.words(), *grain.words()]


def _end_off(
    planned: Plan, at: NDArray[np.int_], residuals: Floats, found: list[Alarm], noise: float, *, grain: float
) -> tuple[float, float]:
    """How far the run will end off the forecast, and the standard deviation of that [log loss], by ``residuals`` of
    rows at steps ``at``: a shift that lasts stays, and without it the rows before say what they said."""
    shifts = [alarm for alarm in found if alarm.kind == "shift" and alarm.last == len(at) - 1]
    level = residuals.copy()
    for shift in shifts:
        level[shift.first :] -= shift.size
    now = of_now([alarm for alarm in found if alarm not in shifts], level)
    offset, error = settled(planned, at[now], level[now])
    errors = [noise / sqrt(len(at) - shift.first) for shift in shifts]
    return offset + sum(shift.size for shift in shifts), hypot(error, grain, *errors)


def _with_causes(found: list[Alarm], residuals: Floats, steps: NDArray[np.int_], columns: Columns) -> list[Alarm]:
    """The alarms, each with what the log shows beside it; a loss in another unit is one alone."""
    last = len(steps) - 1
    if found and (scale := scale_of(residuals)):
        return [Alarm(kind="drift", first=0, last=last, size=float(np.nanmedian(residuals)), cause=scale)]
    return [_with_cause(alarm, steps, columns, last) for alarm in found]


def _with_cause(alarm: Alarm, steps: NDArray[np.int_], columns: Columns, last: int) -> Alarm:
    """The alarm with what the log shows beside it, from a few rows before it on."""
    if alarm.cause:
        return alarm
    early = max(EARLIER, int(SHARE_EARLIER * len(steps)))
    first = int(steps[max(alarm.first - early, 0)])
    cause = cause_of(columns, first, int(steps[alarm.last]))
    if alarm.kind == "spike" and alarm.last == last:
        cause = "; ".join([*([cause] if cause else []), BEGINS])
    return msgspec.structs.replace(alarm, cause=cause)


def settled(planned: Plan, steps: NDArray[np.int_], residuals: Floats) -> tuple[float, float]:
    """How far the run will end off the forecast, and the standard deviation of that [log loss], by its healthy rows.

    The law's modes have coefficients that are one draw for the run: standard normal before, and known the better the
    more rows there are. With A (blocks, modes) the modes at blocks of rows, e the means of their residuals and R their
    variance, of noise and ``wander``, the coefficients are (A' R^-1 A + 1)^-1 A' R^-1 e, and (A' R^-1 A + 1)^-1 is
    their covariance; the modes at the last step make the end of them, weighed with the level of the last rows by how
    little the modes change from there to the end. The steps that are left add ``ANEW`` of the law's
    variance there, times their share of the run. Without rows: 0, and the law's error there.

    >>> knots = np.arange(100)
    >>> modes = np.full((100, 1), 0.01)
    >>> planned = Plan(rates=np.ones(100), loss=np.ones(100), knots=knots, modes=modes, basis="", first=0)
    >>> settled(planned, knots[:0], np.zeros(0))
    (0.0, 0.01)
    >>> rows = 0.005 + 0.001 * (-1.0) ** np.arange(50)
    >>> [round(v, 4) for v in settled(planned, knots[:50], rows)]
    [0.005, 0.005]
    """
    end = planned.modes_at(np.array([planned.n_steps - 1]))[0]
    before = float(np.linalg.norm(end))
    if not len(steps) or not planned.modes.any():
        return 0.0, before
    late = steps >= LATER * steps[-1]
    steps, residuals = steps[late], residuals[late]
    blocks = min(BLOCKS, len(steps))
    left = 1 - min(int(steps[-1]) + 1, planned.n_steps) / planned.n_steps
    cuts = np.linspace(0, len(steps), blocks + 1).astype(int)
    count = np.diff(cuts)
    means = np.add.reduceat(residuals, cuts[:-1]) / count
    modes = planned.modes_at(steps[(cuts[:-1] + cuts[1:]) // 2])
    deviation, degrees = noise_of(residuals).before(np.array([len(steps)]), len(steps))
    noise = float(deviation[0]) if degrees[0] >= 3 else planned.noise or UNKNOWN_NOISE
    weight = 1 / (noise**2 / count + max(planned.wander, 1e-9) ** 2)
    inverse = np.linalg.inv((modes * weight[:, None]).T @ modes + np.eye(modes.shape[1]))
    offset = float(end @ inverse @ (modes.T @ (weight * means)))
    spread = float(end @ inverse @ end) + planned.wander**2
    # the last rows' own level, which is the nearer to the end the fewer steps are left
    last, middle = residuals[-LAST:], steps[-LAST:][[len(steps[-LAST:]) // 2]]
    between = end - planned.modes_at(middle)[0]
    falls = MOVES * float(np.log(planned.loss[-1] / planned.loss[middle[0]]))
    strays = np.clip(2 * BLOCKS * left, 0.25, 2.0) * planned.wander**2 + 2 * left * before**2
    own = noise**2 / len(last) + float(between @ between) + falls**2 + float(strays)
    nearer = spread / max(spread + own, 1e-300)
    offset += nearer * (float(last.mean()) - offset)
    return offset, sqrt(spread * (1 - nearer) + ANEW * left * before**2)


def _notes(rows: Rows, planned: Plan, used: int) -> list[str]:
    """What was done to the log, in words."""
    notes = []
    if rows.restarts:
        times = "once" if len(rows.restarts) == 1 else f"{len(rows.restarts)} times, last"
        notes.append(f"the log goes back {times} to step {rows.restarts[-1]:,}; the later rows count")
    if rows.repeats:
        notes.append(f"the same step stands again in {_rows(rows.repeats)}; the last one counts")
    if rows.gaps:
        notes.append(f"about {rows.gaps:,} steps are missing between rows")
    n_last = int(rows.steps[-1]) if len(rows) else -1
    early, late = int((rows.steps < planned.first).sum()), int((rows.steps > planned.n_steps).sum())
    if early:
        notes.append(f"{_rows(early)} of warm-up left out: the law holds after it")
    if late:
        notes.append(f"{_rows(late)} after the schedule's {planned.n_steps:,} steps left out")
    if planned.restart is not None and planned.restart <= n_last:
        notes.append(
            f"the rate rises again from step {planned.restart:,} on, which laws are not fitted to: plateaus "
            "and slow divergences are looked for before it alone"
        )
    if used <= FEWEST:
        notes.append(f"{_rows(used)} after warm-up: until {FEWEST} a row is set beside the forecast alone")
    return notes


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
