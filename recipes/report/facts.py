"""What a report is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from typing import TypeVar

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, RecipeFile
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.answer import Answer
from lehr.simulators.evidence import Comparison, Fact, Source
from lehr.simulators.laws import AnyLaw, Frontier, ScalingLaw
from lehr.simulators.laws.moe import EfficiencyLeverage, JointMoe, RoutedLaw
from lehr.simulators.laws.rl import RlSigmoid
from lehr.simulators.projection.forecast import Forecast
from lehr.simulators.projection.project import Projection

ASKED = (ScalingLaw, Frontier, JointMoe, RoutedLaw, EfficiencyLeverage, RlSigmoid)
"""Kinds of laws that a report has a question for."""


T = TypeVar("T")


def once(compute: Callable[[ReportData], T]) -> Callable[[ReportData], T]:
    """``compute``, once for each report: its sections, its JSON and its plots all show the one value."""

    @wraps(compute)
    def kept(data: ReportData) -> T:
        values = data.__dict__
        key = f"{compute.__module__}.{compute.__qualname__}"
        if key not in values:
            values[key] = compute(data)
        found: T = values[key]
        return found

    return kept


class ReportData(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that one report shows; nothing else is read while it is rendered.

    ``laws`` begins with the one that the headline quotes. ``sources`` has at least every key that is cited.
    ``laws`` give the loss of every stage; ``further_laws`` are asked where they apply: for the optimum, for what
    experts are worth and for how reinforcement learning saturates. Raises ``LehrError`` for one that says none of it.
    ``forecast`` is the loss over the stages by the first of ``laws``, where their schedules are known.
    ``laid_out`` is the layout of the longest stage of pre-training, or why there is none.
    ``code_corpora`` are the recipe's corpora that are code.
    ``overridden`` are dotted paths that the command line set, such as ``recipe.stages.pt.tokens`` or ``mfu``.
    """

    model: Model
    recipe: RecipeFile
    projection: Projection
    comparisons: Sequence[Comparison]
    laws: Sequence[ScalingLaw]
    sources: Mapping[str, Source]
    accelerators: Mapping[str, AcceleratorFile]
    version: str
    overridden: Collection[str] = ()
    altered: Collection[str] = ()
    """What the job does otherwise than what was published: published figures are then those of another recipe."""
    further_laws: Sequence[AnyLaw] = ()
    forecast: Forecast | None = None
    laid_out: Answer | str | None = None
    code_corpora: Collection[str] = ()

    def __post_init__(self) -> None:
        for law in self.further_laws:
            if not isinstance(law, ASKED):
                raise LehrError(
                    f"further_laws: {law.name} says nothing of an optimum, of experts or of reinforcement learning; "
                    "leave it out"
                )

    def is_set(self, path: str) -> bool:
        """Did the command line set the value at ``path``, all of what it stands in, or a part of it?"""
        return any(o == path or path.startswith(f"{o}.") or o.startswith(f"{path}.") for o in self.overridden)

    def facts(self, path: str) -> list[Fact]:
        """Who said the value at ``path``, which begins with ``recipe.`` or ``model.``, and the values below it."""
        group, _, inside = path.partition(".")
        provenance = self.recipe.provenance if group == "recipe" else self.model.provenance
        below = [fact for p, fact in provenance.exceptions.items() if p.startswith(f"{inside}.")]
        return [provenance.of(inside), *below]
