"""What a plan's network would reach: its loss with an interval, under its own schedules, its score and vocabulary."""

from __future__ import annotations

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.errors import LehrError
from lehr.recipes.planning.files import recipe
from lehr.recipes.planning.result import Planned, Scored, Vocabulary
from lehr.recipes.projecting.forecast import forecast_end
from lehr.simulators.laws import DataConstrained, VocabularyLaw
from lehr.simulators.laws.base import Bounds
from lehr.simulators.laws.downstream import AnyDownstreamLaw
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.laws.surfaces.misfit import loss_bounds
from lehr.simulators.planning.choosing import Demand, Plan, Planner
from lehr.simulators.planning.reading import Rung, size_at
from lehr.simulators.planning.scores import losses_of, score_at
from lehr.simulators.projection.forecast import StageForecast
from lehr.simulators.quantities import Amount


def interval_of(surface: Surface, plan: Plan) -> Bounds | None:
    """The interval of the plan's loss (95 %) [loss_unit]; ``None`` where its law does not say how sure it is."""
    if plan.read_at is None:
        return None
    n, d = plan.read_at
    found = loss_bounds(surface, n, d, unique=plan.read_unique, moved=plan.moved)
    if found is None:
        return None
    here = float(surface.loss(n, d) if plan.read_unique is None else surface.loss(n, d, unique=plan.read_unique))  # type: ignore[call-arg]
    # another vocabulary shifts the loss, and not what is known of it
    return float(found[0]) + plan.chosen.loss - here, float(found[1]) + plan.chosen.loss - here


def under_own_schedules(catalogue: Catalogue, plan: Planned) -> StageForecast | None:
    """The loss at the end of pre-training under the recipe that is written, as ``lehr report`` forecasts it."""
    if plan.surface is None:
        return None
    written = decode(recipe(plan), RecipeFile, "the plan's recipe")
    low, high = plan.loss_interval or (None, None)
    level = Amount(value=plan.plan.chosen.loss, low=low, high=high, unit=plan.plan.loss_unit)
    return forecast_end(catalogue, written, level)


def score_of(catalogue: Catalogue, name: str | None, surface: Surface | None, plan: Plan, rung: Rung) -> Scored | None:
    """What the network would score by the law called ``name``. Raises ``LehrError`` where that is none of scores, or no
    law of the loss gives what it asks for."""
    if name is None:
        return None
    law = catalogue.law(name)
    if not isinstance(law, AnyDownstreamLaw):
        raise LehrError(f"score_law: {name} is no law of benchmark scores; write gadre_error_c4, or a fit of your own")
    if surface is None or plan.read_at is None:
        raise LehrError(f"score_law: {plan.law} gives no loss of a surface to read it at; write law=besiroglu")
    chosen, (n, d) = plan.chosen, plan.read_at
    # experts and repeats are worth to a ladder what they are to the law of the loss
    size = size_at(rung, getattr(law, "n_convention", surface.n_convention)) * n / size_at(rung, surface.n_convention)
    try:
        score = score_at(
            law, losses=losses_of(surface, plan.read_at, plan.read_unique, chosen.loss),
            loss_unit=surface.loss_unit, size=size, tokens=d, flops=chosen.training_flops,
        )  # fmt: skip
    except ValueError as error:
        raise LehrError(f"score_law: {error}") from error
    return Scored(law=law.name, metric=law.metric, benchmark=law.benchmark, score=score)


def own_optimum(law: Planner, plan: Plan, flops: float, demand: Demand) -> tuple[float, float] | None:
    """The law's own optimum for the work at 6 N D, where nothing else than the budget limits it."""
    if demand.seen or demand.served or demand.memory is not None:
        return None
    if isinstance(law, JointMoe):
        return law.optimum(flops, float(plan.chosen.expansion))
    if isinstance(law, DataConstrained):
        return law.optimum(flops, demand.unique)
    if demand.unique is not None and plan.chosen.epochs > 1:
        return None
    return law.optimum(flops)


def best_vocabulary(law: VocabularyLaw | None, rung: Rung, flops: float) -> Vocabulary | None:
    """The vocabulary that the law would give the network, and what the plan's costs above it."""
    if law is None:
        return None
    n = float(rung.count.active["excl_embeddings"])
    best = law.best(n, rung.width, flops)
    here, there = law.at_budget(n, rung.width, [rung.vocabulary, best], flops)
    return Vocabulary(
        law=law.name, best=round(best), interval=law.best_interval(n, rung.width, flops), above=float(here - there),
        own=rung.vocabulary,
    )  # fmt: skip
