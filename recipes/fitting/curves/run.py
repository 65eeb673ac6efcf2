"""``lehr fit`` for curve laws: read the logs, fit, and hold test runs against the law."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import level_of, name_of, starts_of
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.fitting.arguments import BEST, several, stem_of
from lehr.recipes.fitting.curves.result import CurveSettings, FittedCurves, Judged
from lehr.recipes.reading import LogReading, ReadRun, read_runs
from lehr.simulators.evidence import Fact, Provenance
from lehr.simulators.laws.curves import CURVE_LAWS, CurveLaw
from lehr.simulators.laws.curves.bands import centre_and_factor, row_noise
from lehr.simulators.laws.curves.fitting import (
    COMPARED,
    STARTS,
    CurveComparison,
    CurveFit,
    LoggedRun,
    compare_curves,
    fit_curve,
    mean_score,
    score_of,
)

MOST_ERROR = 0.05
"""Mean relative error on the fitted rows above which a law describes nothing: public runs have 0.001."""


def settings_of(job: Composed, kind: str) -> CurveSettings:
    """The settings of a curve's fit. Raises ``LehrError`` that names the one that is wrong."""
    data, test = several(job, "data"), several(job, "test")
    if not data:
        raise LehrError("data: nothing to fit; write data='[runA.csv, runB.csv]', a log for each run")
    if both := set(data) & set(test):
        raise LehrError(f"test: {sorted(both)[0]} is among the fitted runs; hold another one out")
    starts = starts_of(job)
    given: list[str] | None = job.setting("forms", list[str] | None)
    if unknown := [form for form in given or [] if form not in CURVE_LAWS]:
        raise LehrError(f"forms: {unknown[0]!r} is no form of a curve; {nearest(unknown[0], CURVE_LAWS)}")
    return CurveSettings(
        kind=kind,
        data=data,
        test=test,
        reading=LogReading(
            columns=job.setting("columns", dict[str, str] | None) or {},
            warmup_steps=job.setting("warmup_steps", int | None),
            schedule=job.setting("schedule", str | dict[str, Any] | None),
            changed_at=job.setting("changed_at", int | None),
            from_step=job.setting("from_step", int | None),
            row_steps=job.setting("row_steps", int | None),
            batch_tokens=job.setting("batch_tokens", float | None),
            after=job.setting("after", str | None),
            loss_unit=job.setting("loss_unit", str | None),
        ),
        starts=STARTS if starts is None else starts,
        level=level_of(job),
        name=name_of(job, stem_of(data[0]) if kind == BEST else f"{kind}_{stem_of(data[0])}"),
        pictures=job.setting("pictures", bool),
        forms=(list(COMPARED) if kind == BEST else []) if given is None else given,
    )


def fit_job(job: Composed, kind: str) -> FittedCurves:
    """The fit that the settings ask for. Raises ``LehrError`` for a mistake in the input."""
    return fit_logs(settings_of(job, kind))


def fit_logs(settings: CurveSettings) -> FittedCurves:
    """Everything up to the files. Raises ``LehrError`` for logs that cannot be read or do not determine the law."""
    read = counted_once(read_runs(settings.data, settings.reading))
    tested = read_runs(settings.test, settings.reading)
    for one in tested:
        if (same := next((other.run.name for other in read if within(one.run, other.run)), None)) is not None:
            raise LehrError(
                f"test: the rows of {one.run.name} are those of {same}, which is fitted; hold another one out"
            )
    for one in [*read, *tested]:
        if one.unit != read[0].unit:
            raise LehrError(
                f"{one.run.name}: losses in {one.unit}, and {read[0].unit} in {read[0].run.name}; fit runs of one unit"
            )
    try:
        fit, comparison = chosen([one.run for one in read], settings)
        runs = [judge(fit.law, one.run, settings.level, held_out=False) for one in read]
        runs += [judge(fit.law, one.run, settings.level, held_out=True) for one in tested]
    except ValueError as error:
        raise LehrError(f"{', '.join(settings.data)}: {error}") from error
    describes(fit, runs, settings)
    held_out = [one.score for one in runs if one.held_out]
    errors: dict[str, Any] = {}
    if held_out:
        mean = mean_score(held_out)
        errors = {
            "relative_error": mean.mean_relative_error,
            "worst_relative_error": mean.worst_relative_error,
        }
    law = msgspec.structs.replace(
        fit.law, loss_unit=read[0].unit, provenance=Provenance(default=fact_of(settings, fit, len(held_out))), **errors
    )
    return FittedCurves(
        settings=settings,
        fit=fit,
        law=law,
        runs=runs,
        read={one.run.name: one.notes for one in [*read, *tested]},
        comparison=comparison,
    )


