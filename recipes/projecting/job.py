"""One composed job, decoded and projected: what a report shows and what a sweep has a row of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, RecipeFile, as_surface, decode_law
from lehr.recipes.composing.job import Composed, without_recipe
from lehr.recipes.errors import LehrError
from lehr.recipes.projecting.model import DEFAULT_LAWS, project_model
from lehr.simulators.laws import AnyLaw, DataConstrained, ScalingLaw
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.projection.budget import first_stage_of
from lehr.simulators.projection.project import Assumptions, Projection
from lehr.simulators.projection.stage_work import MANY_EPOCHS
from lehr.simulators.quantities import Work, number
from lehr.simulators.training import PRETRAINING

T = TypeVar("T")


TAKEN = "~recipe.stages."
"""How an override begins that takes a stage away."""


class ProjectedJob(msgspec.Struct, frozen=True, kw_only=True):
    """What one job says, and what follows."""

    model: Model
    recipe: RecipeFile
    laws: list[ScalingLaw]
    curve: CurveLaw | None
    accelerators: dict[str, AcceleratorFile]
    projection: Projection


class Decoded:
    """Decodes parts of configurations; the same plain data is decoded once.

    A sweep's jobs share the data of the files that they do not change, so that a law is decoded once for a thousand
    of them. At most ``size`` parts are kept. Jobs that are compared are read by one law: where ``repeating``, by that
    of repeated data, however often a job's own tokens are seen.
    """

    def __init__(self, size: int = 256, *, repeating: bool = False) -> None:
        self._size = size
        self.repeating = repeating
        # the data is kept beside its value, so that its identity is not used again while it is a key
        self._kept: dict[tuple[int, Any], tuple[Any, Any]] = {}

    def __call__(self, data: Any, kind: type[T], where: str) -> T:
        """``data`` as a ``kind``. Raises ``LehrError`` as ``decode`` does."""
        return self._of(data, kind, lambda: decode(data, kind, where))

    def law(self, data: Any, where: str, folders: Sequence[Path]) -> AnyLaw:
        """``data`` as a law of any form. Raises ``LehrError`` where it is none."""
        return self._of(data, "law", lambda: decode_law(data, where, folders))

    def _of(self, data: Any, kind: Any, make: Callable[[], T]) -> T:
        key = (id(data), kind)
        if key not in self._kept:
            if len(self._kept) >= self._size:
                self._kept.clear()
            self._kept[key] = (data, make())
        found: T = self._kept[key][1]
        return found


def project_job(job: Composed, decoded: Decoded | None = None) -> ProjectedJob:
    """Decode the configuration and project it. Raises ``LehrError`` that says where it is wrong."""
    config, catalogue = job.config, job.catalogue
    decoded = decoded or Decoded()
    model = decoded(config["model"], Model, "model")
    if config.get("recipe") is None:
        raise without_recipe(job, model.name)
    recipe = decoded(config["recipe"], RecipeFile, "recipe")
    gone = {o.removeprefix(TAKEN) for o in job.overrides if o.startswith(TAKEN)}
    budget: float | None = job.bounded("train_flops", Work | None, "an amount of work, such as 1e23")
    if budget is not None:
        gone |= {*recipe.order[1:]}
        try:
            recipe = first_stage_of(recipe, model.shape(), budget)
        except ValueError as error:
            raise LehrError(str(error)) from error
    if gone:
        # what was published of a stage that the command line took away has nothing beside it
        recipe = msgspec.structs.replace(recipe, reported=[r for r in recipe.reported if r.stage not in gone])
    law = decoded.law(config["law"], "law", catalogue.law_folders)
    curve = law if isinstance(law, CurveLaw) else None
    # a law of the learning rate says what schedules make of a level that a law of parameters and tokens gives
    laws = [as_surface(law, "law") if curve is None else catalogue.surface(DEFAULT_LAWS[0])]
    laws += [
        other
        for name in job.setting("compare_laws", list[str])
        if (other := catalogue.surface(name)).name != laws[0].name
    ]
    seen = any(s.kind in PRETRAINING and (number(s.epochs) or 1) > MANY_EPOCHS for s in recipe.stages.values())
    often = decoded.repeating or seen
    if often and not isinstance(laws[0], DataConstrained):
        # other laws say nothing of tokens that are seen so often
        repeats = catalogue.surface("muennighoff")
        laws = [repeats, *(one for one in laws if one.name != repeats.name)]
    chosen = None
    accelerators = dict(catalogue.accelerators)
    if config.get("accelerator") is not None:
        chosen = decoded(config["accelerator"], AcceleratorFile, "accelerator")
        # with what the command line set in it
        accelerators[chosen.name] = chosen
    projection = project_model(
        catalogue, model, recipe, laws, assumptions=assumptions(job, chosen), accelerators=accelerators
    )
    return ProjectedJob(
        model=model, recipe=recipe, laws=laws, curve=curve, accelerators=accelerators, projection=projection
    )


def assumptions(job: Composed, accelerator: AcceleratorFile | None) -> Assumptions:
    """What the planner set. Raises ``LehrError`` for a value that cannot be."""
    return Assumptions(
        fallback=job.setting("fallback_accelerator", str),
        accelerator=accelerator.name if accelerator else None,
        precision=job.setting("precision", str | None),
        devices=job.devices(),
        mfu=job.mfu(),
        usd_per_hour=job.usd_per_hour(),
    )
