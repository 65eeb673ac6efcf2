"""``lehr fit`` for loss surfaces: read the runs, fit, and compare the forms."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.catalogue.tables import Column
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import level_of, name_of, starts_of
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.fitting.arguments import BEST, several, stem_of
from lehr.recipes.fitting.surfaces.refusals import refuse_one_line, refuse_rising, refuse_two_values
from lehr.recipes.fitting.surfaces.result import Approach2, Constant, Fitted, Optimum, Settings, Without
from lehr.recipes.reading.columns import Read, Reading, runs_of
from lehr.recipes.reading.design import table_of_logs
from lehr.recipes.reading.tables import read_table
from lehr.simulators.evidence import Fact, Provenance
from lehr.simulators.laws.base import Bounds, Draws, constants, quantiles, split_log
from lehr.simulators.laws.fitting import (
    FORMS,
    HeldOut,
    LawFit,
    Runs,
    compare_forms,
    fit_law,
    hold_out,
    misfit_of,
    profile,
    resample,
)
from lehr.simulators.laws.fitting.fit import free_of, some_starts
from lehr.simulators.laws.fitting.isoflop import bias_on_grid, fit_parabolas
from lehr.simulators.laws.fitting.limits import NO_FLOOR
from lehr.simulators.laws.fitting.mixing import runs_in_bits
from lehr.simulators.laws.fitting.resampling import starts_about
from lehr.simulators.laws.fitting.shared import shared_errors
from lehr.simulators.laws.surfaces import DataConstrained, Surface
from lehr.simulators.laws.surfaces.forms import form_called

MOST_OUTLIERS = 0.1
"""Of the runs; more are no outliers but runs that the form misses."""
COMPARED = ("chinchilla", "skaling", "overtraining", "farseer")
"""The forms among which law=best chooses."""
GROSS = 10.0
"""Spreads from the law beyond which a run is left out for a second opinion. A normal run is never there, and a band of
runs that the form misses is not either."""
PASSES = 2
"""Gross outliers hide others behind them: once more after they have gone."""
FEWEST_FRESH = 6
"""Runs of new tokens alone, one more than Chinchilla's constants."""
FURTHER = 10.0
"""The optimum is told at the largest budget and at this many times it."""


def fit_job(job: Composed, kind: str) -> Fitted:
    """Everything up to the files."""
    settings = settings_of(job, kind)
    read = read_runs(settings.data, settings.reading, settings.design)
    where = ", ".join(settings.data)
    try:
        return _fit(settings, read)
    except ValueError as error:
        raise LehrError(f"{where}: {error}") from error


def settings_of(job: Composed, kind: str) -> Settings:
    """The settings of a surface's fit. Raises ``LehrError`` that names the one that is wrong."""
    data = several(job, "data")
    if not data:
        raise LehrError("data: nothing to fit; write data=<a table of runs>, with columns of N, D and the loss")
    name = name_of(job, stem_of(data[0]))
    # `inf` is no finite number, which settings otherwise are
    text = str(job.config["delta"])
    try:
        delta = float(text)
    except ValueError as error:
        raise LehrError(f"delta: {text!r} is no number; write 0.001, or inf for least squares") from error
    bootstrap = job.setting("bootstrap", int)
    if bootstrap and bootstrap < 20:
        raise LehrError(f"bootstrap: {bootstrap} draws give no interval; write 200, or 0 for the covariance alone")
    approach = job.setting("approach", int)
    if approach not in (2, 3):
        raise LehrError(f"approach: {approach} is not known; write 3 (the surface), or 2 (and parabolas)")
    given: list[str] | None = job.setting("forms", list[str] | None)
    forms = (list(COMPARED) if kind == BEST else []) if given is None else given
    for form in forms:
        try:
            form_called(form)
        except ValueError as error:
            raise LehrError(f"forms: {error}") from error
    reading = Reading(
        columns=job.setting("columns", dict[str, str] | None) or {},
        units=job.setting("units", dict[str, float] | None) or {},
        where=job.setting("where", dict[str, Any] | None) or {},
        n_convention=job.setting("n_convention", str | None),
        loss_unit=job.setting("loss_unit", str | None),
        repeats=job.setting("repeats", str),
        checkpoints=job.setting("checkpoints", str),
    )
    return Settings(
        outliers=job.choice("outliers", ("keep", "drop")), profiles=job.setting("profiles", bool),
        pictures=job.setting("pictures", bool),
        design=job.setting("design", str | None),
        hold=_held(job, kind),
        law=kind, data=data, test=several(job, "test"), reading=reading, name=name, delta=delta,
        starts=starts_of(job), bootstrap=bootstrap, level=level_of(job), forms=forms,
        approach=approach,
    )  # fmt: skip


