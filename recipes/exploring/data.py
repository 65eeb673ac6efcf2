"""What the page holds: every model, its recipe's projection, its curves and who said all of it, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.checking import attention_variants, check_model, check_recipe
from lehr.recipes.counting import count, held_beside
from lehr.recipes.exploring.figures import forecast_curve, loss_curves, rate_curve
from lehr.recipes.exploring.timeline import timelines
from lehr.recipes.laying_out.defaults import DEFAULT_SEQUENCE
from lehr.recipes.laying_out.same_machine import from_fewest
from lehr.recipes.presenting.document import MARKS, Cell, is_link
from lehr.recipes.presenting.numbers import percent
from lehr.recipes.projecting.forecast import forecast_recipe
from lehr.recipes.projecting.model import FALLBACK_ACCELERATOR, project_model
from lehr.recipes.report.citing import cited, short_authors, used
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.stages import as_stated, mark_of
from lehr.simulators.counting import ACTIVE_CONVENTIONS, FLOP_CONVENTIONS
from lehr.simulators.evidence import Comparison, Provenance
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.projection.project import StageProjection, Totals
from lehr.simulators.projection.stage_time import PRINTED
from lehr.simulators.training import STAGE_KINDS

VERSION = 1
"""Of the data's form, which the page's script reads."""

Uses = dict[str, list[tuple[str, str]]]
"""By source: the places that were read in it, and what for."""


def explorer_data(
    catalogue: Catalogue, laws: Sequence[ScalingLaw], names: Collection[str] | None = None
) -> dict[str, Any]:
    """Everything that the page shows; ``names`` are the models to hold, all of the catalogue by default.

    Raises ``LehrError`` that names the file in which something is wrong.
    """
    models, recipes = catalogue.models(), catalogue.recipes()
    entries = []
    for name, model in models.items():
        if names is None or name in names:
            entries.append(_entry(catalogue, name, model, recipes.get(name), laws))
    for name, recipe in recipes.items():
        # a further recipe for a model, under its own name
        if name not in models and (names is None or name in names):
            entries.append(_entry(catalogue, name, catalogue.model(recipe.model), recipe, laws))
    lines = timelines(catalogue, names)
    used_sources = {key for entry in entries for key in entry["uses"]}
    used_sources |= {point["source"] for line in lines for point in line["points"]}
    return {
        "version": VERSION,
        "lehr": version("lehr"),
        "fallback": FALLBACK_ACCELERATOR,
        "marks": {mark: {"sign": sign, "says": says} for mark, (sign, says) in MARKS.items() if mark != "set"},
        "stage_kinds": dict(STAGE_KINDS),
        "conventions": {
            "active": dict(ACTIVE_CONVENTIONS),
            "flops": {name: convention.says for name, convention in FLOP_CONVENTIONS.items()},
        },
        "laws": [{"name": law.name, "title": law.title, "unit": law.loss_unit} for law in laws],
        "accelerators": _accelerators(catalogue),
        "printed_hours": list(PRINTED),
        "models": entries,
        "timelines": lines,
        "sources": {
            key: {
                "title": source.title,
                "url": source.url if is_link(source.url) else "",
                "by": ", ".join(part for part in (short_authors(source.authors or ""), str(source.year or "")) if part),
            }
            for key, source in sorted(catalogue.sources.items())
            if key in used_sources or any(key == p.source for a in catalogue.accelerators.values() for p in a.prices)
        },
    }


def _accelerators(catalogue: Catalogue) -> dict[str, Any]:
    return {
        name: {
            "title": device.title,
            "peak": dict(device.peak),
            "price": msgspec.to_builtins(device.price) if device.price else None,
            "mfu": {key: [mfu.low, mfu.central, mfu.high] for key, mfu in device.mfu.items()},
        }
        for name, device in catalogue.accelerators.items()
    }


def _entry(
    catalogue: Catalogue, name: str, model: Model, recipe: RecipeFile | None, laws: Sequence[ScalingLaw]
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": name,
        "model": model.name,
        "hf_id": model.hf_id,
        "also": model.also,
        "family": model.family,
        "kind": model.kind,
        "open": model.open,
        "owner": model.owner,
        "released": model.released,
        "note": model.note,
        "attention": attention_variants(model),
        "context_length": model.context_length,
        "marks": _marks(model.provenance),
    }
    if model.architecture is not None:
        entry |= _counted(model)
        entry["machine"] = _machine(catalogue, model)
    comparisons = check_model(model)
    if recipe is None or model.architecture is None:
        uses = _uses_of_model(catalogue, model, comparisons)
    else:
        data = _report_data(catalogue, model, recipe, laws, comparisons)
        comparisons = list(data.comparisons)
        uses = {entry.key: [*entry.uses] for entry in cited(data)}
        entry["recipe"] = _recipe(data)
    return entry | {"published": [_compared(row) for row in comparisons], "uses": uses,
                    "verdicts": dict(sorted(Counter(row.verdict for row in comparisons).items()))}  # fmt: skip


def _counted(model: Model) -> dict[str, Any]:
    architecture, counts = model.shape(), count(model)
    parameters = counts["parameters"]
    return {
        "context_length": architecture.context_length,
        "layers": architecture.n_layers,
        "d_model": architecture.d_model,
        "vocabulary": architecture.embedding.vocab_size,
        "parameters": parameters["total"],
        "non_embedding": parameters["non_embedding"],
        "active": parameters["active"],
        "components": parameters["components"],
        "work": {"sequence_length": counts["sequence_length"], "flops": counts["flops_per_token"]["causal"]},
        "cache": {"per_token": counts["kv_cache_bytes_per_token"], "beside": held_beside(counts)},
    }


def _machine(catalogue: Catalogue, model: Model) -> dict[str, Any] | None:
    """The best layout of the whole network on the fewest fallback accelerators that hold it, and what it takes."""
    length = min(DEFAULT_SEQUENCE, model.shape().context_length)
    found = from_fewest(catalogue, model, catalogue.accelerators[FALLBACK_ACCELERATOR], length)
    if found is None:
        return None
    layout = found.layout
    return {
        "devices": layout.model_parallel * (layout.dp or 1),
        "layout": layout.short(),
        "gib": found.memory_bytes / 2**30,
        "tokens_per_second": [
            found.tokens_per_second * found.seconds / end for end in (found.high, found.seconds, found.low)
        ],
        "mfu": found.mfu["causal"],
    }


FIELDS = {
    "context_length": "architecture.context_length",
    "layers": "architecture.layers",
    "d_model": "architecture.d_model",
    "vocabulary": "architecture.embedding.vocab_size",
}
"""What is shown of an architecture as it was stated, and where that stands in the file."""


def _marks(provenance: Provenance) -> dict[str, str]:
    """The origin of each stated field, where it is not published."""
    origins = {field: provenance.of(path).origin for field, path in FIELDS.items()}
    return {field: origin for field, origin in origins.items() if origin != "published"}


def _report_data(
    catalogue: Catalogue,
    model: Model,
    recipe: RecipeFile,
    laws: Sequence[ScalingLaw],
    comparisons: list[Comparison],
) -> ReportData:
    projection = project_model(catalogue, model, recipe, laws)
    return ReportData(
        model=model,
        recipe=recipe,
        projection=projection,
        comparisons=[*comparisons, *check_recipe(recipe, recipe.reported, projection)],
        laws=laws,
        sources=catalogue.sources,
        accelerators=catalogue.accelerators,
        code_corpora=catalogue.code_corpora(recipe),
        forecast=forecast_recipe(catalogue, recipe, projection, laws[0]) if laws else None,
        version=version("lehr"),
    )


def _uses_of_model(catalogue: Catalogue, model: Model, comparisons: list[Comparison]) -> Uses:
    """What a model without a recipe rests on."""
    stated = {key: value for key, value in msgspec.to_builtins(model).items() if key not in ("provenance", "reported")}
    uses: Uses = {}
    for use in used(model.provenance, stated, "model", "model"):
        if use.fact.source is not None:
            uses.setdefault(use.fact.source, []).append((use.fact.place or "", f"model: {use.what}"))
    for row in comparisons:
        uses.setdefault(row.source, []).append((row.place, f"compared: {row.quantity.replace('_', ' ')}"))
    return uses


def _recipe(data: ReportData) -> dict[str, Any]:
    recipe, projection = data.recipe, data.projection
    return {
        "base": {"model": recipe.base.model, "tokens": recipe.base.n_tokens} if recipe.base else None,
        "note": recipe.note,
        "stages": [
            _stage(data, stage, row) for stage, row in zip(projection.stages, as_stated(data).rows, strict=True)
        ],
        "totals": _totals(projection.totals),
        "totals_with_base": _totals(projection.totals_with_base) if projection.totals_with_base else None,
        "losses": loss_curves(data.laws, projection.parameters, projection),
        "forecast": forecast_curve(data.forecast),
    }


def _stage(data: ReportData, projected: StageProjection, row: list[Cell]) -> dict[str, Any]:
    stage = data.recipe.stages[projected.name]
    hardware = stage.hardware
    path = f"recipe.stages.{projected.name}"
    mix = ", ".join(f"{part.replace('_', ' ')} {percent(share)}" for part, share in stage.data.items())
    return {
        "name": projected.name,
        "kind": projected.kind,
        "tokens": projected.tokens,
        "cumulative_tokens": projected.cumulative_tokens,
        "steps": projected.steps,
        "batch_tokens": projected.batch_tokens,
        "sequence_length": projected.sequence_length,
        "peak_rate": projected.peak_rate,
        "final_rate": projected.final_rate,
        "stated_peak": stage.schedule.peak if stage.schedule else None,
        "flops_per_token": projected.flops_per_token,
        "convention": projected.flop_convention,
        "flops": projected.flops,
        "bound": projected.bound,
        "six_nd": projected.six_nd,
        "hardware": {
            "accelerator": hardware.accelerator,
            "precision": hardware.precision,
            "count": hardware.count,
            "mfu": hardware.mfu,
            "hours": hardware.stated_hours,
        }
        if hardware
        else None,
        "laid_out": _laid_out(projected),
        "rests": projected.time.basis if projected.time is not None else None,
        "rollout": _rollout(projected),
        "loss": {law: [amount.value, amount.low, amount.high] for law, amount in projected.loss.items()},
        "stated": [_cell(cell) for cell in row],
        "data": [mix, mark_of(data, f"{path}.data"), ", ".join(stage.datasets)],
        "rates": rate_curve(stage),
        "warnings": projected.warnings,
    }


def _rollout(projected: StageProjection) -> list[float | None] | None:
    """Accelerator-hours of the stage's rollouts with their bounds [h], where no other figure has them."""
    rollout, time = projected.rollout, projected.time
    if rollout is None or (time is not None and time.basis == "rollouts" and not projected.padded):
        return None
    return [rollout.hours.low, rollout.hours.value, rollout.hours.high]


