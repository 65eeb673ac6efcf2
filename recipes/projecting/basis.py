"""What a utilisation rests on, by the origin of its fact."""

from __future__ import annotations

from collections.abc import Mapping

from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.presenting.numbers import percent
from lehr.simulators.projection.cost import BASES, UtilisationBasis
from lehr.simulators.projection.project import Time


def basis_of(recipe: RecipeFile, stage: str, basis: UtilisationBasis) -> str:
    """In words: a utilisation, or a layout, that the recipe's own author wrote is nobody's publication.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> basis_of(Catalogue().recipe("deepseek_v3"), "pt", "layout")
    'of its published layout, by the step-time model'
    """
    hardware = recipe.stages[stage].hardware

    def published(field: str) -> bool:
        return recipe.provenance.of(f"stages.{stage}.hardware.{field}").origin == "published"

    if basis == "published" and not published("mfu"):
        return "as the recipe gives it"
    if basis == "layout" and hardware is not None and hardware.layout is not None and published("layout"):
        return "of its published layout, by the step-time model"
    if basis == "fastest" and hardware is not None and hardware.layout is not None:
        return BASES["layout"]
    return BASES[basis]


def on_what(recipe: RecipeFile, times: Mapping[str, Time]) -> list[str]:
    """The accelerator, the precision and the utilisation of stages, and on what that rests: a line for each kind."""
    reached: dict[tuple[str, str, str], list[float]] = {}
    for stage, time in times.items():
        kind = (time.accelerator, time.precision, basis_of(recipe, stage, time.basis))
        reached.setdefault(kind, []).append(time.mfu.value)
    lines = []
    for (accelerator, precision, basis), mfus in reached.items():
        ends = dict.fromkeys(percent(mfu) for mfu in (min(mfus), max(mfus)))
        lines.append(f"{accelerator} in {precision}, MFU {' to '.join(ends)}, {basis}")
    return lines
