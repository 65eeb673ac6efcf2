"""The layout of a recipe's longest pre-training stage, for its report."""

from __future__ import annotations

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, RecipeFile
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.answer import Answer, NoLayoutError, answer
from lehr.recipes.laying_out.question import DEFAULT_ACCELERATOR, question
from lehr.simulators.machine.layout import Layout
from lehr.simulators.training import PRETRAINING


def laid_out(
    catalogue: Catalogue,
    model: Model,
    recipe: RecipeFile,
    *,
    accelerator: AcceleratorFile | None = None,
    devices: int | None = None,
    precision: str | None = None,
) -> Answer | str:
    """The best layout of the pre-training stage with most tokens on its own hardware or that which is set, beside the
    published one; or in words why there is none.

    >>> catalogue = Catalogue()
    >>> found = laid_out(catalogue, catalogue.model("starcoder"), catalogue.recipe("starcoder"))
    >>> found.question.devices, found.given.layout.pp
    (512, 4)
    """
    stages = [(name, stage) for name, stage in recipe.ordered() if stage.kind in PRETRAINING]
    if not stages or model.architecture is None:
        return "There is no stage of pre-training to lay out." if not stages else "The architecture is not public."
    name, stage = max(stages, key=lambda pair: pair[1].n_tokens or 0.0)
    hardware = stage.hardware
    own = hardware is not None and accelerator is None and devices in (None, hardware.count)
    device = accelerator or catalogue.accelerators[hardware.accelerator if hardware else DEFAULT_ACCELERATOR]
    published = own and hardware is not None and hardware.layout is not None
    layout = "published" if published else "best"
    known = devices or (hardware.count if hardware is not None else None)

    def on(n: int, notes: tuple[str, ...] = ()) -> Answer:
        asked = question(
            catalogue, model, device, stage=(name, stage), own_layout=recipe.own_layout(name), devices=n,
            precision=precision, layout=layout,
        )  # fmt: skip
        return answer(msgspec.structs.replace(asked, notes=(*notes, *asked.notes)), advise=False)

    try:
        if known is not None:
            return on(known)
        said = "it fits no cluster that was tried"
        for n in _assumed(hardware.layout if published and hardware is not None else None):
            try:
                found = on(n, (f"{n:,} {device.name}, assumed: the fewest of 8, 16, 32 and so on that fit",))
            except NoLayoutError as error:
                said = str(error)
            else:
                if found.best is not None:
                    return found
    except LehrError as error:
        said = str(error)
    return f"No layout: {said}."


def _assumed(layout: Layout | None) -> list[int]:
    """Numbers of devices that are tried where nobody said how many there were, and that a published layout divides."""
    tried = [2**k for k in range(3, 15)]
    if layout is None:
        return tried
    unit = layout.pp * max(layout.tp * layout.cp, layout.ep * layout.etp)
    return [n for n in tried if n % unit == 0]
