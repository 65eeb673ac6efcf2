"""From a recipe, and its base's where that is known, to a forecast of the loss over its stages."""

from __future__ import annotations

import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.objectives import NextToken
from lehr.simulators.projection.forecast import (
    Clock,
    Forecast,
    PathStage,
    StageForecast,
    forecast,
    path_rates,
    surface_along,
)
from lehr.simulators.projection.project import Projection
from lehr.simulators.projection.stage_work import MANY_EPOCHS
from lehr.simulators.quantities import Amount, Floats, number
from lehr.simulators.schedules import Cosine, Warmup
from lehr.simulators.training import PRETRAINING, Recipe, Stage

OWN_STEPS = 72_000
"""Of a curve law that does not say how long its runs were."""
PARTS = 1000
"""Equal parts of a stage's tokens at which its rates are read: a part in 1,000 is a step or two of warm-up or decay."""
MOST_PARTS = 12_000
"""Of all stages together: the work grows with the square of the parts, and no catalogue's recipe has so many stages."""
FIRST_SHARE = 0.03
"""Of all tokens, where a forecast begins; before it warm-up is not far."""


def _repeats(stage: Stage) -> bool:
    """Does a stage see its tokens more often than passes for fresh ones?"""
    return stage.kind in PRETRAINING and (number(stage.epochs) or 1.0) > MANY_EPOCHS


def forecast_recipe(
    catalogue: Catalogue,
    recipe: Recipe,
    projection: Projection,
    surface: ScalingLaw,
    curve: CurveLaw | None = None,
) -> Forecast | None:
    """The loss over the recipe's stages of pre-training, up to the first whose schedule or length is not known.

    A base model comes first, with its own recipe's schedule or, where that is not known, an assumed cosine to a tenth.
    ``projection`` is the recipe's; ``curve`` is a curve law of the user's own to say what the schedules make of the
    loss. ``None`` where the first stage is not known already.
    """
    count = projection.parameters
    per_token = next((s.flops_per_token for s in reversed(projection.stages) if s.loss), None)
    stages = whole_path(catalogue, recipe)
    if stages is None:
        return None
    tokens = grid(stages)
    clock = None if curve is None else own_clock(curve)
    try:
        return forecast(
            stages, tokens, surface_along(surface, count, tokens, per_token), unit=surface.loss_unit, clock=clock
        )
    except ValueError as error:
        raise LehrError(f"recipe {recipe.name}: {error}") from error


def forecast_end(catalogue: Catalogue, recipe: Recipe, level: Amount) -> StageForecast | None:
    """The loss at the end of the recipe's pre-training as ``forecast_recipe`` has it, where a surface gives ``level``
    at the end of a whole schedule; ``None`` as there."""
    stages = whole_path(catalogue, recipe)
    if stages is None:
        return None
    end = np.array([plain_sum(stage.tokens for stage in stages)])
    bounds = [level.value if side is None else side for side in (level.low, level.high)]
    surface = [np.array([value]) for value in (level.value, *bounds)]
    return forecast(stages, end, surface, unit=level.unit).stages[-1]


def whole_path(catalogue: Catalogue, recipe: Recipe) -> list[PathStage] | None:
    """The base's stages and the recipe's own; ``None`` where the first is not known, or a stage's tokens repeat: a
    curve law takes all tokens for fresh ones."""
    own = path_of(recipe)
    if not own or any(_repeats(stage) for stage in recipe.stages.values()):
        return None
    before = base_path(catalogue, recipe, own[0])
    return None if before is None else [*before, *own]


def own_clock(law: CurveLaw) -> Clock:
    """The longest run that ``law`` was fitted on, as its clock.

    >>> law = Catalogue().law("multi_power_25m")
    >>> assert isinstance(law, CurveLaw)
    >>> own_clock(law).steps
    24000
    """
    return Clock(law=law, steps=int(law.range.steps[1]) if law.range.steps else OWN_STEPS)


