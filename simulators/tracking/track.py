"""One look at a running job: its rows beside the forecast, the alarms, and the loss that it will end at."""

from __future__ import annotations

from math import ceil, exp, hypot, sqrt
from statistics import NormalDist
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.base import Bounds, Covariance
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.laws.curves.bands import DEGREES, basis_of, spread_of
from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.rates import Departure, departure
from lehr.simulators.tracking.rows import Rows
from lehr.simulators.tracking.rules import Alarm, Rules, Scatter, alarms

State = Literal["inside", "spike", "divergence", "drift", "shift", "rate", "no rows"]
STATES: dict[State, str] = {
    "inside": "inside the band",
    "spike": "SPIKE: the last row lies above the rows before it",
    "divergence": "DIVERGENCE: the last rows lie above the rows before them",
    "drift": "DRIFT: the run leaves its forecast",
    "shift": "SHIFT: the last rows lie off the rows before them by more than the forecast says",
    "rate": "RATE: the learning rate leaves the plan",
    "no rows": "no rows after warm-up yet",
}
"""Where a run stands."""
EARLY, FADES = 0.05, 0.5
"""What warm-up leaves in the loss at its end, that no law describes [log loss], and the share of its length within
which it falls by a factor e."""
N_BAND = 400
"""Steps at which a law's band is read; between them it is straight."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A forecast: the learning rate of every step (steps,), the loss there [law.loss_unit], and the law's error.

    ``spread`` is the standard deviation of a run about the law at each step, without the noise of its rows [log loss],
    with so many ``degrees`` of freedom (``None``: normal); ``basis`` says where that comes from. ``noise`` is that of
    the rows that the law was fitted to. ``first`` is the first step after warm-up, where the law begins to hold.
    """

    rates: Floats
    loss: Floats
    spread: Floats
    basis: str
    first: int
    degrees: int | None = None
    noise: float | None = None

    def times(self, level: float) -> float:
        """Standard deviations that hold ``level`` of all runs: Student's t, or normal."""
        if self.degrees is None:
            return NormalDist().inv_cdf((1 + level) / 2)
        return t_quantile((1 - level) / 2, self.degrees)

    @property
    def n_steps(self) -> int:
        """Steps of the whole run."""
        return len(self.rates)


def plan(law: CurveLaw, rates: Floats) -> Plan:
    """The forecast of a run with ``rates`` (steps,) by ``law``.

    The law's error is what the band of a run about it allows, without the noise of rows, where its fit has a
    covariance; else two thirds of the worst relative error on curves that were held out, an average of their worst
    rows; else nothing.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, worst_relative_error=0.004)
    >>> planned = plan(law, np.r_[np.linspace(0.0, 1e-3, 101), np.full(900, 1e-3)])
    >>> planned.n_steps, planned.first, round(float(planned.loss[-1]), 4), round(float(planned.spread[-1]), 3)
    (1001, 100, 3.5129, 0.003)
    """
    n = len(rates)
    peak = int(np.argmax(rates >= float(rates.max()) * (1 - 1e-9)))
    degrees, noise = None, None
    if isinstance(law.uncertainty, Covariance):
        at = np.unique(np.linspace(min(max(peak, 1), n - 1), n - 1, N_BAND).round().astype(int))
        spread = np.interp(np.arange(n), at, spread_of(law, rates, at))
        degrees, noise = DEGREES + (law.uncertainty.left_out or 0), law.uncertainty.residual
        basis = (
            f"{basis_of(law)}; a run strays by {spread[-1]:.2%} (standard deviation) at its end, and its rows scatter"
        )
    elif law.worst_relative_error is not None:
        spread = np.full(n, law.worst_relative_error * 2 / 3)
        basis = f"{law.worst_relative_error:.2%}, the law's worst relative error on curves that were held out"
    else:
        spread, basis = np.zeros(n), "nothing: the law states no error and is taken as exact"
    if peak and spread.any():
        since = np.maximum(np.arange(n) - peak, 0)
        spread = np.hypot(spread, EARLY * np.exp(-since / (FADES * peak)))
    return Plan(rates=rates, loss=law.loss(rates), spread=spread, basis=basis, first=peak, degrees=degrees, noise=noise)


