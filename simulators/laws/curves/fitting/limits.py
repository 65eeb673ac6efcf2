"""What logged runs can and cannot tell of a curve law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lehr.simulators.laws.curves import CURVE_LAWS
from lehr.simulators.laws.curves.form import CurveForm
from lehr.simulators.laws.curves.runs import LoggedRun
from lehr.simulators.quantities import Floats

OPEN = 0.8
"""A coordinate whose standard error is at least this share of its prior's spread is decided by the prior."""
WIDE = 1.0
"""A constant known to no better than a factor of e."""


def check_runs(runs: Sequence[LoggedRun], form: CurveForm) -> None:
    """Raises ``ValueError`` where ``runs`` cannot determine the form at all.

    >>> from lehr.simulators.laws.curves import curve_form
    >>> check_runs([], curve_form("momentum"))
    Traceback (most recent call last):
    ValueError: there is no run to fit; write data=[run.csv]
    """
    if not runs:
        raise ValueError("there is no run to fit; write data=[run.csv]")
    if form.anneals and not any(run.anneals for run in runs):
        raise ValueError(
            f"no run's learning rate falls, so that nothing tells the annealing term of {form.kind}; "
            "add a run that decays, or fit law=power_of_sum"
        )
    if CURVE_LAWS[form.kind].needs_change_of_data and not any(run.changed_at is not None for run in runs):
        raise ValueError("no run says where its data change; write changed_at, or fit law=momentum")


def notes_on(
    runs: Sequence[LoggedRun], form: CurveForm, theta: Floats, covariance: Floats, misfit: float | None
) -> list[str]:
    """One line for each limitation of a fit.

    >>> from lehr.simulators.laws.curves import curve_form
    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> run = make_run("a", [1], [3.0], [1e-3, 1e-3])
    >>> notes_on([run], curve_form("power_of_sum"), np.array([3.0, 0.0, 0.5]), np.diag([0.01, 4.0, 0.01]), 0.001)[-1]
    'A is known only to a factor of 7.39'
    """
    notes = []
    if len(runs) == 1:
        notes.append(
            "one run only: the sum of the rates and their fall move together in one schedule; "
            "a forecast of another schedule is an extrapolation"
        )
    if misfit is None:
        notes.append(
            "no run could be left out, so that nothing of these runs bears out the level of the band; one more run does"
        )
    if form.anneals:
        still = [run.name for run in runs if not run.anneals]
        if still and len(still) == len(runs) - 1:
            notes.append("one run alone has a rate that falls: the annealing term is known from its shape only")
        if len(runs) > 1 and all(run.anneals for run in runs) and _all_alike(runs):
            notes.append("all runs have the same schedule but for its size: they are one run to this law")
    error = np.sqrt(np.diag(covariance))
    n_linear = 1 + len(form.linear)
    for shape, value, sd in zip(form.shapes, theta[n_linear:], error[n_linear:], strict=True):
        if np.isfinite(shape.spread) and sd >= OPEN * shape.spread:
            notes.append(
                f"{shape.name}: the runs hardly tell it; it stands near what is assumed, "
                f"{shape.centre:.3g} with a standard deviation of {shape.spread:.3g}"
            )
        if value <= shape.low or value >= shape.high:
            notes.append(f"{shape.name} ended at the limit of its range, {value:.3g}; the form does not suit the runs")
    for name, sd in zip(form.coordinates[1:n_linear], error[1:n_linear], strict=True):
        if name.startswith("log ") and sd >= WIDE:
            notes.append(f"{name.removeprefix('log ')} is known only to a factor of {np.exp(min(sd, 100.0)):.3g}")
    return notes


def _all_alike(runs: Sequence[LoggedRun]) -> bool:
    first = runs[0].rates / runs[0].rates.max()
    return all(len(run.rates) == len(first) and np.allclose(run.rates / run.rates.max(), first) for run in runs[1:])