def _held(job: Composed, kind: str) -> dict[str, float]:
    """The constants that ``hold`` gives, or names of the law that ``law`` names."""
    given: dict[str, float] | list[str] = job.setting("hold", dict[str, float] | list[str] | None) or {}
    if not given:
        return {}
    if kind == BEST:
        raise LehrError("hold: the constants of which form? write law=<a form or a law> beside it")
    if isinstance(given, dict):
        found = given
    else:
        name = job.setting("law", str)
        if name == kind and name not in job.catalogue.files("law"):
            raise LehrError(
                f"hold: {name} is a form and has no constants; write hold={{{given[0]}: <number>}}, or a law"
            )
        of_law = constants(job.catalogue.law(name))
        if unknown := [c for c in given if c not in of_law]:
            raise LehrError(f"hold: {name} has no constant {unknown[0]!r}; {nearest(unknown[0], of_law)}")
        found = {c: of_law[c] for c in given}
    try:
        free = free_of(form_called(kind), found)
    except ValueError as error:
        raise LehrError(f"hold: {error}") from error
    if not free.any():
        raise LehrError("hold: nothing is left to fit; hold fewer constants")
    return found


def read_runs(paths: list[str], reading: Reading, design: str | None = None) -> Read:
    """The runs of one table, or of several with the same headings, one below the other; of a ``design`` those of its
    runs' logs."""
    if design is not None:
        table, notes = table_of_logs(Path(design), paths, reading.columns.get("loss"))
        read = runs_of(table, msgspec.structs.replace(reading, columns={}), ", ".join(paths))
        return msgspec.structs.replace(read, notes=[*notes, *read.notes])
    tables = [read_table(Path(path)) for path in paths]
    headings = [h for h in tables[0] if all(h in table for table in tables)]
    joined: dict[str, Column] = {h: [cell for table in tables for cell in table[h]] for h in headings}
    return runs_of(joined, reading, ", ".join(paths))


def _fit(settings: Settings, read: Read) -> Fitted:
    runs = read.runs.in_order()
    notes: list[str] = []
    runs = _fresh(runs, settings.law, notes)
    bits = runs_in_bits(runs) if not runs.repeated.any() else ()
    if len(bits) > 1:
        # named as they stand in the table
        named = {runs.label[i] for i in bits}
        shown = [label for label in read.runs.label if label in named]
        shown = [*shown[:6], "..."] if len(bits) > 6 else shown
        raise ValueError(
            f"{len(bits)} of {len(runs)} losses ({', '.join(shown)}) are about 1.44 times the others', as bits are to "
            "nats: write all in one unit (nats = bits x 0.6931)"
        )
    if len(settings.hold) < 2 and not runs.repeated.any():
        refuse_one_line(runs)
    comparison = None
    dropped: list[str] = []
    if settings.outliers == "drop":
        form = settings.law if settings.law != BEST else "chinchilla"
        keep = without_gross(fit_law(runs, form, delta=settings.delta, starts=settings.starts, held=settings.hold))
        dropped = [runs.label[i] for i in np.flatnonzero(~keep)]
        runs = runs.take(keep)
        if dropped:
            notes.append(f"left out as outliers: {', '.join(dropped)}")
    chosen = settings.law
    first = None
    if chosen != BEST:
        first = fit_law(runs, chosen, delta=settings.delta, starts=settings.starts, held=settings.hold)
    forms = list(dict.fromkeys([*settings.forms, *([chosen] if chosen != BEST else [])]))
    if chosen == BEST or len(forms) > 1:
        comparison = compare_forms(
            runs, forms or list(FORMS), delta=settings.delta, fits={first.form: first} if first else None
        )
        chosen = comparison.use if chosen == BEST else chosen
    fit = first or next(score.fit for score in comparison.scores if score.form == chosen)  # type: ignore[union-attr]
    refuse_rising(_values(fit))
    refuse_two_values(fit, repeats=len(runs) < len(read.runs) and bool(read.runs.repeated.any()))
    law, constants = _with_intervals(fit, settings, notes)
    files = ", ".join(Path(path).name for path in settings.data)
    law = msgspec.structs.replace(
        law,
        name=settings.name,
        title=f"{chosen.capitalize()} form fitted to {len(runs)} runs of {files}{_apart(read, runs, dropped)}",
        provenance=Provenance(default=_fact(settings, fit)),
    )
    if any(" " in name and not name.startswith("log ") for name in fit.coordinates):
        notes.append(f"the constants of {chosen} make up for each other: read its surface, not a single one of them")
    held = next((s.held_out for s in comparison.scores if s.form == chosen), []) if comparison else []
    largest = next((h for h in held if h.by == "parameters"), None)
    if largest is None:
        try:
            largest = hold_out(runs, chosen, delta=settings.delta, fit=fit)
            held = [*held, largest]
        except ValueError as error:
            notes.append(f"the largest models could not be held out: {error}")
    law = msgspec.structs.replace(law, misfit=misfit_of(fit, held))
    if law.misfit is None:
        notes.append("too few runs to hold out the largest: how far the form itself misses larger ones is not known")
    optima = [_optimum(law, float(runs.flops.max()) * x, settings.level) for x in (1.0, FURTHER)]
    return Fitted(
        without=_without(fit, optima, settings),
        settings=settings, read=read, fit=fit, law=law, constants=constants, largest=largest,
        optima=optima,
        comparison=comparison, test=_tested(settings, law, runs),
        approach_2=_approach_2(runs, law) if settings.approach == 2 else None,
        notes=[*fit.notes, *notes],
    )  # fmt: skip


