"""From logged runs to a curve law with its intervals, and to what the runs do not say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from statistics import NormalDist
from typing import Any

import msgspec
import numpy as np

from lehr.simulators.laws.base import Bounds, Covariance
from lehr.simulators.laws.curves import CURVE_LAWS, CurveForm, curve_form
from lehr.simulators.laws.curves.bands import CONSTANTS, FEWEST, MOST_STRAY, PRIOR_RUNS, strays
from lehr.simulators.laws.curves.base import CurveLaw, CurveRange
from lehr.simulators.laws.curves.batches import shared_noise
from lehr.simulators.laws.curves.fitting.descent import FOLLOWED, Problem, descend, first_points
from lehr.simulators.laws.curves.fitting.limits import check_runs, notes_on
from lehr.simulators.laws.curves.runs import LoggedRun, summed_up
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.quantities import Floats

STARTS = 16
"""Shapes that are tried by default, the first of them on a grid and the others drawn from the prior."""
ROWS_OF_STARTS = 40
"""Rows of a run, about, by which the starts are followed and set against each other."""
ROUNDS = 3
"""Times that the scale of the residuals is estimated again."""
FIRST_SCALE = 3e-3
LEAST_SCALE = 1e-7
"""Below it the residuals are the blocks' own error, not the runs' noise [log loss]."""
MOST_LAGS = 80
STRAYS, PIECES = 1.2e-3, 4
"""By how much a run strays from its law at least [log loss], and in how many pieces each in its own way: rows of one
run say no more of the constants than so many that err by so much, however little noise they have."""
BELIEVED = 0.3
"""Of that variance, in the minimum; the rest, in the covariance alone, would give the prior more say than predicts
best."""
AGREEMENT = 1e-4
"""Starts whose objectives differ by less than this share found the same minimum."""


class CurveFit(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A fitted law and how it was found.

    ``theta`` are the form's ``coordinates`` at the minimum, ``covariance`` theirs. ``residual`` is the log of measured
    over fitted loss of the rows used, ``scale`` its spread, and ``repeated`` how many neighbouring rows say the same;
    ``misfit`` is how far a run strays from a law fitted to the others, ``None`` where none can be left out.
    ``agreeing`` of ``followed`` starts, out of ``n_starts``, ended in this minimum. ``notes`` say what the runs do not
    determine.
    """

    law: CurveLaw
    kind: str
    runs: list[LoggedRun]
    coordinates: tuple[str, ...]
    theta: Floats
    covariance: Floats
    intervals: dict[str, Bounds]
    residual: list[Floats]
    scale: float
    repeated: float
    misfit: float | None
    n_starts: int
    followed: int
    agreeing: int
    notes: list[str]


