"""The fit that a job asks for, of any kind."""

from __future__ import annotations

import msgspec

from lehr.recipes.composing.group_files import unwrapped
from lehr.recipes.composing.job import Composed
from lehr.recipes.fitting.arguments import BEST, POINTS, kind_of, of_curves
from lehr.recipes.fitting.result import Fit
from lehr.simulators.laws.surfaces.forms import FORMS


def fit_job(job: Composed) -> Fit:
    """Fit the form that ``law=`` names. Raises ``LehrError`` for a mistake in the input."""
    # the setting is called like a group of files
    job = msgspec.structs.replace(job, config=unwrapped(job.config, "law"))
    kind = kind_of(job)
    if kind in FORMS or (kind == BEST and not of_curves(job)):
        from lehr.recipes.fitting.surfaces.run import fit_job as fit_surface

        return fit_surface(job, kind)
    if kind in POINTS:
        from lehr.recipes.fitting.points.run import fit_job as fit_points

        return fit_points(job, kind)
    from lehr.recipes.fitting.curves.run import fit_job as fit_curves

    return fit_curves(job, kind)
