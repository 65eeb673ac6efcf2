"""What the step-time model says of layouts that recipes published."""

from __future__ import annotations

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.laying_out.answer import error_of, named
from lehr.recipes.laying_out.question import Question, question
from lehr.recipes.presenting.numbers import percent
from lehr.simulators.quantities import Interval
from lehr.simulators.training import Stage

GIB = 2.0**30


class OwnLayout(msgspec.Struct, frozen=True):
    """What a layout reaches that its recipe's author gives a stage, and nobody published: its utilisation [1], whether
    it ``fits`` but for the model's own error, and what is to be said of its memory."""

    reached: Interval
    fits: bool
    said: str


def own_layout_of(catalogue: Catalogue, model: Model, name: str, stage: Stage) -> OwnLayout:
    """What the layout of ``stage`` reaches on its own hardware, and whether it fits."""
    asked = _asked(catalogue, model, name, stage)
    found, capacity = named(asked), asked.accelerator.memory_bytes or float("inf")
    over, error = found.memory_bytes / capacity - 1, error_of(asked)
    takes = f"its layout, {found.layout.short()}, takes {found.memory_bytes / GIB:.1f} GiB of {capacity / GIB:.1f}"
    if over > error:
        said = f"{takes} on {asked.accelerator.name}; lehr layout finds those that fit"
    else:
        said = f"{takes}, which is less too much than the count of memory errs by, {percent(error)}" if over > 0 else ""
    return OwnLayout(found.reached, over <= error, said)


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
    return named(_asked(catalogue, model, name, msgspec.structs.replace(published, hardware=stage.hardware))).reached


def _asked(catalogue: Catalogue, model: Model, name: str, stage: Stage) -> Question:
    assert stage.hardware is not None
    device = catalogue.accelerators[stage.hardware.accelerator]
    return question(catalogue, model, device, stage=(name, stage), layout="published")
