"""What runs cannot say: too few of them, constants that trade against each other, single runs that stand apart."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.surfaces.form import Form
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.quantities import Floats

OUTLIER = 5.0
"""Robust standard deviations from the law beyond which a run is named. A normal run is there once in 1.7 million."""
RANK = 1e-6
"""Singular value, relative to the largest, below which constants cannot be told apart: the runs' own noise, 1e-3 or
more of the loss, would then move them by a thousand times their size."""

NO_FLOOR = 1e-3
"""Share of the least loss below which an irreducible loss is none: less than the scatter of any run."""


class Outlier(msgspec.Struct, frozen=True):
    """A run that stands apart: how far, relative to its loss and in robust standard deviations."""

    label: str
    row: int
    relative: float
    deviations: float

    def __str__(self) -> str:
        return (
            f"{self.label}: loss {abs(self.relative):.1%} {'above' if self.relative > 0 else 'below'} the law, "
            f"{abs(self.deviations):.0f} times the spread of the runs"
        )


def spread(residual: Floats, n_constants: int = 0) -> float:
    """The standard deviation of the bulk: 1.4826 times the median of |r - median| (normal consistent).

    A fit of nearly least absolute deviations goes through as many runs as it has constants: these are left out.
    """
    apart = np.sort(np.abs(residual - np.median(residual)))
    return float(1.4826 * np.median(apart[min(n_constants, len(apart) - 1) :]))


def outliers_of(runs: Runs, residual: Floats, scale: float) -> list[Outlier]:
    """Runs further from the law than ``OUTLIER`` spreads, the worst first."""
    # noise-free runs have no spread but rounding
    scale = max(scale, 1e-9)
    far = np.flatnonzero(np.abs(residual) > OUTLIER * scale)
    found = [Outlier(runs.label[i], int(i) + 1, float(np.expm1(residual[i])), float(residual[i] / scale)) for i in far]
    return sorted(found, key=lambda o: -abs(o.deviations))


INSEPARABLE = "cannot be told apart by these runs"
"""In the note of constants that make up for each other exactly."""


def check_enough(runs: Runs, form: str, n_constants: int) -> None:
    """Raises ``ValueError`` where the runs are too few, or all of one loss, size or corpus."""
    if np.ptp(runs.loss) == 0:
        raise ValueError(f"every run has the loss {runs.loss[0]:g}; there is nothing to fit: is this the right column?")
    for values, what, more in (
        (runs.parameters, "parameters", "sizes"),
        (runs.tokens, "tokens", "token counts"),
    ):
        if len(runs) and len(np.unique(values)) == 1:
            raise ValueError(
                f"all {len(runs)} runs have {values[0]:.4g} {what}: how the loss depends on {what} cannot be fitted; "
                f"add runs of two or more other {more}"
            )
    if len(runs) < n_constants + 1:
        raise ValueError(
            f"{len(runs)} runs cannot determine the {n_constants} constants of {form}; "
            f"give {n_constants + 1} or more, better {3 * n_constants}"
        )


def identifiability_notes(
    runs: Runs,
    form: Form,
    *,
    theta: Floats,
    slopes: Floats,
    covariance: Floats,
    same: Floats,
    free: NDArray[np.bool_],
) -> list[str]:
    """One line for each thing that these runs leave open about ``form`` at its minimum ``theta``.

    ``same`` are all the parameter sets (sets, p) with that objective, ``free`` the coordinates that moved (p,).
    """
    notes = []
    for values, what in ((runs.parameters, "sizes"), (runs.tokens, "token counts")):
        if (distinct := len(np.unique(values))) == 2:
            notes.append(f"only {distinct} {what}: an exponent and an irreducible loss need three or more")
    names = [name for name, moved in zip(form.coordinates, free, strict=True) if moved]
    notes += _inseparable(names, slopes[free])
    at_bound = [
        name
        for name, value, low, high, moved in zip(form.coordinates, theta, form.low, form.high, free, strict=True)
        if moved and (value <= low or value >= high)
    ]
    if at_bound:
        notes.append(f"{', '.join(at_bound)} ended at the bound of the search: the runs set no limit to it")
    notes += _uncertain(form, theta, covariance, float(runs.loss.min()))
    if same.shape[0] > 1:
        apart = np.ptp(same, axis=0) > np.maximum(1e-2 * np.abs(theta), 1e-2)
        if apart.any():
            names = [name for name, far in zip(form.coordinates, apart, strict=True) if far]
            notes.append(f"other values of {', '.join(names)} fit these runs equally well")
    log_n, log_d = np.log(runs.parameters), np.log(runs.tokens)
    if abs(float(np.corrcoef(log_n, log_d)[0, 1])) > 0.98:
        notes.append(
            "tokens grow in step with parameters: the runs say little about either alone; vary tokens at a fixed size"
        )
    for values, what in ((runs.parameters, "parameters"), (runs.tokens, "tokens")):
        factor = float(values.max() / values.min())
        if factor < 5:
            notes.append(f"{what} span a factor of {factor:.2g} only: a power law is hardly told from a straight line")
    return notes


def _inseparable(coordinates: list[str], slopes: Floats) -> list[str]:
    size = np.sqrt(np.sum(slopes**2, axis=1))
    dead = [name for name, s in zip(coordinates, size, strict=True) if s < 1e-9]
    # of a floor that fell to nothing another line tells
    if dead and dead != ["log E"]:
        return [f"{', '.join(dead)} has no effect on any run: its term vanished in the fit"]
    size = np.where(size > 0, size, 1.0)
    scaled = (slopes / size[:, None]).T
    # all directions of the constants, and of the runs no more than there are constants
    _, values, directions = np.linalg.svd(scaled, full_matrices=len(scaled) < len(size))
    values = np.pad(values, (0, len(size) - len(values)))
    notes = []
    for value, direction in zip(values, directions, strict=True):
        if value < RANK * values[0]:
            names = [name for name, part in zip(coordinates, direction, strict=True) if abs(part) > 0.1]
            notes.append(f"{', '.join(names)} {INSEPARABLE}: only a combination of them is known")
    return notes


def _uncertain(form: Form, theta: Floats, covariance: Floats, least: float) -> list[str]:
    notes = []
    for name, value, error in zip(form.coordinates, theta, np.sqrt(np.diag(covariance)), strict=True):
        if name == "log E" and np.exp(value) < NO_FLOOR * least:
            notes.append("E, the irreducible loss, fell to nothing: these runs show no floor")
        elif name == "log E" and error > 0.25:
            notes.append("E, the irreducible loss, is not determined: its interval spans a factor of 2.7 or more")
        elif " " not in name and error > 0.5 * abs(value):
            notes.append(f"{name} is {value:.3g} +- {error:.2g}: hardly determined by these runs")
    return notes