def _laid_out(projected: StageProjection) -> list[float | None] | None:
    """The utilisation of the stage's own or fastest layout, or rollouts, with its bounds, where time rests on that."""
    time = projected.time
    # a utilisation says the time of a stage's work, and not of rollouts of fewer tokens than the work is counted with
    own = time is not None and time.basis in ("layout", "fastest", "elsewhere", "rollouts") and not projected.padded
    return [time.mfu.low, time.mfu.value, time.mfu.high] if time is not None and own else None


def _cell(cell: Cell) -> list[str]:
    """Text, mark and what stands below; what is empty at the end is left out."""
    return [cell.text, cell.mark, cell.below] if cell.below else [cell.text, cell.mark]


def _totals(totals: Totals) -> dict[str, Any]:
    return {
        "tokens": totals.tokens,
        "flops": totals.flops,
        "hours": totals.hours.value if totals.hours else None,
        "cost": totals.cost.value if totals.cost else None,
        "unknown": totals.unknown,
    }


def _compared(row: Comparison) -> dict[str, Any]:
    short = {"agrees": "agrees", "differs, known cause": "differs", "FAILS": "fails"}[row.verdict]
    return {
        "quantity": row.quantity.replace("_", " "),
        "of": row.subject,
        "printed": row.reported,
        "projected": row.projected,
        "unit": row.unit,
        "verdict": short,
        "cause": row.cause,
        "source": row.source,
    }
