"""What the step-time model says of layouts that recipes published."""

from __future__ import annotations

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.laying_out.answer import named
from lehr.recipes.laying_out.question import question
from lehr.simulators.quantities import Interval
from lehr.simulators.training import Stage


def utilisation_of(catalogue: Catalogue, model: Model, name: str, stage: Stage, published: Stage) -> Interval:
    """The model FLOP utilisation of a stage's layout on its own hardware [1], by the count that costs are made with.

    ``published`` is the stage as its authors ran it, whose batch the layout divides. Raises ``LehrError`` where the
    layout cannot be.

    >>> catalogue = Catalogue()
    >>> stage = catalogue.recipe("deepseek_v3").stages["pt"]
    >>> found = utilisation_of(catalogue, catalogue.model("deepseek_v3"), "pt", stage, stage)
    >>> found.low < 0.204 < found.high                   # what 2.664M hours of H800 imply
    True
    """
    hardware = stage.hardware
    assert hardware is not None
    run = msgspec.structs.replace(published, hardware=hardware)
    asked = question(
        catalogue, model, catalogue.accelerators[hardware.accelerator], stage=(name, run), layout="published"
    )
    return named(asked).reached