def fit_curve(
    runs: Sequence[LoggedRun],
    kind: str = "multi_power",
    *,
    starts: int = STARTS,
    name: str = "fitted",
    title: str | None = None,
    level: float = 0.95,
) -> CurveFit:
    """Fit the law of ``kind`` to the logged losses of ``runs``.

    Huber's loss on the log loss, with a threshold at the median residual, so that one half of the rows counts by its
    square and the other by its size, or at ``STRAYS`` where that is more. Each run counts the same, its rows by
    ``CurveForm.weight_power``. The rows of a run follow one another, so that a constant's interval is widened by the
    autocorrelation of the residuals. Shape constants that few runs can tell have a prior (``forms``); ``notes``
    names those that it decides.

    ``level`` is that of ``intervals``.

    Raises ``ValueError`` where the runs cannot determine the form: no rows, or no rate that falls for a law that has
    an annealing term.

    >>> import numpy as np
    >>> from lehr.simulators.laws.curves import Momentum
    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> law = Momentum(name="x", title="", L0=2.5, A=0.5, alpha=0.4, C=1.0, decay=0.99)
    >>> falling = np.r_[np.full(2000, 3e-4), np.linspace(3e-4, 3e-5, 1000)]
    >>> rows = np.arange(50, 3000, 50)
    >>> logs = [make_run(n, rows, law.loss(r)[rows], r) for n, r in (("a", falling), ("b", np.full(3000, 3e-4)))]
    >>> fit = fit_curve(logs, "momentum")
    >>> round(fit.law.alpha, 3), round(fit.law.decay, 3)
    (0.4, 0.99)
    """
    form = curve_form(kind)
    if starts < 1:
        raise ValueError(f"starts is {starts}; write 1 or more")
    check_runs(runs, form)
    after = [run.after_warm_up() for run in runs]
    used = [summed_up(run) for run in runs]
    peak = max(float(run.rates.max()) for run in used)
    n_rows = sum(map(len, used))
    if n_rows <= len(form.coordinates):
        raise ValueError(f"{n_rows} rows after warm-up; {kind} has {len(form.coordinates)} constants to fit")
    problem = problem_of(used, form, peak)
    # which start is best needs fewer rows than where its minimum is
    few = [run.take(np.arange(0, len(run), max(len(run) // ROWS_OF_STARTS, 1))) for run in used]
    coarse = problem_of(few, form, peak)
    points = first_points(coarse, first_shapes(form, starts))
    ends = sorted((descend(coarse, point) for point in points[:FOLLOWED]), key=lambda end: end[1])
    agreeing = sum(value <= ends[0][1] * (1 + AGREEMENT) + AGREEMENT for _, value in ends)
    best = settle(problem, ends[0][0], used)
    aside = left_out(used, form, peak, best)
    constants = form.to_constants(best.theta, peak)
    slopes = np.stack([slope for _, slope in constants.values()])
    covariance = slopes @ best.covariance @ slopes.T
    fields: dict[str, Any] = {parameter.removeprefix("log "): value for parameter, (value, _) in constants.items()}
    law = CURVE_LAWS[kind](
        name=name,
        title=title or f"{kind.replace('_', ' ').capitalize()} law fitted to {', '.join(run.name for run in runs)}",
        range=CurveRange(
            steps=(float(min(run.steps[0] for run in used)), float(max(run.steps[-1] for run in runs))),
            peak_rate=(min(float(run.rates.max()) for run in used), peak),
        ),
        uncertainty=Covariance(
            parameters=list(constants),
            covariance=covariance.tolist(),
            residual=best.spread,
            misfit=aside.misfit,
            strays=aside.strays,
            left_out=aside.runs,
        ),
        **fields,
    )
    law = msgspec.structs.replace(law, batches=shared_noise([(run.steps, about(law, run)) for run in after]))
    return CurveFit(
        law=law,
        kind=kind,
        runs=list(runs),
        coordinates=form.coordinates,
        theta=best.theta,
        covariance=best.covariance,
        intervals=intervals_of({p: v for p, (v, _) in constants.items()}, covariance, level),
        residual=best.residual,
        scale=best.scale,
        repeated=best.repeated,
        misfit=aside.misfit,
        n_starts=len(points),
        followed=len(ends),
        agreeing=agreeing,
        notes=notes_on(used, form, best.theta, best.covariance, aside.misfit),
    )


def about(law: CurveLaw, run: LoggedRun) -> Floats:
    """The log of measured over fitted loss of every row (rows,); not a number where a law gives a loss below 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log(run.loss / law.loss(run.rates, changed_at=run.changed_at)[run.steps]))


class Settled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A minimum whose scale agrees with its residuals; ``spread`` is the residuals' standard deviation."""

    theta: Floats
    covariance: Floats
    residual: list[Floats]
    scale: float
    repeated: float

    @property
    def spread(self) -> float:
        """Of the residuals, with outliers held at four scales [log loss]."""
        clipped = np.clip(np.concatenate(self.residual), -4 * self.scale, 4 * self.scale)
        return float(np.sqrt(np.mean(clipped**2)))


def problem_of(used: Sequence[LoggedRun], form: CurveForm, peak: float) -> Problem:
    """The minimisation, with a first guess of the residuals' scale."""
    return Problem(
        form=form,
        design=form.design(used, peak),
        log_loss=np.log(np.concatenate([run.loss for run in used])),
        weight=row_weights(used, form.weight_power),
        delta=FIRST_SCALE,
        variance=FIRST_SCALE**2,
    )


def settle(problem: Problem, theta: Floats, used: Sequence[LoggedRun], rounds: int = ROUNDS) -> Settled:
    """From a first minimum to one whose threshold, scale and repetition are those of its own residuals.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> rates = np.full(1000, 1e-3)
    >>> rows = np.arange(9, 1000, 10)
    >>> used = [make_run("a", rows, law.loss(rates)[rows] * np.exp(1e-3 * (-1.0) ** np.arange(100)), rates)]
    >>> problem = problem_of(used, curve_form("power_of_sum"), 1e-3)
    >>> found = settle(problem, np.array([3.0, np.log(0.5), 0.5]), used)
    >>> round(float(found.theta[2]), 2), round(found.scale, 4), round(found.repeated, 1)
    (0.5, 0.0015, 1.0)
    """
    cuts = np.cumsum([len(run) for run in used])[:-1]
    scale, repeated = FIRST_SCALE, 1.0
    for _ in range(rounds):
        error = problem.model(theta)[0] - problem.log_loss
        scale = max(float(1.4826 * np.median(np.abs(error))), LEAST_SCALE)
        repeated = repeats(np.split(np.clip(error, -3 * scale, 3 * scale), cuts))
        # a form without a prior on every constant has nothing else to believe
        least = BELIEVED * straying(len(error), len(used)) if problem.form.shares else 0.0
        variance = max(scale**2 * repeated, least)
        # what the law itself errs by is no outlier: else many quiet rows of a constant rate outvote the decay's few
        problem = msgspec.structs.replace(problem, delta=max(scale / 1.4826, STRAYS), variance=variance)
        theta, _ = descend(problem, theta)
    predicted, jacobian = problem.model(theta)
    residual = problem.log_loss - predicted
    return Settled(
        theta=theta,
        covariance=covariance_of(problem, residual, jacobian, repeated=repeated, n_runs=len(used)),
        residual=np.split(residual, cuts),
        scale=scale,
        repeated=repeated,
    )


def straying(rows: int, runs: int) -> float:
    """The variance of one of ``rows`` of ``runs`` that say no more than ``PIECES`` of each run [log loss squared].

    >>> straying(400, 2) == 1.2e-3**2 * 50
    True
    """
    return STRAYS**2 * rows / (PIECES * runs)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """What runs that were each left out once say: ``runs`` of them strayed by ``misfit`` [log loss, root mean square],
    which is ``strays`` of the variance that a band allows without them; no ``misfit`` where none could be left out."""

    runs: int
    strays: float
    misfit: float | None


def left_out(used: Sequence[LoggedRun], form: CurveForm, peak: float, best: Settled) -> LeftOut:
    """Each run beside a law fitted to the others: how far it strays, and how far a band would have let it."""
    ratios, squares = [], []
    for i, run in enumerate(used):
        others = [one for j, one in enumerate(used) if j != i]
        if not others or (form.anneals and not any(one.anneals for one in others)):
            continue
        if sum(map(len, others)) <= len(form.coordinates):
            continue
        held = settle(problem_of(others, form, peak), best.theta, others, rounds=2)
        alone = problem_of([run], form, peak)
        predicted, jacobian = alone.model(held.theta)
        explained = np.einsum("ti,ij,tj->t", jacobian, held.covariance, jacobian)
        # the derivatives by the logarithms of the first constants are the parts of the loss
        forward = jacobian[:, 1]
        level = jacobian[:, 2 : 2 + form.annealing].sum(axis=1)
        peaks = [float(one.rates.max()) for one in others]
        straying = strays(
            forward,
            np.maximum.accumulate(level) - level,
            np.maximum(level, 0.0),
            longer=np.log(np.maximum(run.steps / max(one.steps[-1] for one in others), 1.0)),
            apart=min(abs(float(np.log(run.rates.max() / p))) for p in (min(peaks), max(peaks))),
        )
        allowed = CONSTANTS * explained + np.sum(straying**2, axis=1)
        square = (predicted - alone.log_loss) ** 2
        ratios.append(float(np.mean(np.minimum(square / (allowed + held.spread**2), MOST_STRAY))))
        squares.append(float(np.mean(square)))
    if not ratios:
        return LeftOut(runs=0, strays=1.0, misfit=None)
    pooled = (PRIOR_RUNS + plain_sum(ratios)) / (PRIOR_RUNS + len(ratios))
    return LeftOut(runs=len(ratios), strays=max(pooled, FEWEST), misfit=float(np.sqrt(np.mean(squares))))


def first_shapes(form: CurveForm, starts: int) -> list[Floats]:
    """The shapes a search begins with: the grid of each coordinate's ``tried``, then draws from the prior.

    >>> [point.tolist() for point in first_shapes(curve_form("power_of_sum"), 2)]
    [[0.3], [0.6]]
    """
    grid = [np.array(point) for point in product(*(shape.tried for shape in form.shapes))]
    generator = np.random.default_rng(0)
    while len(grid) < starts:
        grid.append(
            np.array(
                [
                    generator.uniform(0.1, 1.0)
                    if not np.isfinite(s.spread)
                    else np.clip(generator.normal(s.centre, s.spread), s.low, s.high)
                    for s in form.shapes
                ]
            )
        )
    return grid[:starts]


def row_weights(runs: Sequence[LoggedRun], power: float) -> Floats:
    """Weights with mean one: each run the same in all, within a run s^-power at step s.

    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> rates = np.ones(401)
    >>> runs = [make_run("a", [100, 400], [3, 2], rates), make_run("b", [400], [2], rates)]
    >>> row_weights(runs, 0.5).round(3).tolist()
    [1.0, 0.5, 1.5]
    """
    parts = []
    for run in runs:
        weight = np.maximum(run.steps, 1.0) ** -power
        parts.append(weight / weight.sum())
    weights = np.concatenate(parts)
    return np.asarray(weights / weights.mean())


def repeats(residuals: Sequence[Floats]) -> float:
    """1 + 2 sum of the autocorrelations up to the first that is not positive: how many rows say the same.

    >>> repeats([np.array([1.0, -1.0] * 50)])
    1.0
    """
    lags = min(MOST_LAGS, max(len(r) for r in residuals) // 2)
    products = np.zeros(lags + 1)
    for r in residuals:
        for lag in range(min(lags, len(r) - 1) + 1):
            products[lag] += r[lag:] @ r[: len(r) - lag]
    if products[0] <= 0:
        return 1.0
    correlation = products[1:] / products[0]
    below = np.flatnonzero(correlation <= 0)
    return float(1 + 2 * correlation[: below[0] if len(below) else lags].sum())


def covariance_of(problem: Problem, residual: Floats, jacobian: Floats, *, repeated: float, n_runs: int) -> Floats:
    """The covariance of the M-estimate with unequal weights, its prior and rows that repeat each other.

    V = H^-1 (J' W^2 J / v + P) H^-1 with H = J' W J / v + P, P the prior's precision and v = repeated E[psi^2] /
    E[psi']^2, the asymptotic variance of Huber's estimate (Huber 1964), times n / (n - p) of the independent rows; at
    least that of runs that stray (``STRAYS``).
    """
    n, p = jacobian.shape
    psi = np.clip(residual, -problem.delta, problem.delta)
    inside = max(float(np.mean(np.abs(residual) <= problem.delta)), 0.1)
    independent = max(n / repeated, p + 1.0)
    variance = max(
        float(np.mean(psi**2)) / inside**2 * repeated * independent / max(independent - p, 0.25 * independent),
        LEAST_SCALE**2,
        straying(n, n_runs),
    )
    precision = np.diag(problem.prior[1])
    size = np.sqrt(np.sum(jacobian**2, axis=0) / variance + np.diag(precision))
    size = np.where(size > 0, size, 1.0)
    scaled = jacobian / size
    prior = precision / np.outer(size, size)
    bread = (scaled * problem.weight[:, None]).T @ scaled / variance + prior
    meat = (scaled * problem.weight[:, None] ** 2).T @ scaled / variance + prior
    values, vectors = np.linalg.eigh(bread)
    inverse = (vectors / np.maximum(values, 1e-12)) @ vectors.T
    return np.asarray((inverse @ meat @ inverse) / np.outer(size, size))


def intervals_of(constants: dict[str, float], covariance: Floats, level: float) -> dict[str, Bounds]:
    """The central interval of each constant, by its logarithm where ``constants`` names that.

    Raises ``ValueError`` unless 0 < ``level`` < 1.

    >>> low, high = intervals_of({"log A": 2.0}, np.array([[0.01]]), 0.95)["A"]
    >>> round(low, 3), round(high, 3)
    (1.644, 2.433)
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; write a share between 0 and 1, such as 0.95")
    quantile = NormalDist().inv_cdf((1 + level) / 2)
    out = {}
    for (parameter, value), variance in zip(constants.items(), np.diag(covariance), strict=True):
        half = quantile * float(np.sqrt(variance))
        if parameter.startswith("log "):
            factor = float(np.exp(min(half, 300.0)))
            out[parameter.removeprefix("log ")] = (value / factor, value * factor)
        else:
            high = value + half
            out[parameter] = (value - half, min(high, 1.0) if parameter == "decay" else high)
    return out