def path_of(recipe: Recipe) -> list[PathStage]:
    """The stages of pre-training with next-token prediction, up to the first that is not known."""
    out = []
    parts = max(1, min(PARTS, MOST_PARTS // len(recipe.order)))
    for name, stage in recipe.ordered():
        if stage.kind not in PRETRAINING:
            continue
        rates = None if not isinstance(stage.objective, NextToken) else rates_of(stage, parts)
        if rates is None or stage.n_tokens is None:
            break
        out.append(PathStage(name=name, kind=stage.kind, tokens=stage.n_tokens, rates=rates, data=stage.data))
    return out


def rates_of(stage: Stage, parts: int = PARTS) -> Floats | None:
    """The rate at equal ``parts`` of the stage's tokens (parts,), or ``None`` where schedule or length is not known.

    >>> rates = rates_of(Catalogue().recipe("starcoder").stages["pt"])
    >>> assert rates is not None
    >>> len(rates), float(rates.max().round(6)), float(rates[-1].round(6))
    (1000, 0.0003, 3e-05)
    """
    curve = stage.curve()
    if curve is None or curve.peak <= 0:
        return None
    middle = (np.arange(parts) + 0.5) / parts
    if stage.batch is None or stage.sequence_length is None:
        return path_rates(curve, middle * curve.n_steps)
    clock = stage.batch.clock(stage.sequence_length)
    return path_rates(curve, np.asarray(clock.step_at(middle * float(clock.tokens_at(curve.n_steps)))))


def base_path(catalogue: Catalogue, recipe: Recipe, first: PathStage) -> list[PathStage] | None:
    """What the base model was trained on, scaled to the tokens that it is said to have seen; nothing without a base.

    ``None`` where there is a base and nobody says how many tokens it saw.
    """
    base = recipe.base
    if base is None:
        return []
    if base.n_tokens is None:
        return None
    known = catalogue.recipe(base.model) if catalogue.has("recipe", base.model) else None
    if known is not None and known.name != recipe.name and (stages := path_of(known)):
        before = base_path(catalogue, known, stages[0])
        path = [*(before or []), *stages]
        whole = all(s.n_tokens is not None for _, s in known.ordered() if s.kind in PRETRAINING)
        total = plain_sum(stage.tokens for stage in path)
        # a base that was trained on further, unknown, stages is not this path
        if before is not None and whole and abs(total / base.n_tokens - 1) < 0.1:
            return [
                PathStage(
                    name=f"{base.model}: {stage.name}",
                    kind=stage.kind,
                    tokens=stage.tokens * base.n_tokens / total,
                    rates=stage.rates,
                    data=stage.data,
                )
                for stage in path
            ]
    cosine = Cosine(peak=float(first.rates.max()), floor_ratio=0.1, warmup=Warmup(fraction=0.01))
    rates = np.asarray(cosine.resolve(PARTS).values())
    return [PathStage(name=base.model, kind="PT", tokens=base.n_tokens, rates=rates, assumed=True)]


def grid(stages: list[PathStage]) -> Floats:
    """Cumulative tokens (points,) at which a forecast is made: over all of it, and densely within each stage.

    >>> points = grid([PathStage(name="pt", kind="PT", tokens=1e12, rates=np.ones(1))])
    >>> len(points), float(points[0]), float(points[-1])
    (63, 30000000000.0, 1000000000000.0)
    """
    ends = np.cumsum([stage.tokens for stage in stages])
    points = [np.geomspace(FIRST_SHARE * ends[-1], ends[-1], 40)]
    for stage, end in zip(stages, ends.tolist(), strict=True):
        points.append(end - stage.tokens * np.linspace(0.0, 0.995, 25))
    every = np.unique(np.concatenate(points))
    # two that differ by rounding are one
    every = every[np.concatenate([[True], np.diff(every) > 1e-9 * ends[-1]])]
    return np.asarray(every[every >= FIRST_SHARE * ends[-1] * (1 - 1e-12)])
