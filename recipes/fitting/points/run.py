"""From a table of a few points to a law."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import level_of, name_of
from lehr.recipes.errors import LehrError
from lehr.recipes.fitting.arguments import several, stem_of
from lehr.recipes.fitting.points.columns import joined, table_of
from lehr.recipes.fitting.points.forms import KINDS, Asked, PointLaw
from lehr.recipes.fitting.points.result import FittedPoints, PointSettings
from lehr.recipes.reading.columns import Reading
from lehr.simulators.evidence import Fact, Provenance
from lehr.simulators.laws.base import Bounds, Draws, ValidRange, constants, quantiles, replicate
from lehr.simulators.laws.fitting.points import left_out
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.quantities import Floats

HELD_OUT = 0.2
"""At least this share of the points is held out to see how the form extrapolates."""
RANGES = {field.name for field in msgspec.structs.fields(ValidRange)}


def fit_job(job: Composed, kind: str) -> FittedPoints:
    """Fit ``kind`` to the tables of ``data``. Raises ``LehrError`` for a mistake in the input."""
    data = several(job, "data")
    form = KINDS[kind]
    if not data:
        raise LehrError(
            f"data: nothing to fit; write data=runs.csv with columns {', '.join(form.inputs)} and {form.target}"
        )
    name = name_of(job, f"{kind}_{stem_of(data[0])}")
    bootstrap = job.setting("bootstrap", int)
    if bootstrap and bootstrap < 20:
        raise LehrError(f"bootstrap: {bootstrap} draws give no interval; write 200, or 0 for none")
    settings = PointSettings(
        kind=kind, data=data, name=name, pictures=job.setting("pictures", bool), delta=delta_of(job),
        bootstrap=bootstrap, level=level_of(job), benchmark=job.setting("benchmark", str | None),
    )  # fmt: skip
    reading = Reading(
        columns=job.setting("columns", dict[str, str] | None) or {},
        units=job.setting("units", dict[str, float] | None) or {},
        where=job.setting("where", dict[str, Any] | None) or {},
    )
    parts = [table_of(kind, Path(path), reading) for path in data]
    inputs, label = joined(parts)
    return fit_points_of(settings, dict(inputs), label, [note for part in parts for note in part[2]])


def delta_of(job: Composed) -> float:
    """Huber's delta. Raises ``LehrError`` where it is no number above 0; `inf` is no finite one, as others must be."""
    text = str(job.config["delta"])
    try:
        delta = float(text)
    except ValueError as error:
        raise LehrError(f"delta: {text!r} is no number; write 0.001, or inf for least squares") from error
    if not delta > 0:
        raise LehrError(f"delta: {text} is not above 0; write 0.001, or inf for least squares")
    return delta


