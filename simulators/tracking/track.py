"""One look at a running job: its rows beside the forecast, the alarms, and the loss that it will end at."""

from __future__ import annotations

from math import ceil, exp, sqrt
from statistics import NormalDist
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.base import Bounds, Covariance
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.laws.curves.bands import band
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.rows import Rows
from lehr.simulators.tracking.rules import REFERENCE, Alarm, Rules, Scatter, alarms

State = Literal["inside", "spike", "divergence", "drift", "no rows"]
STATES: dict[State, str] = {
    "inside": "inside the band",
    "spike": "SPIKE: the last row lies above the rows before it",
    "divergence": "DIVERGENCE: the last rows lie above the rows before them",
    "drift": "DRIFT: the run leaves its forecast",
    "no rows": "no rows after warm-up yet",
}
"""Where a run stands."""
N_BAND = 400
"""Steps at which a law's band is read; between them it is straight."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A forecast: the learning rate of every step (steps,), the loss there [law.loss_unit], and the law's error.

    ``allowance`` is by how much the law's curve may be wrong at each step [log loss], two standard deviations of it;
    ``basis`` says where that comes from. ``first`` is the first step after warm-up, where the law begins to hold.
    """

    rates: Floats
    loss: Floats
    allowance: Floats
    basis: str
    first: int

    @property
    def n_steps(self) -> int:
        """Steps of the whole run."""
        return len(self.rates)


def plan(law: CurveLaw, rates: Floats) -> Plan:
    """The forecast of a run with ``rates`` (steps,) by ``law``.

    The allowance is the half-width of the 95 % band of a run about the law where its fit has a covariance, else the
    worst relative error on curves that were held out, else nothing.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, worst_relative_error=0.004)
    >>> planned = plan(law, np.r_[np.linspace(0.0, 1e-3, 101), np.full(900, 1e-3)])
    >>> planned.n_steps, planned.first, round(float(planned.loss[-1]), 4), float(planned.allowance[-1])
    (1001, 100, 3.5129, 0.004)
    """
    n = len(rates)
    peak = int(np.argmax(rates >= float(rates.max()) * (1 - 1e-9)))
    if isinstance(law.uncertainty, Covariance):
        at = np.unique(np.linspace(min(max(peak, 1), n - 1), n - 1, N_BAND).round().astype(int))
        low, high = band(law, rates, steps=at)
        allowance = np.interp(np.arange(n), at, np.log(high / low) / 2)
        basis = "the 95 % band of a run about the law, from the covariance of its fit and its residual"
    elif law.worst_relative_error is not None:
        allowance = np.full(n, law.worst_relative_error)
        basis = f"{law.worst_relative_error:.2%}, the law's worst relative error on curves that were held out"
    else:
        allowance, basis = np.zeros(n), "nothing: the law states no error and is taken as exact"
    return Plan(rates=rates, loss=law.loss(rates), allowance=allowance, basis=basis, first=peak)