def _apart(read: Read, runs: Runs, dropped: list[str]) -> str:
    """Which runs of the table were not fitted, for the first line."""
    repeated = len(read.runs) - len(runs) - len(dropped)
    return f", without {repeated} whose tokens repeat" if repeated else ""


def _fresh(runs: Runs, law: str, notes: list[str]) -> Runs:
    """The runs that a form may be fitted to: one that takes every token for a new one says nothing of the others."""
    repeated = runs.repeated
    if not repeated.any() or (law != BEST and form_called(law).repeats):
        return runs
    if len(runs) - repeated.sum() < FEWEST_FRESH:
        raise ValueError(
            f"tokens repeat in {repeated.sum()} of {len(runs)} runs, and {law} takes every token for a new one; "
            "write law=data_constrained"
        )
    notes.append(
        f"{repeated.sum()} of {len(runs)} runs see tokens more than once and were left out: these forms speak of new "
        "tokens only; law=data_constrained fits all"
    )
    return runs.take(~repeated)


def without_gross(fit: LawFit) -> np.ndarray:
    """A mask of the runs that are left when those further than ``GROSS`` spreads have gone, ``PASSES`` times."""
    keep = np.ones(len(fit.runs), dtype=bool)
    current, rows = fit, np.arange(len(fit.runs))
    form = form_called(fit.form)
    for _ in range(PASSES):
        far = [rows[o.row - 1] for o in current.outliers if abs(o.deviations) > GROSS]
        if not far:
            break
        keep[far] = False
        rows = np.flatnonzero(keep)
        left = fit.runs.take(rows)
        starts = np.concatenate([starts_about(fit, 8, 0), some_starts(form, left, min(24, len(form.starts(left))))])
        current = fit_law(left, fit.form, delta=fit.delta, starts=starts, held=fit.held)
    return keep


def _without(fit: LawFit, optima: list[Optimum], settings: Settings) -> Without | None:
    """The optima without gross outliers, where there are some and few."""
    keep = without_gross(fit)
    if keep.all() or (~keep).mean() > MOST_OUTLIERS:
        return None
    left, form = fit.runs.take(keep), form_called(fit.form)
    starts = np.concatenate([starts_about(fit, 8, 0), some_starts(form, left, min(24, len(form.starts(left))))])
    law = fit_law(left, fit.form, delta=fit.delta, starts=starts, held=fit.held).law
    return Without(
        labels=[fit.runs.label[i] for i in np.flatnonzero(~keep)], law=law, with_them=optima,
        optima=[_optimum(law, o.flops, settings.level) for o in optima],
    )  # fmt: skip


