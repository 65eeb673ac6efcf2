"""From a catalogue and a name to a projection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.projecting.holding import Layouts, held, own_layout
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import count_parameters
from lehr.simulators.evidence import Reported
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.rollout import RolloutConstants
from lehr.simulators.objectives import Distillation, PolicyGradient
from lehr.simulators.projection.project import Assumptions, Projection, add_totals, project
from lehr.simulators.quantities import Interval
from lehr.simulators.training import PRETRAINING, Recipe

DEFAULT_LAWS = ("besiroglu", "chinchilla")
FALLBACK_ACCELERATOR = "h100_sxm"
NO_FIT = "its weights do not fit"
"""What is said of a base of another architecture."""


def project_model(
    catalogue: Catalogue,
    model: Model,
    recipe: Recipe,
    laws: Sequence[ScalingLaw],
    *,
    assumptions: Assumptions | None = None,
    accelerators: Mapping[str, Accelerator] | None = None,
    descent: Sequence[str] = (),
) -> Projection:
    """Project ``recipe`` for ``model``, and its base model's recipe too where the catalogue has that.

    ``accelerators`` stand in for the catalogue's; ``descent`` names the recipes that start from this one.
    Raises ``LehrError`` that names the recipe and the stage.
    """
    if assumptions is None:
        assumptions = Assumptions(fallback=FALLBACK_ACCELERATOR)
    first = _base_recipe(catalogue, recipe, descent)
    base = None
    if first is not None:
        base = project_model(
            catalogue,
            catalogue.model(first.model),
            first,
            (),
            assumptions=assumptions,
            accelerators=accelerators,
            descent=(*descent, recipe.name),
        )
    recipe, said = _from_base(catalogue, model, recipe, base)
    known = catalogue.accelerators if accelerators is None else accelerators
    layouts = Layouts(catalogue, model, recipe, assumptions, known)
    try:
        own = project(
            model.shape(),
            recipe,
            laws=laws,
            accelerators=known,
            assumptions=assumptions,
            laid_out=_laid_out(catalogue, model, recipe, assumptions),
            fastest=layouts.fastest,
            unpacking=layouts.unpacking,
            generation=_generation(recipe),
            teachers=_teachers(catalogue, recipe),
        )
    except ValueError as error:
        raise LehrError(f"recipe {recipe.name}: {error}") from error
    own = held(catalogue, model, recipe, own, layouts, _chosen(assumptions, accelerators))
    if said and own.stages:
        start = msgspec.structs.replace(own.stages[0], warnings=[*said, *own.stages[0].warnings])
        own = msgspec.structs.replace(own, stages=[start, *own.stages[1:]])
    own_base = recipe.base
    if base is None or first is None or own_base is None:
        return own
    if not own_base.upcycled and _misfit(catalogue, model, own_base.model):
        return own
    before = base.totals_with_base or base.totals
    history = add_totals(before, own.totals, first.name)
    return msgspec.structs.replace(own, totals_of_base=before, totals_with_base=history)


def _chosen(assumptions: Assumptions, accelerators: Mapping[str, Accelerator] | None) -> Accelerator | None:
    """The accelerator that the planner set, with what was set in it."""
    if assumptions.accelerator is None or accelerators is None:
        return None
    return accelerators[assumptions.accelerator]


def _base_recipe(catalogue: Catalogue, recipe: Recipe, descent: Sequence[str]) -> RecipeFile | None:
    """The recipe of the model that ``recipe`` starts from; ``None`` where the catalogue has none.

    Raises ``LehrError`` for a base that is not known, or comes back to the recipe itself.
    """
    if recipe.base is None:
        return None
    if not catalogue.has("recipe", recipe.base.model):
        if not catalogue.has("model", recipe.base.model):
            known = nearest(recipe.base.model, {*catalogue.files("model"), *catalogue.files("recipe")})
            raise LehrError(f"recipe {recipe.name}: base: no model is called {recipe.base.model!r}; {known}")
        return None
    first = catalogue.recipe(recipe.base.model)
    if first.name in (*descent, recipe.name):
        raise LehrError(f"recipe {recipe.name}: its base comes back to {first.name}; write another base, or null")
    return first


def _from_base(catalogue: Catalogue, model: Model, recipe: Recipe, base: Projection | None) -> tuple[Recipe, list[str]]:
    """``recipe`` with its base's tokens from the base's own recipe where it states none, and what is to be said of the
    base."""
    if recipe.base is None:
        return recipe, []
    said, own = [], recipe.base
    if own.tokens is None and base is not None:
        seen = [s.cumulative_tokens for s in base.stages if s.kind in PRETRAINING]
        if seen and seen[-1] is not None:
            own = msgspec.structs.replace(own, tokens=seen[-1])
            said.append(f"its base {own.model} had seen {seen[-1]:.4g} tokens by its own recipe")
    if not own.upcycled and (misfit := _misfit(catalogue, model, own.model)):
        # what does not fit is no history of these weights
        said = [misfit]
        own = msgspec.structs.replace(own, tokens=None)
    return msgspec.structs.replace(recipe, base=own), said


def _laid_out(catalogue: Catalogue, model: Model, recipe: Recipe, assumptions: Assumptions) -> dict[str, Interval]:
    """The utilisation of each stage whose layout was published and is what is projected, and of those after it that run
    the same batches on the same devices."""
    if assumptions.accelerator is not None or assumptions.mfu is not None:
        return {}
    laid = {
        name: stage
        for name, stage in recipe.ordered()
        if stage.hardware is not None
        and stage.hardware.layout is not None
        and stage.hardware.count is not None
        and not own_layout(recipe, name)
        and assumptions.precision in (None, stage.hardware.precision)
    }
    if not laid:
        return {}
    # the step-time model takes numpy and a file of constants, which other recipes need not wait for
    from lehr.recipes.laying_out.published import utilisation_of

    # a stage's batch and tokens may be swept; the layout is what its authors ran
    own = catalogue.recipe(recipe.name).stages if catalogue.has("recipe", recipe.name) else {}
    found = {name: utilisation_of(catalogue, model, name, stage, own.get(name, stage)) for name, stage in laid.items()}
    told: dict[tuple[object, ...], Interval] = {}
    for name, stage in recipe.ordered():
        if stage.hardware is None or stage.adapter is not None:
            continue
        ran = stage.hardware
        sequences = stage.batch.sequences if stage.batch is not None else None
        runs = (ran.accelerator, ran.count, ran.precision, stage.sequence_length, sequences)
        if name in found:
            told[runs] = found[name]
        elif runs in told and stage.kind in PRETRAINING:
            found[name] = told[runs]
    return found


def _misfit(catalogue: Catalogue, model: Model, base: str) -> str | None:
    """Why the weights of ``base`` do not fit ``model``: another width, or a quarter more or fewer parameters."""
    shape = catalogue.model(base).architecture if catalogue.has("model", base) else None
    if shape is None:
        return None
    theirs, ours = count_parameters(shape).total, count_parameters(model.shape()).total
    if shape.d_model == model.shape().d_model and 0.8 < theirs / ours < 1.25:
        return None
    return (
        f"its base {base} has another architecture ({theirs / 1e9:.3g}B parameters, not {ours / 1e9:.3g}B): "
        f"{NO_FIT}, and its tokens do not count; write base.upcycled=true where they are grown into it"
    )


def _teachers(catalogue: Catalogue, recipe: Recipe) -> dict[str, Architecture]:
    """The networks that stages distil. Raises ``LehrError`` for one that is not known."""
    names = {s.objective.teacher for s in recipe.stages.values() if isinstance(s.objective, Distillation)}
    return {name: catalogue.model(name).shape() for name in sorted(names)}


def _generation(recipe: Recipe) -> RolloutConstants | None:
    """Constants of generation where a stage generates."""
    if not any(isinstance(stage.objective, PolicyGradient) for stage in recipe.stages.values()):
        return None
    # a file of constants, which other recipes need not wait for
    from lehr.recipes.generating.tables import rollout_constants

    return rollout_constants()


def project_by_name(
    catalogue: Catalogue, name: str, laws: Sequence[ScalingLaw] = ()
) -> tuple[RecipeFile, Sequence[Reported], Projection]:
    """The recipe called ``name``, what is reported of it, and its projection."""
    recipe = catalogue.recipe(name)
    return recipe, recipe.reported, project_model(catalogue, catalogue.model(recipe.model), recipe, laws)
