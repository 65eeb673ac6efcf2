"""``lehr fit``: the constants of a law from runs."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.composing.group_files import unwrapped
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.laws.curves import CURVE_LAWS
from lehr.simulators.laws.fitting.forms import FORMS

BEST = "best"
"""The word for the surface's form that predicts held-out runs best."""


def run(job: Composed) -> int:
    """Fit the law's form and write the law."""
    # the setting is called like a group of files
    job = msgspec.structs.replace(job, config=unwrapped(job.config, "law"))
    kind = kind_of(job)
    if kind in FORMS or kind == BEST:
        from lehr.recipes.fitting.surfaces.run import fit_surface

        return fit_surface(job, kind)
    from lehr.recipes.fitting.curves.run import fit_curves

    return fit_curves(job)


def kind_of(job: Composed) -> str:
    """The form that ``law=`` names: a form itself, or that of a law of the catalogue or of a file.

    Raises ``LehrError`` for a law whose form cannot be fitted.
    """
    law: str = job.setting("law", str)
    fitted = [*FORMS, *CURVE_LAWS, BEST]
    if law in fitted:
        return law
    if law in job.catalogue.files("law") or law.endswith(".yaml"):
        kind = _tag(type(job.catalogue.law(law)))
        if kind not in fitted:
            raise LehrError(f"law: {law} has the form {kind}, which is not fitted; write one of {', '.join(fitted)}")
        return kind
    raise LehrError(f"law: {law!r} is no form and no law; {nearest(law, [*fitted, *job.catalogue.files('law')])}")


def _tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)