class Tracked(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one look says. ``state`` is of the last row, or of the learning rate where that leaves the plan (``rate``);
    alarms that are over stand in ``alarms`` alone.

    ``residuals`` are log(loss) - log(forecast) of the rows after warm-up, whose steps and losses stand beside.
    ``expected`` is the interval of the last row's loss, ``final_interval`` that of the loss after the last step,
    ``noise`` the standard deviation of a healthy row [log loss]; ``offset`` is how far the last rows lie off the
    forecast [log loss]. ``final`` and ``final_interval`` are ``None`` where the law is not this run's (``astray``).
    """

    state: State
    rate: Departure | None
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
    rules: Rules
    notes: list[str]

    @property
    def outside(self) -> bool:
        """Is the run outside its band now?"""
        return self.state in ("spike", "divergence", "drift", "shift", "rate")

    @property
    def astray(self) -> str | None:
        """Why the law says nothing of this run's end; ``None`` where it does."""
        if self.final is not None:
            return None
        if self.state == "rate":
            return "the run has another learning rate than the plan, and the forecast is of the plan"
        if self.state == "divergence":
            return "the run diverges, which no law describes"
        return "the run has left its forecast by more than the law's error allows: the law is not this run's"


def track(
    planned: Plan,
    rows: Rows,
    *,
    false_alarms: float = 0.01,
    level: float = 0.95,
    rates: tuple[NDArray[np.int_], Floats] | None = None,
) -> Tracked:
    """Look at ``rows`` of a run that should follow ``planned``; ``rates`` are the steps and learning rates of its log.

    The rate comes first: a run on another schedule has no forecast here.

    A log counts updates from 0 or from 1: the row of step n of a run of n steps is that after the last one.
    Raises ``ValueError`` for rates of false alarms and levels that cannot be, and for a log that begins after the end.

    >>> from lehr.simulators.laws.curves import PowerOfSum
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
    off = None if rates is None else departure(planned.rates, *rates)
    inside = (rows.steps >= planned.first) & (rows.steps <= n)
    steps, losses = rows.steps[inside], rows.losses[inside]
    if not len(steps) and len(rows) and (late := rows.steps[rows.steps > n]).size:
        raise ValueError(
            f"the log's rows after warm-up begin at step {late[0]:,}, after the plan's {n:,} steps; write the whole "
            "run's schedule, or columns={step: <heading>} where this is no step"
        )
    at = np.minimum(steps, n - 1)
    rules = Rules.of(max(ceil((n - planned.first) / rows.spacing), len(steps), 1), false_alarms, planned.noise)
    with np.errstate(invalid="ignore", divide="ignore"):
        forecast = np.log(planned.loss[at])
        residuals = np.where(losses > 0, np.log(losses) - forecast, np.nan)
    judged = alarms(residuals, planned.times(1 - false_alarms) * planned.spread[at], rules, forecast)
    found, recent = judged.found, judged.recent
    z = planned.times(level)
    final_forecast = float(planned.loss[-1])
    offset, error = settled(recent, planned, int(at[-1]) if len(at) else 0)
    last = len(steps) - 1
    state: State = "no rows" if last < 0 else "inside"
    for kind in ("shift", "drift", "spike", "divergence"):
        # an alarm that is not over is one of now; the gravest is told
        over = rules.run if kind in ("divergence", "shift") else 1
        if any(a.kind == kind and a.last > last - over for a in found):
            state = kind
    if off is not None:
        state = "rate"
    ends: tuple[float, Bounds] | None = None
    if state not in ("divergence", "rate") and not _left(found, last, rules.run):
        final = final_forecast * exp(offset)
        ends = final, (final * exp(-z * error), final * exp(z * error))
    notes = _notes(rows, planned, len(steps), rules.reference)
    expected: Bounds | None = None
    if last >= 0:
        spread = hypot(float(planned.spread[at[-1]]), judged.noise)
        here = float(planned.loss[at[-1]])
        expected = (here * exp(-z * spread), here * exp(z * spread))
    return Tracked(
        state=state,
        rate=off,
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
        rules=rules,
        notes=notes,
    )


def _left(found: list[Alarm], last: int, run: int) -> bool:
    """Has the run left its forecast by row ``last``: drifts it, or is each of its last ``run`` rows a spike?"""
    least = {"drift": 1, "spike": run}
    return any(a.last == last and a.last - a.first + 1 >= least.get(a.kind, last + 2) for a in found)


def settled(recent: Scatter | None, planned: Plan, step: int) -> tuple[float, float]:
    """How far the run will end off the forecast, and the standard deviation of that [log loss].

    The law's error is one draw for a run, of standard deviation d now and D at the end, correlated by k, the share
    of the steps that are done. The mean of the last rows, with its standard error e, says what it is:
    k D / d times d^2 / (d^2 + e^2) times that mean, with variance D^2 (1 - k^2 d^2 / (d^2 + e^2)). Without rows: 0, D.

    >>> planned = Plan(rates=np.ones(100), loss=np.ones(100), spread=np.full(100, 0.01), basis="", first=0)
    >>> settled(None, planned, 0)
    (0.0, 0.01)
    >>> [round(v, 5) for v in settled(Scatter(0.01, 0.0707106781, 0.0, 50), planned, 99)]
    [0.005, 0.00707]
    """
    end, here = float(planned.spread[-1]), float(planned.spread[min(step, planned.n_steps - 1)])
    if recent is None or end == 0.0 or here == 0.0:
        return 0.0, end
    alike = min(step + 1, planned.n_steps) / planned.n_steps
    share = here**2 / (here**2 + recent.standard_error**2)
    return alike * end / here * share * recent.mean, end * sqrt(max(1 - alike**2 * share, 0.0))


def _notes(rows: Rows, planned: Plan, used: int, reference: int) -> list[str]:
    """What was done to the log, in words."""
    notes = []
    if rows.restarts:
        times = "once" if len(rows.restarts) == 1 else f"{len(rows.restarts)} times, last"
        notes.append(f"the log goes back {times} to step {rows.restarts[-1]:,}; the later rows count")
    if rows.repeats:
        notes.append(f"the same step stands again in {_rows(rows.repeats)}; the last one counts")
    if rows.gaps:
        notes.append(f"about {rows.gaps:,} steps are missing between rows")
    early, late = int((rows.steps < planned.first).sum()), int((rows.steps > planned.n_steps).sum())
    if early:
        notes.append(f"{_rows(early)} of warm-up left out: the law holds after it")
    if late:
        notes.append(f"{_rows(late)} after the schedule's {planned.n_steps:,} steps left out")
    if used <= reference:
        notes.append(f"{_rows(used)} after warm-up: until {reference} a row is set beside the forecast alone")
    return notes


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
