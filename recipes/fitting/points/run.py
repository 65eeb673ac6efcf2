"""From a table of a few points to a law."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import name_of
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.fitting.arguments import POINTS, several, stem_of
from lehr.recipes.fitting.points.result import FittedPoints, PointLaw, PointSettings
from lehr.recipes.reading.columns import numbers
from lehr.recipes.reading.tables import Column, read_table
from lehr.simulators.evidence import Fact, Provenance
from lehr.simulators.laws.base import ValidRange
from lehr.simulators.laws.moe.clark import fit_routed
from lehr.simulators.laws.sft import fit_rectified
from lehr.simulators.quantities import Floats

HELD_OUT = 4
"""One of so many values of the first input, the largest, is held out to see how the form extrapolates."""

Fitter = Callable[..., PointLaw]
FITS: dict[str, Fitter] = {"rectified": lambda *columns: fit_rectified(*columns)[0], "clark_routed": fit_routed}


def fit_job(job: Composed, kind: str) -> FittedPoints:
    """Fit ``kind`` to the tables of ``data``. Raises ``LehrError`` for a mistake in the input."""
    data = several(job, "data")
    if not data:
        raise LehrError(f"data: nothing to fit; write data=runs.csv with columns {', '.join(POINTS[kind])} and loss")
    name = name_of(job, f"{kind}_{stem_of(data[0])}")
    settings = PointSettings(kind=kind, data=data, name=name, pictures=job.setting("pictures", bool))
    headings = job.setting("columns", dict[str, str] | None) or {}
    parts = [_columns(Path(path), (*POINTS[kind], "loss"), headings) for path in data]
    return fit_points(settings, {name: np.concatenate([p[name] for p in parts]) for name in parts[0]})


def fit_points(settings: PointSettings, inputs: dict[str, Floats]) -> FittedPoints:
    """The fit, and how well the same form tells the largest values from the others. Raises ``LehrError`` where the
    points do not determine it."""
    columns = list(inputs.values())
    fit = FITS[settings.kind]
    try:
        law = fit(*columns)
    except ValueError as error:
        raise LehrError(f"{', '.join(settings.data)}: {error}") from error
    first = columns[0]
    values = np.unique(first)
    kept = first < values[-max(1, len(values) // HELD_OUT)]
    try:
        held_out = _error(fit(*(c[kept] for c in columns)), [c[~kept] for c in columns])
    except ValueError:
        # the others alone do not determine the form, which the result says
        held_out = None
    files = ", ".join(Path(path).name for path in settings.data)
    return FittedPoints(
        settings=settings,
        law=msgspec.structs.replace(
            law,
            name=settings.name,
            title=f"{settings.kind.replace('_', ' ').capitalize()} form fitted to {len(first)} points of {files}",
            range=ValidRange(**{n: (float(v.min()), float(v.max())) for n, v in inputs.items() if n != "loss"}),
            provenance=Provenance(default=Fact(origin="derived", note=f"lehr fit law={settings.kind} data={files}")),
        ),
        inputs=inputs,
        error=_error(law, columns),
        n_held_out=int((~kept).sum()),
        held_out=held_out,
    )


def _error(law: PointLaw, columns: list[Floats]) -> float:
    *inputs, loss = columns
    return float(np.sqrt(np.mean(np.log(law.loss(*inputs) / loss) ** 2)))


def _columns(path: Path, names: tuple[str, ...], headings: dict[str, str]) -> dict[str, Floats]:
    """The named columns of a table as numbers. Raises ``LehrError`` that names the column and the row."""
    table = read_table(path)
    if unknown := [name for name in headings if name not in names]:
        raise LehrError(f"columns: {unknown[0]!r} is no column of this form; {nearest(unknown[0], names)}")
    return {name: _numbers(path, name, headings.get(name, name), table) for name in names}


def _numbers(path: Path, name: str, heading: str, table: dict[str, Column]) -> Floats:
    found = {str(key).strip().casefold(): column for key, column in table.items()}
    if heading.casefold() not in found:
        wanted = nearest(heading, map(str, table))
        raise LehrError(f"{path}: has no column {heading!r}; {wanted}, or columns={{{name}: <its heading>}}")
    column = found[heading.casefold()]
    values = numbers(column, heading, str(path), range(2, len(column) + 2))
    for row, value in enumerate(values, 2):
        if value < 0:
            raise LehrError(f"{path}: row {row}: {heading} is {value:g}; write a number of 0 or more")
    return values