def _with_intervals(fit: LawFit, settings: Settings, notes: list[str]) -> tuple[Surface, list[Constant]]:
    """The law with its draws, where a bootstrap was asked for, and each constant with its intervals; what runs of one
    size have in common goes into ``notes``."""
    law, together = fit.law, shared_errors(fit)
    said = together.said(resampled=settings.bootstrap > 0) if together is not None else None
    notes += [said] if said is not None else []
    intervals: dict[str, Bounds] = {}
    if settings.bootstrap:
        resampled = resample(fit, settings.bootstrap, shared=together)
        law = resampled.law
        assert isinstance(law.uncertainty, Draws)
        columns = law.uncertainty.table().T
        for name, column in zip(law.uncertainty.parameters, columns, strict=True):
            low, high = quantiles(column, settings.level)
            intervals[name] = (float(low), float(high))
    elif law.uncertainty is not None:
        for name, values in law.uncertainty.replicas(_values(fit)).items():
            low, high = quantiles(values, settings.level)
            intervals[name] = (float(low), float(high))
    form = form_called(fit.form)
    for coordinate, value, lowest, highest in zip(fit.coordinates, fit.theta, form.low, form.high, strict=True):
        no_floor = coordinate == "log E" and np.exp(value) < NO_FLOOR * fit.runs.loss.min()
        if no_floor or not lowest < value < highest:
            # where the search was stopped, its draws were stopped too
            intervals.pop(coordinate.removeprefix("log "), None)
    profiles: dict[str, Bounds] = {}
    for name in fit.held:
        intervals.pop(name, None)
    for coordinate, lowest, highest in zip(fit.coordinates, form.low, form.high, strict=True):
        log, name = split_log(coordinate)
        if name in intervals:
            # a bound that the search was stopped at is none of the runs
            bottom, top = (float(np.exp(end)) if log else end for end in (lowest, highest))
            below, above = intervals[name]
            intervals[name] = (below if below > bottom else -inf, above if above < top * (1 - 1e-9) else inf)
    for coordinate in fit.coordinates if settings.profiles else ():
        name = coordinate.removeprefix("log ")
        if name in _values(fit) and name not in fit.held:
            bounds = profile(fit, coordinate, settings.level)
            profiles[name] = bounds if name == coordinate else (float(np.exp(bounds[0])), float(np.exp(bounds[1])))
    return law, [
        Constant(name=name, value=value, interval=intervals.get(name), profile=profiles.get(name))
        for name, value in _values(fit).items()
    ]


def _values(fit: LawFit) -> dict[str, float]:
    form = form_called(fit.form)
    return {name: float(value) for name, value in form.constants(fit.theta, fit.runs).items()}


def _fact(settings: Settings, fit: LawFit) -> Fact:
    files = []
    for path in settings.data:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        files.append(f"{Path(path).name} (sha256 {digest[:12]})")
    how = "least squares" if settings.delta == inf else f"Huber's loss, delta {settings.delta:g}"
    draws = f", {settings.bootstrap} bootstrap draws" if settings.bootstrap else ""
    draws += f"; held: {', '.join(f'{name} = {value:g}' for name, value in fit.held.items())}" if fit.held else ""
    return Fact(
        origin="derived",
        note=f"fitted by lehr {version('lehr')} to {len(fit.runs)} runs of {', '.join(files)}: {how} on the log loss, "
        f"{fit.n_starts} starts{draws}",
    )


def _optimum(law: Surface, flops: float, level: float) -> Optimum:
    with np.errstate(all="ignore"):
        n, d = law.optimum(flops)
        bounds = law.optimum_interval(flops, level)
    # a draw whose exponents have no optimum leaves no interval
    known = bounds is not None and bool(np.all(np.isfinite(bounds)))
    return Optimum(
        flops=flops, parameters=n, tokens=d,
        parameters_interval=bounds[0] if bounds and known else None,
        tokens_interval=bounds[1] if bounds and known else None,
    )  # fmt: skip


def _tested(settings: Settings, law: Surface, fitted: Runs) -> HeldOut | None:
    if not settings.test:
        return None
    runs = read_runs(settings.test, settings.reading).runs
    if (runs.n_convention, runs.loss_unit) != (fitted.n_convention, fitted.loss_unit):
        raise ValueError("test: other conventions of N or loss than the data; write n_convention= and loss_unit=")
    repeats = isinstance(law, DataConstrained)
    if not repeats:
        runs = runs.take(~runs.repeated)
        if not len(runs):
            raise ValueError("test: every run sees tokens more than once; write law=data_constrained")
    error = law.at(runs) / runs.loss - 1
    unique = runs.unique if repeats else None
    low, high = law.intervals(runs.parameters, runs.tokens, settings.level, run=True, unique=unique)
    return HeldOut(
        form=settings.law, by="parameters", above=float(runs.parameters.min()), runs=runs, error=np.asarray(error),
        low=low, high=high,
    )  # fmt: skip


def _approach_2(runs: Runs, law: Surface) -> Approach2:
    allocation = fit_parabolas(runs)
    flops = float(runs.flops.max()) * FURTHER
    wide = np.array([flops, flops * 10])
    n = [float(law.optimum(c)[0]) for c in wide]
    return Approach2(
        allocation=allocation,
        exponent=float(np.log(n[1] / n[0]) / np.log(10)),
        bias=bias_on_grid(law, runs, flops),
    )