def fit_points_of(
    settings: PointSettings, inputs: dict[str, Floats], label: list[str] | None = None, notes: list[str] | None = None
) -> FittedPoints:
    """The fit, and how well the same form tells the furthest points from the others. Raises ``LehrError`` where the
    points do not determine it."""
    kind = KINDS[settings.kind]
    # by their numbers: what is fitted and drawn does not depend on the order of a table's rows
    order = np.lexsort([np.asarray(label or [""] * len(inputs[kind.target])), *reversed(inputs.values())])
    inputs = {name: column[order] for name, column in inputs.items()}
    label = [label[i] for i in order] if label else None
    at, target = {name: inputs[name] for name in kind.inputs}, inputs[kind.target]
    asked = Asked(delta=settings.delta, draws=settings.bootstrap, label=label)

    def fit(rows: np.ndarray) -> PointLaw:
        own = None if label is None else [label[i] for i in np.flatnonzero(rows)]
        return kind.fit({k: v[rows] for k, v in at.items()}, target[rows], msgspec.structs.replace(asked, label=own))

    try:
        law = fit(np.ones(len(target), dtype=bool))
    except ValueError as error:
        raise LehrError(f"{', '.join(settings.data)}: {error}") from error
    held, held_error, covered = None, None, None
    if (found := left_out(fit, kind.beyond(at), share=HELD_OUT)) is not None:
        other, held = found
        beyond = {k: v[held] for k, v in at.items()}
        held_error = error_of(settings.kind, other, beyond, target[held])  # type: ignore[arg-type]
        if (band := band_of(settings.kind, other, beyond, settings.level)) is not None:  # type: ignore[arg-type]
            covered = float(np.mean((target[held] >= band[0]) & (target[held] <= band[1])))
    missed = error_of(settings.kind, law, at, target)
    scale = np.log(target) if KINDS[settings.kind].target == "loss" and settings.kind != "vocabulary" else target
    if missed > float(np.std(scale)):
        raise LehrError(
            f"{', '.join(settings.data)}: the form misses these points by {missed:.3g}, more than they differ from "
            f"their mean ({float(np.std(scale)):.3g}): it does not describe them; check the columns and their units"
        )
    if held_error is not None and held_error > float(np.std(scale)):
        course = "law=task_ladder follows an S, by parameters and tokens"
        said_of_it = f"; {course}" if settings.kind == "exponential_error" else ""
        raise LehrError(
            f"{', '.join(settings.data)}: a fit without the points of the {kind.furthest} misses those by "
            f"{held_error:.3g}, more than all points differ from their mean ({float(np.std(scale)):.3g}): the form "
            f"says nothing beyond the points{said_of_it}"
        )
    law = as_far_off(law, max(missed, held_error or 0.0), target)
    files = ", ".join(Path(path).name for path in settings.data)
    said = {"benchmark": settings.benchmark or files} if hasattr(law, "benchmark") else {}
    law = msgspec.structs.replace(
        law,
        name=settings.name,
        title=f"{settings.kind.replace('_', ' ').capitalize()} form fitted to {len(target)} points of {files}",
        range=ValidRange(**{n: (float(v.min()), float(v.max())) for n, v in at.items() if n in RANGES}),
        provenance=Provenance(default=Fact(origin="derived", note=f"lehr fit law={settings.kind} data={files}")),
        **said,
    )
    return FittedPoints(
        settings=settings,
        law=law,
        inputs=inputs,
        constants=intervals_of(law, settings.level),
        error=missed,
        n_held_out=0 if held is None else int(held.sum()),
        held_out=held_error,
        covered=covered,
        notes=notes or [],
    )


def as_far_off(law: PointLaw, error: float, target: Floats) -> PointLaw:
    """The law with the error of the points that were left out for its scatter: what is asked of it lies further yet."""
    if isinstance(law, JointMoe):
        return msgspec.structs.replace(law, rmse=error * float(target.mean()))
    if isinstance(law.uncertainty, Draws) and error > (law.uncertainty.residual or 0.0):
        return msgspec.structs.replace(law, uncertainty=msgspec.structs.replace(law.uncertainty, residual=error))
    return law


def intervals_of(law: PointLaw, level: float) -> dict[str, tuple[float, Bounds | None]]:
    """Each constant of a law with its interval, those of its parts too."""
    known: dict[str, Bounds] = {}
    names = dict(constants(law))
    if isinstance(law.uncertainty, Draws):
        for name, column in zip(law.uncertainty.parameters, law.uncertainty.table().T, strict=True):
            low, high = quantiles(column, level)
            known[name] = (float(low), float(high))
            if "." in name:
                part, _, inner = name.partition(".")
                names[name] = float(getattr(getattr(law, part), inner))
    return {name: (float(value), known.get(name)) for name, value in names.items()}


def error_of(kind: str, law: PointLaw, at: dict[str, Floats], target: Floats) -> float:
    """The root mean square error, of the logarithm where every value has one and is a loss."""
    said = KINDS[kind].says(law, at)
    if KINDS[kind].target == "loss" and kind != "vocabulary":
        return float(np.sqrt(np.mean(np.log(said / target) ** 2)))
    return float(np.sqrt(np.mean((said - target) ** 2)))


def band_of(kind: str, law: PointLaw, at: dict[str, Floats], level: float) -> tuple[Floats, Floats] | None:
    """Between which bounds the law puts a single point, ``None`` where it does not say how sure it is."""
    many = replicate(law, 1)
    if many is None:
        return None
    said = KINDS[kind].says(many, at)
    rng = np.random.default_rng(1)
    scatter = (getattr(law.uncertainty, "residual", None) or 0.0) * rng.standard_normal(said.shape)
    logarithmic = KINDS[kind].target == "loss" and kind != "vocabulary"
    return quantiles(said * np.exp(scatter) if logarithmic else said + scatter, level)