def within(run: LoggedRun, other: LoggedRun) -> bool:
    """Are the rows of ``run`` rows of ``other``, to the last digit, and its rates there to a hundredth?"""
    if len(run) > len(other) or len(run.rates) > len(other.rates):
        return False
    at = np.minimum(np.searchsorted(other.steps, run.steps), len(other) - 1)
    same = np.array_equal(other.steps[at], run.steps) and np.array_equal(other.loss[at], run.loss)
    # a schedule is recognised a little otherwise from fewer rows
    return same and np.allclose(other.rates[run.steps], run.rates[run.steps], rtol=0.01, atol=0.0)


def counted_once(read: list[ReadRun]) -> list[ReadRun]:
    """The runs without those whose rows are another's too: a copy, or a log of the same run that ends earlier."""
    out: list[ReadRun] = []
    # of copies the first stays
    for one in sorted(read, key=lambda one: -len(one.run)):
        at = next((i for i, other in enumerate(out) if within(one.run, other.run)), None)
        if at is None:
            out.append(one)
        else:
            note = f"{one.run.name} has the same rows ({len(one.run)}) and is left out: one run counts once"
            out[at] = msgspec.structs.replace(out[at], notes=[*out[at].notes, note])
    order = [one.run.name for one in read]
    return sorted(out, key=lambda one: order.index(one.run.name))


def chosen(runs: list[LoggedRun], settings: CurveSettings) -> tuple[CurveFit, CurveComparison | None]:
    """The fit of the form that is asked for, or of the one that forecasts runs left out best; forms beside it."""
    options: dict[str, Any] = {"starts": settings.starts, "name": settings.name, "level": settings.level}
    forms = list(dict.fromkeys([*settings.forms, *([settings.kind] if settings.kind != BEST else [])]))
    if settings.kind != BEST and len(forms) == 1:
        return fit_curve(runs, settings.kind, **options), None
    comparison = compare_curves(runs, forms, **options)
    wanted = comparison.use if settings.kind == BEST else settings.kind
    fit = next((score.fit for score in comparison.scores if score.form == wanted), None)
    # a form that has no run to be judged by is fitted all the same where it is asked for
    return fit or fit_curve(runs, wanted, **options), comparison


def describes(fit: CurveFit, runs: list[Judged], settings: CurveSettings) -> None:
    """Raises ``LehrError`` where the law misses its own rows by so much that it describes nothing."""
    error = mean_score([one.score for one in runs if not one.held_out]).mean_relative_error
    if not error <= MOST_ERROR:
        raise LehrError(
            f"{', '.join(settings.data)}: the {fit.kind} law misses its own rows by {error:.0%} on average: these "
            "losses are of no such run (memorised data, several runs in one, another quantity); nothing is written"
        )


def judge(law: CurveLaw, run: LoggedRun, level: float, *, held_out: bool) -> Judged:
    """``law`` beside the rows of ``run`` after warm-up, of which a curve law says nothing."""
    after = run.after_warm_up()
    rates = after.rates[: int(after.steps[-1]) + 1]
    noise = row_noise(after.loss)
    predicted, factor = centre_and_factor(
        law, rates, level=level, steps=after.steps, changed_at=after.changed_at, noise=noise
    )
    low, high = predicted / factor, predicted * factor
    return Judged(
        run=after,
        held_out=held_out,
        predicted=predicted,
        low=low,
        high=high,
        score=score_of(after, predicted),
        covered=float(np.mean((low <= after.loss) & (after.loss <= high))),
        warnings=law.range.curve_warnings(rates) if held_out else [],
    )


def fact_of(settings: CurveSettings, fit: CurveFit, n_held_out: int) -> Fact:
    """Where the law's constants come from."""
    files = []
    for path in settings.data:
        log = Path(path)
        content = (
            log.read_bytes() if log.is_file() else b"".join(p.read_bytes() for p in sorted(log.rglob("*tfevents*")))
        )
        files.append(f"{log.name} (sha256 {hashlib.sha256(content).hexdigest()[:12]})")
    errors = f"; relative errors are means over {n_held_out} held-out runs" if n_held_out else ""
    return Fact(
        origin="derived",
        note=f"fitted by lehr {version('lehr')} to {sum(map(len, fit.residual))} rows of {', '.join(files)}: "
        f"Huber's loss on the log loss, {fit.n_starts} starts; the covariance allows for {fit.repeated:.0f} rows that "
        "say the same"
        f"{errors}",
    )
