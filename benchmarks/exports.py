"""How many recipes each trainer can be handed: all their stages, some of them, or none, and why.

    python -m benchmarks.exports

Every recipe of the catalogue for every trainer; a stage is asked for alone where not all can be exported.
"""

from __future__ import annotations

from collections import Counter

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.run import export
from lehr.recipes.exporting.stage import missing
from lehr.recipes.exporting.trainers import trainers


def why(catalogue: Catalogue, name: str, trainer: str, stages: list[str] | None) -> str | None:
    """Why the stages are refused; ``None`` where they are exported."""
    recipe = catalogue.recipe(name)
    base = recipe.base.model if recipe.base else None
    models = {base: catalogue.model(base)} if base and catalogue.has("model", base) else {}
    try:
        export(catalogue.model(recipe.model), recipe, trainer, models=models, stages=stages)
    except LehrError as error:
        return str(error)
    return None


def main() -> None:
    """A line a trainer, then all together, then how many stages say too little for any trainer."""
    catalogue = Catalogue()
    names = sorted(catalogue.recipes())
    whole: Counter[str] = Counter()
    for trainer in trainers():
        here: Counter[str] = Counter()
        for name in names:
            order = catalogue.recipe(name).order
            if why(catalogue, name, trainer, None) is None:
                here["all stages"] += 1
            elif any(why(catalogue, name, trainer, [stage]) is None for stage in order):
                here["some stages"] += 1
            else:
                here["refused"] += 1
        print(f"{trainer:14}" + ", ".join(f"{here[what]} {what}" for what in ("all stages", "some stages", "refused")))
        whole += here
    print(f"{len(names)} recipes x {len(trainers())} trainers: {dict(whole)}")
    stages = [stage for name in names for _, stage in catalogue.recipe(name).ordered()]
    print(f"{sum(bool(missing(stage)) for stage in stages)} of {len(stages)} stages say too little for any trainer")


if __name__ == "__main__":
    main()
