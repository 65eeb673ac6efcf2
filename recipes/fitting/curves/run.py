"""``lehr fit`` for curve laws: read the logs, fit, hold test runs against the law, write it and say how good it is."""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.reading import LogReading, read_runs
from lehr.simulators.evidence import Fact, Provenance
from lehr.simulators.laws.base import Floats
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.laws.curves.bands import band
from lehr.simulators.laws.curves.fitting import (
    STARTS,
    CurveFit,
    LoggedRun,
    Score,
    fit_curve,
    mean_score,
    predict,
    score,
)


class CurveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says, checked."""

    kind: str
    data: list[str]
    test: list[str]
    reading: LogReading
    starts: int
    level: float
    name: str


class Judged(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run after warm-up, the law's curve through it and its band, and the figures that follow.

    ``covered`` is the share of rows inside the band.
    """

    run: LoggedRun
    held_out: bool
    predicted: Floats
    low: Floats
    high: Floats
    score: Score
    covered: float
    warnings: list[str]


class FittedCurves(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All that a fit says."""

    settings: CurveSettings
    fit: CurveFit
    law: CurveLaw
    runs: list[Judged]
    read: dict[str, list[str]]

    def of(self, *, held_out: bool) -> list[Judged]:
        """The fitted runs, or those that were held out."""
        return [one for one in self.runs if one.held_out == held_out]


def fit_curves(job: Composed) -> int:
    """Fit, write ``<out>/fit/<name>/`` and print what was found. Raises ``LehrError`` for a mistake in the input."""
    from lehr.recipes.fitting.curves.figures import pictures
    from lehr.recipes.fitting.curves.text import as_json, as_text, law_file
    from lehr.recipes.presenting.files import write_folder

    form = job.setting("format", str)
    if form not in ("text", "json"):
        raise LehrError(f"format: {form!r} is not known; write text or json")
    fitted = fit_logs(settings_of(job))
    folder = job.folder() / "fit" / fitted.settings.name
    law, told = law_file(fitted.law), as_json(fitted)
    # the same file under law/ makes the folder a config root: --config-dir <folder> law=<name>
    files = {"fit.yaml": law, f"law/{fitted.law.name}.yaml": law, "fit.json": told, **pictures(fitted)}
    write_folder(folder, files)
    print(told.decode(), end="") if form == "json" else print(as_text(fitted, folder))
    return 0


def settings_of(job: Composed) -> CurveSettings:
    """The settings of a curve's fit. Raises ``LehrError`` that names the one that is wrong."""
    from lehr.recipes.verbs.fit import kind_of

    data, test = _several(job, "data"), _several(job, "test")
    if not data:
        raise LehrError("data: nothing to fit; write data='[runA.csv, runB.csv]', a log for each run")
    if both := set(data) & set(test):
        raise LehrError(f"test: {sorted(both)[0]} is among the fitted runs; hold another one out")
    kind = kind_of(job)
    starts = job.setting("starts", int | None)
    if starts is not None and starts < 1:
        raise LehrError(f"starts: {starts} is not 1 or more")
    level = job.setting("level", float)
    if not 0 < level < 1:
        raise LehrError(f"level: {level} is not between 0 and 1; write 0.95")
    stem = re.sub(r"\W+", "_", Path(data[0]).name.partition(".")[0]).strip("_")
    name = job.setting("name", str | None) or f"{kind}_{stem}"
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise LehrError(f"name: {name!r} is no name of a file; write letters, digits, _ and -")
    return CurveSettings(
        kind=kind,
        data=data,
        test=test,
        reading=LogReading(
            columns=job.setting("columns", dict[str, str] | None) or {},
            warmup_steps=job.setting("warmup_steps", int | None),
            schedule=job.setting("schedule", str | dict[str, Any] | None),
            changed_at=job.setting("changed_at", int | None),
            loss_unit=job.setting("loss_unit", str | None),
        ),
        starts=STARTS if starts is None else starts,
        level=level,
        name=name,
    )


def _several(job: Composed, name: str) -> list[str]:
    value = job.setting(name, str | list[str] | None)
    return [value] if isinstance(value, str) else list(value or [])


def fit_logs(settings: CurveSettings) -> FittedCurves:
    """Everything up to the files. Raises ``LehrError`` for logs that cannot be read or do not determine the law."""
    read = read_runs(settings.data, settings.reading)
    tested = read_runs(settings.test, settings.reading)
    for one in [*read, *tested]:
        if one.unit != read[0].unit:
            raise LehrError(
                f"{one.run.name}: losses in {one.unit}, and {read[0].unit} in {read[0].run.name}; fit runs of one unit"
            )
    try:
        fit = fit_curve(
            [one.run for one in read], settings.kind, starts=settings.starts, name=settings.name, level=settings.level
        )
        runs = [judge(fit.law, one.run, settings.level, held_out=False) for one in read]
        runs += [judge(fit.law, one.run, settings.level, held_out=True) for one in tested]
    except ValueError as error:
        raise LehrError(f"{', '.join(settings.data)}: {error}") from error
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
    )


def judge(law: CurveLaw, run: LoggedRun, level: float, *, held_out: bool) -> Judged:
    """``law`` beside the rows of ``run`` after warm-up, of which a curve law says nothing."""
    after = run.after_warm_up()
    rates = after.rates[: int(after.steps[-1]) + 1]
    low, high = band(law, rates, level=level, steps=after.steps, changed_at=after.changed_at)
    return Judged(
        run=after,
        held_out=held_out,
        predicted=predict(law, after),
        low=low,
        high=high,
        score=score(law, after),
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
