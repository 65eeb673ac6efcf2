"""Laws of other inputs than parameters and tokens alone, fitted from many starts, with a bootstrap of the runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.base import Draws, Law
from lehr.simulators.laws.fitting.limits import spread
from lehr.simulators.laws.fitting.resampling import counts_of_groups
from lehr.simulators.laws.points import PointForm
from lehr.simulators.numerics.levenberg import Problem, race, settle_groups
from lehr.simulators.quantities import Floats

ABOUT = 4
"""Starts of each resampled fit: the best that all points ended in, and points about it."""
FOLLOWED = 12


class PointFit(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A law and how it was found: ``theta`` are the form's coordinates, ``draws`` those of fits to resampled points
    (draws, coordinates), ``residual`` what is left of each point, on the logarithm where the form fits that."""

    law: Law
    form: PointForm
    theta: Floats
    residual: Floats
    draws: Floats | None


def fit_points(
    form: PointForm,
    at: Mapping[str, Floats],
    target: Floats,
    *,
    delta: float,
    draws: int = 0,
    label: Sequence[str] | None = None,
    most: int = FOLLOWED,
) -> PointFit:
    """Fit ``form`` to ``target`` at the inputs ``at`` (points,) by Huber's loss with ``delta``; points of one ``label``
    are drawn together, ``draws`` times.

    Raises ``ValueError`` for fewer points than constants and one, or an input that does not vary.
    """
    needed = len(form.coordinates) + 1
    if len(target) < needed:
        raise ValueError(f"{len(target)} points cannot determine the {needed - 1} constants; give {needed} or more")
    for name in form.varied:
        if np.ptp(at[name]) == 0:
            raise ValueError(f"all {len(target)} points have {at[name][0]:.4g} {name}; add some of other {name}")
    problem = Problem(
        model=form.model(at), target=np.log(target) if form.logarithmic else target, delta=delta,
        low=np.array(form.low), high=np.array(form.high),
    )  # fmt: skip
    theta, _ = race(problem, form.starts(at, target), most)
    best = theta[0]
    residual = problem.target - problem.model(best[None])[0][0]
    many = resampled(problem, theta, counts_of_groups(label or range(len(target)), draws, 0)) if draws else None
    law = form.law(best)
    if many is not None:
        constants = form.constants(many)
        uncertainty = Draws.of(list(constants), np.stack(list(constants.values()), axis=1), spread(residual, len(best)))
        law = msgspec.structs.replace(law, uncertainty=uncertainty)
    return PointFit(law=law, form=form, theta=best, residual=residual, draws=many)


def resampled(problem: Problem, ends: Floats, counts: Floats) -> Floats:
    """The minimum of ``problem`` for each row of ``counts`` (draws, points), begun from the best of ``ends`` and points
    about it (draws, coordinates)."""
    rng = np.random.default_rng(1)
    size = np.clip(0.1 * np.abs(ends[0]), 0.02, 0.5)
    near = ends[0] + rng.standard_normal((ABOUT // 2, len(size))) * size
    apart = ends[: ABOUT - len(near)]
    return settle_groups(msgspec.structs.replace(problem, weight=counts), np.concatenate([apart, near]), len(counts))


def left_out(
    fit: Callable[[NDArray[np.bool_]], Law], values: Floats, *, share: float
) -> tuple[Law, NDArray[np.bool_]] | None:
    """The law by the points but those of the largest ``values``, whole groups of one value, the fewest that make up
    ``share`` of them, and which these are; ``None`` where the others do not determine it."""
    for threshold in np.unique(values)[::-1]:
        mask = values >= threshold
        if mask.mean() >= share:
            break
    try:
        return fit(~mask), mask
    except ValueError:
        # the others alone do not determine the form, which the caller says
        return None
