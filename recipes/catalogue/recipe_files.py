"""Recipes, accelerators and laws as they stand in files.

Apart from ``lehr.recipes.catalogue.files``, because these need numpy and a count of parameters does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.draws import with_draws
from lehr.recipes.errors import LehrError
from lehr.simulators.evidence import Provenance, Reported
from lehr.simulators.laws import AnyLaw, Frontier, ScalingLaw, VocabularyLaw
from lehr.simulators.laws.downstream import AnyDownstreamLaw
from lehr.simulators.laws.mixture import ReplayTable
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.cluster import Cluster
from lehr.simulators.quantities import Factor, NonNegative, Positive
from lehr.simulators.training import Recipe


class Figured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a publication reckons with: ``watts`` of a device [W], the ``pue`` of its building, where it counts one [1],
    what a kilowatt-hour emits [kg/kWh], and accelerator-hours where they are not those of the recipe's stages [h]."""

    watts: Positive
    hours: Positive | None = None
    pue: Factor = 1.0
    carbon: NonNegative | None = None


class RunFigure(Reported, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure that was published of a run; one of energy or carbon says ``at`` what it was worked out."""

    at: Figured | None = None


class RecipeFile(Recipe, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recipe as it stands in a file: who said its values, and what others reported of it."""

    provenance: Provenance
    reported: list[RunFigure] = []
    note: str | None = None

    def own_layout(self, stage: str) -> bool:
        """Whether the layout of ``stage`` is its author's own, and nobody published that it ran."""
        return self.provenance.of(f"stages.{stage}.hardware.layout").origin != "published"


class MeasuredFigure(Reported, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure that was measured on an accelerator: ``of`` tells the rows of ``conf/measurement`` by their columns."""

    of: dict[str, str] = {}


class AcceleratorFile(Accelerator, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An accelerator as it stands in a file."""

    provenance: Provenance
    reported: list[MeasuredFigure] = []
    note: str | None = None


class ClusterFile(Cluster, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cluster as it stands in a file."""

    provenance: Provenance
    note: str | None = None


def decode_law(data: Any, where: str, folders: Sequence[Path] = ()) -> AnyLaw:
    """A law of any form from the plain data of its file; a table of its draws lies in one of ``folders``."""
    # mypy has no type for "the value of a union"
    return decode(with_draws(data, where, folders), cast("type[AnyLaw]", AnyLaw), where)


def decode_surface(data: Any, where: str, folders: Sequence[Path] = ()) -> ScalingLaw:
    """A law of the loss by parameters and tokens.

    Raises ``LehrError`` where the file holds a law of other inputs, such as one of the learning rate.
    """
    return as_surface(decode_law(data, where, folders), where)


TAKEN_BY: tuple[tuple[Any, str], ...] = (
    (JointMoe, "moe_law"),
    (VocabularyLaw, "vocabulary_law"),
    (AnyDownstreamLaw, "score_law"),
    (ReplayTable, "replay_law"),
    (Frontier, "law"),
)
"""The setting of a plan that takes a law of each form that is none of parameters and tokens."""


def as_surface(law: AnyLaw, where: str) -> ScalingLaw:
    """``law`` where it is one of parameters and tokens. Raises ``LehrError`` that says what takes another."""
    if not isinstance(law, ScalingLaw):
        takes = next((f"; lehr plan takes it with {key}=" for form, key in TAKEN_BY if isinstance(law, form)), "")
        raise LehrError(
            f"{where}: {law.name} gives no loss by parameters and tokens; write law=chinchilla or besiroglu{takes}"
        )
    return law
