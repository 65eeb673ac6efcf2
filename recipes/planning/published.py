"""The published stages of the catalogue, as evidence for the settings of a plan."""

from __future__ import annotations

from collections.abc import Mapping

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.simulators.counting import ParameterCount, count_parameters
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.objectives import PolicyGradient
from lehr.simulators.planning.published import PublishedStage
from lehr.simulators.schedules import Warmup
from lehr.simulators.schedules.decays import Constant
from lehr.simulators.training import PRETRAINING, Stage

DECODERS = ("dense", "moe", "recurrent", "hybrid")
"""Kinds of networks that write one token after another, as a planned one does."""
MOST_ACTIVE = 0.9
"""Of all parameters, what a mixture of experts uses for a token at most, whatever its attention is."""


def published_stages(catalogue: Catalogue) -> list[PublishedStage]:
    """Every stage of a decoder whose peak rate, batch or group is public; what several recipes share counts once."""
    recipes = catalogue.recipes()
    found: dict[tuple[object, ...], PublishedStage] = {}
    for recipe in recipes.values():
        if not any(s.schedule or s.batch for s in recipe.stages.values()) or not catalogue.has("model", recipe.model):
            continue
        model = catalogue.model(recipe.model)
        if model.kind not in DECODERS or model.architecture is None:
            continue
        count = count_parameters(model.architecture)
        tokens = plain_sum(s.n_tokens or 0.0 for s in recipe.stages.values() if s.kind in PRETRAINING) or None
        first, last = rates_before(recipe, recipes)
        for name, stage in recipe.ordered():
            row = _row((recipe.model, name), stage, count, tokens if recipe.base is None else None, (first, last))
            found.setdefault((row.kind, name, row.size, row.peak, row.batch_tokens), row)
            if stage.kind in PRETRAINING and stage.schedule is not None:
                first = first or peak_of(stage)
                last = final_of(stage)
    return list(found.values())


def rates_before(recipe: RecipeFile, recipes: Mapping[str, RecipeFile]) -> tuple[float | None, float | None]:
    """The peak rate of the pre-training that a recipe's base had, and the last rate of it; ``None`` where unknown."""
    if recipe.base is None or recipe.base.model not in recipes:
        return None, None
    base = recipes[recipe.base.model]
    first, last = rates_before(base, recipes)
    for _, stage in base.ordered():
        if stage.kind in PRETRAINING:
            first, last = first or peak_of(stage), final_of(stage)
    return first, last


def peak_of(stage: Stage) -> float | None:
    """The highest rate of a stage: of a decay that began before it, what is left of it."""
    if stage.schedule is None:
        return None
    curve = stage.curve()
    if curve is None:
        return stage.schedule.peak
    starts = [sum(phase.steps for phase in curve.phases[:i]) for i in range(len(curve.phases))]
    return float(curve.at(starts).max())


def final_of(stage: Stage) -> float | None:
    """The rate that a stage ends at; ``None`` where its length leaves it open."""
    if stage.schedule is None:
        return None
    curve = stage.curve()
    if curve is not None:
        return curve.final
    if isinstance(stage.schedule, Constant):
        return stage.schedule.peak
    return stage.schedule.lowest or None


def _row(
    called: tuple[str, str], stage: Stage, count: ParameterCount, tokens: float | None,
    before: tuple[float | None, float | None],
) -> PublishedStage:  # fmt: skip
    (model, name), (first, last) = called, before
    size, active = float(count.total), float(count.active["all"])
    peak = peak_of(stage)
    decay = stage.optimizer.weight_decay if stage.optimizer else None
    warmup: Warmup | None = stage.schedule.warmup if stage.schedule else None
    group = stage.objective.group_size if isinstance(stage.objective, PolicyGradient) else None
    return PublishedStage(
        model=model, stage=name, kind=stage.kind, size=size, active=active, mixture=active < MOST_ACTIVE * size,
        tokens=tokens, peak=peak,
        batch_tokens=stage.final_batch_tokens, batch_sequences=stage.batch.sequences if stage.batch else None,
        weight_decay=float(decay) if isinstance(decay, (int, float)) else None,
        warmup_steps=warmup.steps if warmup else None, group_size=group,
        of_peak=peak / first if peak and first else None, of_last=peak / last if peak and last else None,
    )  # fmt: skip
