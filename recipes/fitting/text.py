"""What a fit of either kind says, and its files."""

from __future__ import annotations

from pathlib import Path

from lehr.recipes.fitting.curves import text as curves
from lehr.recipes.fitting.figures import draw
from lehr.recipes.fitting.law_file import law_file
from lehr.recipes.fitting.points import text as points
from lehr.recipes.fitting.points.result import FittedPoints
from lehr.recipes.fitting.result import Fit
from lehr.recipes.fitting.surfaces import text as surfaces
from lehr.recipes.fitting.surfaces.result import Fitted


def as_text(fitted: Fit, folder: Path) -> str:
    """What a person reads; ``folder`` is where the files lie."""
    if isinstance(fitted, FittedPoints):
        return points.as_text(fitted, folder)
    return surfaces.as_text(fitted, folder) if isinstance(fitted, Fitted) else curves.as_text(fitted, folder)


def as_json(fitted: Fit) -> bytes:
    """The content of ``fit.json``."""
    if isinstance(fitted, FittedPoints):
        return points.as_json(fitted)
    return surfaces.as_json(fitted) if isinstance(fitted, Fitted) else curves.as_json(fitted)


def files(fitted: Fit) -> dict[str, bytes]:
    """The files of a fit by relative path: its law twice, ``fit.json`` and the figures."""
    law = law_file(fitted.law)
    # the same file under law/ makes the folder a config root: --config-dir <folder> law=<name>
    return {"fit.yaml": law, f"law/{fitted.law.name}.yaml": law, "fit.json": as_json(fitted), **draw(fitted)}