class Tracked(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one look says. ``state`` is of the last row; alarms that are over stand in ``alarms`` alone.

    ``residuals`` are log(loss) - log(forecast) of the rows after warm-up, whose steps and losses stand beside.
    ``expected`` is the interval of the last row's loss, ``final_interval`` that of the loss after the last step,
    ``noise`` the standard deviation of a healthy row [log loss]; ``offset`` is how far the last rows lie off the
    forecast [log loss].
    """

    state: State
    step: int | None
    loss: float | None
    forecast: float | None
    expected: Bounds | None
    alarms: list[Alarm]
    offset: float | None
    final_forecast: float
    final: float
    final_interval: Bounds
    steps: NDArray[np.int_]
    losses: Floats
    residuals: Floats
    noise: float
    rules: Rules
    notes: list[str]

    @property
    def outside(self) -> bool:
        """Is the run outside its band now?"""
        return self.state in ("spike", "divergence", "drift")


def track(planned: Plan, rows: Rows, *, false_alarms: float = 0.01, level: float = 0.95) -> Tracked:
    """Look at ``rows`` of a run that should follow ``planned``.

    A log counts updates from 0 or from 1: the row of step n of a run of n steps is that after the last one.
    Raises ``ValueError`` for rates of false alarms and levels that cannot be.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> from lehr.simulators.tracking.rows import in_order
    >>> planned = plan(PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5), np.full(1000, 1e-3))
    >>> steps = np.arange(9, 500, 2)
    >>> losses = planned.loss[steps] * (1 + 0.001 * np.sin(steps**2))
    >>> losses[-1] *= 1.1
    >>> seen = track(planned, in_order(steps, losses))
    >>> seen.state, seen.step, round(seen.final, 2)
    ('spike', 499, 3.5)
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; write a share between 0 and 1, such as 0.95")
    n = planned.n_steps
    inside = (rows.steps >= planned.first) & (rows.steps <= n)
    steps, losses = rows.steps[inside], rows.losses[inside]
    at = np.minimum(steps, n - 1)
    rules = Rules(rows=max(ceil((n - planned.first) / rows.spacing), len(steps), 1), false_alarms=false_alarms)
    with np.errstate(invalid="ignore", divide="ignore"):
        residuals = np.where(losses > 0, np.log(losses) - np.log(planned.loss[at]), np.nan)
    judged = alarms(residuals, planned.allowance[at], rules)
    found, recent = judged.found, judged.recent
    z = NormalDist().inv_cdf((1 + level) / 2)
    final_forecast = float(planned.loss[-1])
    offset, error = settled(recent, planned, int(at[-1]) if len(at) else 0)
    final = final_forecast * exp(offset)
    last = len(steps) - 1
    state: State = "no rows" if last < 0 else "inside"
    for kind in ("drift", "spike", "divergence"):
        # an alarm that is not over is one of now; the gravest is told
        over = rules.run if kind == "divergence" else 1
        if any(a.kind == kind and a.last > last - over for a in found):
            state = kind
    notes = _notes(rows, planned, len(steps))
    expected: Bounds | None = None
    if last >= 0:
        spread = sqrt((planned.allowance[at[-1]] / 2) ** 2 + judged.noise**2)
        here = float(planned.loss[at[-1]])
        expected = (here * exp(-z * spread), here * exp(z * spread))
    return Tracked(
        state=state,
        step=int(steps[-1]) if last >= 0 else None,
        loss=float(losses[-1]) if last >= 0 else None,
        forecast=float(planned.loss[at[-1]]) if last >= 0 else None,
        expected=expected,
        alarms=found,
        offset=recent.mean if recent else None,
        final_forecast=final_forecast,
        final=final,
        final_interval=(final * exp(-z * error), final * exp(z * error)),
        steps=steps,
        losses=losses,
        residuals=residuals,
        noise=judged.noise,
        rules=rules,
        notes=notes,
    )


def settled(recent: Scatter | None, planned: Plan, step: int) -> tuple[float, float]:
    """How far the run will end off the forecast, and the standard deviation of that [log loss].

    With a = the allowance at the end: the law's error so far is drawn once for a run, with standard deviation d = a/2;
    the mean of the last rows, with its standard error e, says what it is: d^2 / (d^2 + e^2) times that mean, with
    variance d^2 e^2 / (d^2 + e^2). What the rest of the schedule adds has standard deviation a times the square root of
    the share of the steps that is left: a law is at its worst in the annealing that comes last. Without rows, 0 and a.

    >>> planned = Plan(rates=np.ones(100), loss=np.ones(100), allowance=np.full(100, 0.02), basis="", first=0)
    >>> settled(None, planned, 0)
    (0.0, 0.02)
    >>> [round(v, 5) for v in settled(Scatter(0.01, 0.0707106781, 0.0, 50), planned, 99)]
    [0.005, 0.00707]
    """
    a = float(planned.allowance[-1])
    if recent is None or a == 0.0:
        return 0.0, a
    d, e = a / 2, recent.standard_error
    left = 1 - min(step + 1, planned.n_steps) / planned.n_steps
    share = d * d / (d * d + e * e)
    return share * recent.mean, sqrt(share * e * e + left * a * a)


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
    early, late = int((rows.steps < planned.first).sum()), int((rows.steps > planned.n_steps).sum())
    if early:
        notes.append(f"{_rows(early)} of warm-up left out: the law holds after it")
    if late:
        notes.append(f"{_rows(late)} after the schedule's {planned.n_steps:,} steps left out")
    if used <= REFERENCE:
        notes.append(f"{_rows(used)} after warm-up: the rules for spikes, divergence and drift begin after {REFERENCE}")
    return notes


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
