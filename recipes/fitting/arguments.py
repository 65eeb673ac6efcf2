"""What every fit is told alike: the form that ``law=`` names and the files."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.reading.columns import NAMES
from lehr.recipes.reading.columns import plainly as plain
from lehr.recipes.reading.headings import STEP, TOKENS, find
from lehr.recipes.reading.tables import read_table
from lehr.simulators.laws.curves import CURVE_LAWS
from lehr.simulators.laws.surfaces.forms import FORMS

POINTS = ("rectified", "clark_routed", "joint_moe", "vocabulary", "exponential_error", "task_ladder")
"""The forms of other inputs than parameters and tokens alone."""
BEST = "best"
"""The word for the form that predicts held-out runs best."""


def kind_of(job: Composed) -> str:
    """The form that ``law=`` names: a form itself, or that of a law of the catalogue or of a file.

    Raises ``LehrError`` for a law whose form cannot be fitted.
    """
    law: str = job.setting("law", str)
    fitted = [*FORMS, *CURVE_LAWS, *POINTS, BEST]
    if law in fitted:
        return law
    if law in job.catalogue.files("law") or law.endswith(".yaml"):
        kind = _tag(type(job.catalogue.law(law)))
        if kind not in fitted:
            raise LehrError(f"law: {law} has the form {kind}, which is not fitted; write one of {', '.join(fitted)}")
        return kind
    raise LehrError(f"law: {law!r} is no form and no law; {nearest(law, [*fitted, *job.catalogue.files('law')])}")


def of_curves(job: Composed) -> bool:
    """Are the data logs of runs, for which ``law=best`` chooses among curve laws: do their rows have steps and no
    parameters? ``forms`` of curves say so too."""
    if job.setting("design", str | None) is not None:
        return False
    if forms := job.setting("forms", list[str] | None):
        return forms[0] in CURVE_LAWS
    data = several(job, "data")
    if not data:
        return False
    try:
        headings = list(read_table(Path(data[0])))
    except LehrError:
        # a folder of TensorBoard's or the text of a console: whatever is wrong with it the readers of logs say
        return Path(data[0]).exists()
    return find((*STEP, *TOKENS), headings) is not None and not any(plain(h) in NAMES["n"] for h in headings)


def _tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def several(job: Composed, name: str) -> list[str]:
    """A setting that is one file or a list of them, as a list."""
    value = job.setting(name, str | list[str] | None)
    return [value] if isinstance(value, str) else list(value or [])


def stem_of(path: str) -> str:
    """What a file is called, as part of a name: its Latin letters without their accents, or ``runs`` where it has none.

    >>> stem_of("logs/run-1.csv.gz"), stem_of("Läufe.csv"), stem_of("曲线.csv")
    ('run_1', 'Laufe', 'runs')
    """
    plain = unicodedata.normalize("NFKD", Path(path).name.partition(".")[0]).encode("ascii", "ignore").decode()
    return re.sub("[^A-Za-z0-9]+", "_", plain).strip("_") or "runs"
