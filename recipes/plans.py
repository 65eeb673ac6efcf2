"""Recipes, accelerators and laws as they stand in files.

Apart from ``recipes.catalogue``, because these need numpy and a count of parameters does not.
"""

from __future__ import annotations

from typing import Any

from recipes.decode import decode
from simulators.accelerator import Accelerator
from simulators.evidence import Provenance, Reported
from simulators.laws import ScalingLaw
from simulators.training import Recipe


class RecipeFile(Recipe, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recipe as it stands in a file: who said its values, and what others reported of it."""

    provenance: Provenance
    reported: list[Reported] = []
    note: str | None = None


class AcceleratorFile(Accelerator, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An accelerator as it stands in a file."""

    provenance: Provenance
    reported: list[Reported] = []
    note: str | None = None


def decode_law(data: Any, where: str) -> ScalingLaw:
    """A scaling law from the plain data of its file."""
    return decode(data, ScalingLaw, where)
