"""Which stages the devices of a cost do not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.costing.result import StageCost
from lehr.recipes.errors import LehrError
from lehr.simulators.counting import count_parameters
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.projection.stage_time import beyond_memory
from lehr.simulators.training import Recipe


def unfit(
    catalogue: Catalogue,
    model: Model,
    recipe: Recipe,
    stages: Sequence[StageCost],
    accelerators: Mapping[str, Accelerator],
) -> list[str]:
    """In words, each stage whose states exceed all devices together, or of which no layout fits with its activations.

    What was billed did run, on the devices that it ran on; adapters have no states of the weights beside them.
    """
    parameters = count_parameters(model.shape()).total
    said: list[str] = []
    laid: dict[object, str | None] = {}
    for s in stages:
        stage = recipe.stages[s.name]
        ran = stage.hardware.count if stage.hardware else None
        if (s.basis == "published hours" and s.devices == ran) or stage.adapter is not None:
            continue
        why = beyond_memory(parameters, s.devices, accelerators[s.accelerator])
        if why is None and s.basis != "rollouts":
            key = (s.accelerator, s.devices, stage.sequence_length, repr(stage.batch))
            if key not in laid:
                laid[key] = _no_layout(catalogue, model, recipe, s, accelerators[s.accelerator])
            why = laid[key]
        if why is not None:
            said.append(f"{s.name} {why}")
    return said


def _no_layout(catalogue: Catalogue, model: Model, recipe: Recipe, stage: StageCost, device: Accelerator) -> str | None:
    """That no layout of a stage fits; ``None`` where one does, and where layouts say nothing of it: of an encoder with
    a decoder, of a device whose speed is not known, of a batch that its devices do not divide."""
    from lehr.recipes.laying_out.answer import UnfitError, answer
    from lehr.recipes.laying_out.question import question

    own = recipe.stages[stage.name]
    try:
        asked = question(catalogue, model, device, stage=(stage.name, own), devices=stage.devices)
        answer(asked, show=0, advise=False)
    except UnfitError as error:
        return f"does not fit: {error}"
    except LehrError:
        return None
    return None
