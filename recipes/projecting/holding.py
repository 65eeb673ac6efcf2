"""What devices make of a recipe's stages: the fastest layout of each, and whether one fits at all."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.errors import LehrError
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.objectives import PolicyGradient
from lehr.simulators.projection.project import Projection, StageProjection, add_up
from lehr.simulators.projection.stage_time import Assumptions, Place, place_of
from lehr.simulators.quantities import Interval
from lehr.simulators.training import Recipe, Stage

NOT_TRIED = "no layout was tried on its devices, so that they may not hold it"
"""How what is said of a stage begins whose layouts could not be asked."""


class Tried(msgspec.Struct, frozen=True):
    """The utilisation of the fastest layout, or of the author's own, and how many times as long its step takes where
    frozen weights stand in four bits [1]; or why it does not fit, or why none could be asked; ``tight`` says of one
    that fits within what the count of memory errs by."""

    mfu: Interval | None = None
    unpacking: Interval | None = None
    tight: str = ""
    unfit: str | None = None
    untried: str | None = None


_KEPT: dict[bytes, Tried] = {}
"""What was tried, by all that a layout is asked: the jobs of a sweep, and the verbs of one process, ask alike."""
_MOST_KEPT = 4096


class Layouts:
    """The fastest layouts of the stages of a recipe, each asked when it is needed."""

    def __init__(
        self, catalogue: Catalogue, model: Model, recipe: Recipe, assumptions: Assumptions,
        accelerators: Mapping[str, Accelerator],
    ) -> None:  # fmt: skip
        self._catalogue, self._model, self._recipe = catalogue, model, recipe
        self._assumptions, self._accelerators = assumptions, accelerators

    def fastest(self, name: str) -> Interval | None:
        """The utilisation of a stage's fastest layout on its devices, or of that which the recipe's own author gives it
        [1]; ``None`` where their number is not known, none fits or could be asked, and of what layouts know nothing of:
        adapters, and answers that are written token after token."""
        stage = self._recipe.stages[name]
        if stage.adapter is not None or isinstance(stage.objective, PolicyGradient) or self.place(name).devices is None:
            return None
        return self.tried(name).mfu

    def unpacking(self, name: str) -> Interval | None:
        """How many times as long a step takes beside weights in four bits, by the fastest layout on its devices [1];
        ``None`` where that is not known."""
        return None if self.place(name).devices is None else self.tried(name).unpacking

    def place(self, name: str) -> Place:
        """Where a stage runs."""
        return place_of(self._recipe.stages[name], self._accelerators, self._assumptions)

    def tried(self, name: str) -> Tried:
        """What became of asking for a stage's layouts."""
        stage, place = self._recipe.stages[name], self.place(name)
        own = place.published is not None and place.published.layout is not None
        asked = (
            self._model.architecture, place.device, place.devices, place.precision, stage.batch, stage.sequence_length,
            stage.objective, stage.hardware, stage.adapter, own, own_layout(self._recipe, name),
        )  # fmt: skip
        key = msgspec.json.encode(asked)
        if key not in _KEPT:
            if len(_KEPT) >= _MOST_KEPT:
                _KEPT.clear()
            _KEPT[key] = self._try(name, stage, place, own=own)
        return _KEPT[key]

    def _try(self, name: str, stage: Stage, place: Place, *, own: bool) -> Tried:
        # the step-time model takes numpy and a file of constants, which other recipes need not wait for
        from lehr.recipes.laying_out.answer import UnfitError, answer, unpacking_of
        from lehr.recipes.laying_out.published import own_layout_of, utilisation_of
        from lehr.recipes.laying_out.question import question

        try:
            ran = place.published if own else None
            if ran is not None and (place.devices, place.precision) == (ran.count, ran.precision):
                if not own_layout(self._recipe, name):
                    return Tried(mfu=utilisation_of(self._catalogue, self._model, name, stage, stage))
                found = own_layout_of(self._catalogue, self._model, name, stage)
                if not found.fits:
                    return Tried(unfit=f"does not fit: {found.said}")
                return Tried(mfu=found.reached, tight=found.said)
            asked = question(
                self._catalogue, self._model, place.device, stage=(name, stage), devices=place.devices,
                precision=self._assumptions.precision, lora=stage.adapter.matrices if stage.adapter else None,
                quantized=stage.adapter is not None and stage.adapter.kind == "qlora",
            )  # fmt: skip
            best = answer(asked, show=0).best
        except UnfitError as error:
            return Tried(unfit=f"does not fit: {error}")
        except LehrError as error:
            return Tried(untried=f"{NOT_TRIED}: {error}")
        return Tried() if best is None else Tried(mfu=best.reached, unpacking=unpacking_of(best))


def held(  # noqa: PLR0917  (each is one part of what was projected)
    catalogue: Catalogue, model: Model, recipe: Recipe, projection: Projection, layouts: Layouts,
    device: Accelerator | None,
) -> Projection:  # fmt: skip
    """``projection`` without the time of stages that no layout fits on their devices, and with what is to be said of
    those of which no layout could be asked. Stages of the catalogue on the devices that they ran on fitted; adapters
    have no states of the weights beside them. ``device`` is the one that was chosen."""
    stages = [
        _judged(one, layouts.tried(one.name)) if _asked(catalogue, model, recipe, one, device) else one
        for one in projection.stages
    ]
    return msgspec.structs.replace(projection, stages=stages, totals=add_up(stages))


def own_layout(recipe: Recipe, name: str) -> bool:
    """Whether the layout of a stage is its author's own, and nobody published it."""
    return isinstance(recipe, RecipeFile) and recipe.own_layout(name)


def _asked(
    catalogue: Catalogue, model: Model, recipe: Recipe, one: StageProjection, device: Accelerator | None
) -> bool:
    """Whether a stage is on devices that nobody is known to have trained it on."""
    own = recipe.stages[one.name]
    if one.time is None or one.time.devices is None or own.adapter is not None:
        return False
    printed = CONF / "recipe" / f"{recipe.name}.yaml"
    if not printed.is_file() or catalogue.path("recipe", recipe.name) != printed:
        return True
    published = catalogue.recipe(recipe.name)
    if recipe.model != published.model or model != catalogue.model(published.model):
        return True
    theirs = published.stages.get(one.name)
    if theirs is None or theirs.hardware is None or device is not None:
        return True
    ran = (theirs.hardware.accelerator, theirs.hardware.count) == (one.time.accelerator, one.time.devices)
    return not ran or (own.batch, own.sequence_length) != (theirs.batch, theirs.sequence_length)


def _judged(one: StageProjection, tried: Tried) -> StageProjection:
    """A stage without its time where no layout of it fits, or with why none could be asked."""
    if tried.unfit is not None:
        return msgspec.structs.replace(one, time=None, unfit=tried.unfit, warnings=[*one.warnings, tried.unfit])
    if said := tried.untried or tried.tight:
        return msgspec.structs.replace(one, warnings=[*one.warnings, said])
    return one
