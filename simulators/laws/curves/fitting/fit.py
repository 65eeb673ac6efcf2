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
from lehr.simulators.laws.curves.base import CurveLaw, CurveRange
from lehr.simulators.laws.curves.batches import shared_noise
from lehr.simulators.laws.curves.fitting.descent import first_points, meet, race
from lehr.simulators.laws.curves.fitting.leaving import left_out
from lehr.simulators.laws.curves.fitting.limits import check_runs, notes_on
from lehr.simulators.laws.curves.fitting.minimum import Settled, poorness, problem_of, settle
from lehr.simulators.laws.curves.runs import LoggedRun, summed_up
from lehr.simulators.quantities import Floats

STARTS = 16
"""Shapes that are tried by default, the first of them on a grid and the others drawn from the prior."""
ROWS_OF_STARTS = 40
"""Rows of a run, about, by which the starts are followed and set against each other."""
NEAR, SETTLED = 6.0, 3
"""Ends whose objectives are no more than this above the best are settled on all rows, so many at most: another scale
of the residuals may turn them round. It is half a chi-square."""
RIVAL = 2.0
"""A minimum that describes the rows worse by no more, a likelihood of one to seven, is named beside the best."""


class CurveFit(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A fitted law and how it was found.

    ``theta`` are the form's ``coordinates`` at the minimum, ``covariance`` theirs. ``residual`` is the log of measured
    over fitted loss of the rows used, ``scale`` its spread, and ``repeated`` how many neighbouring rows say the same;
    ``misfit`` is how far a run strays from a law fitted to the others, ``None`` where none can be left out, and
    ``errors`` the mean relative error [1] of each that can.
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
    errors: dict[str, float]
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
    ends = race(coarse, points)
    near = [end for end in ends if end.value <= ends[0].value + NEAR][:SETTLED]
    settled = [settle(problem, end.theta, used) for end in near]
    poor = poorness(problem, settled, used)
    first = int(np.argmin(poor))
    best, least = settled[first], poor[first]
    agree = [meet((one.theta, bad), (best.theta, least)) for one, bad in zip(settled, poor, strict=True)]
    rivals = [settled[i] for i, same in enumerate(agree) if not same and poor[i] < least + RIVAL]
    aside = left_out(used, after, form, peak, best)
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
            strays_annealed=aside.strays_annealed,
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
        errors=aside.errors,
        n_starts=len(points),
        followed=sum(end.met for end in ends),
        agreeing=sum(end.met for end, same in zip(near, agree, strict=True) if same),
        notes=[*rivals_of(best, rivals), *notes_on(used, form, best.theta, best.covariance, aside.misfit)],
    )


def rivals_of(best: Settled, rivals: Sequence[Settled]) -> list[str]:
    """One line for each minimum that describes the rows nearly as well as the ``best``."""
    return [
        f"another minimum describes the rows nearly as well: its L0 is {float(one.theta[0]):.4g}, not "
        f"{float(best.theta[0]):.4g}, its residuals {one.scale:.3%}, not {best.scale:.3%}; another run tells them apart"
        for one in rivals
    ]


def about(law: CurveLaw, run: LoggedRun) -> Floats:
    """The log of measured over fitted loss of every row (rows,); not a number where a law gives a loss below 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log(run.loss / law.loss(run.rates, changed_at=run.changed_at)[run.steps]))


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
