"""How many recipes each trainer can be handed: all their stages, some of them, or none, and why.

    python -m benchmarks.exports

Every recipe of the catalogue for every trainer; a stage is asked for alone where not all can be exported. Once as
published, and once with stand-ins for what a recipe does not say and batches at their last size (missing=fill,
ramp=flat).
"""

from __future__ import annotations

from collections import Counter

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.gaps import needed
from lehr.recipes.exporting.run import export
from lehr.recipes.exporting.trainers import trainers


def why(catalogue: Catalogue, name: str, trainer: str, stages: list[str] | None, *, form: bool) -> str | None:
    """Why the stages are refused; ``None`` where they are exported."""
    recipe = catalogue.recipe(name)
    base = recipe.base.model if recipe.base else None
    models = {base: catalogue.model(base)} if base and catalogue.has("model", base) else {}
    try:
        export(
            catalogue.model(recipe.model), recipe, trainer, models=models,
            accelerators=catalogue.accelerators, stages=stages,
            missing="fill" if form else "refuse", ramp="flat" if form else "refuse",
        )  # fmt: skip
    except LehrError as error:
        return str(error)
    return None


def asked(catalogue: Catalogue, name: str, trainer: str, *, form: bool) -> str:
    """How much of a recipe the trainer can be handed."""
    order = catalogue.recipe(name).order
    if why(catalogue, name, trainer, None, form=form) is None:
        return "all stages"
    # of one stage nothing else is asked
    some = len(order) > 1 and any(why(catalogue, name, trainer, [stage], form=form) is None for stage in order)
    return "some stages" if some else "refused"


def main() -> None:
    """A line a trainer, then all together, then how many stages say too little for any trainer."""
    catalogue = Catalogue()
    names = sorted(catalogue.recipes())
    for form in (False, True):
        print("with stand-ins" if form else "as published")
        whole: Counter[str] = Counter()
        for trainer in trainers():
            here = Counter(asked(catalogue, name, trainer, form=form) for name in names)
            print(
                f"{trainer:14}" + ", ".join(f"{here[what]} {what}" for what in ("all stages", "some stages", "refused"))
            )
            whole += here
        print(f"{len(names)} recipes x {len(trainers())} trainers: {dict(whole)}")
    stages = [stage for name in names for _, stage in catalogue.recipe(name).ordered()]
    print(f"{sum(bool(needed(stage)) for stage in stages)} of {len(stages)} stages say too little for any trainer")


if __name__ == "__main__":
    main()
