"""Every reported figure beside what is projected, with a verdict.

A quantity has one or several *candidates*: the same thing under each convention that reports use. A figure agrees
where a candidate prints as it was printed; the verdict names the convention that did it. The tolerance is the
printed digits', or an interval that the projection or the source states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from lehr.recipes.catalogue.entries import Dataset, Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, MeasuredFigure
from lehr.recipes.costing.printed import energy_candidates
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.laying_out.utilisation import Measured, Utilisation, measured, utilisations
from lehr.simulators.counting import count_parameters
from lehr.simulators.evidence import Candidate, Comparison, Reported, Rule, Verdict, matches_number, parse_figure
from lehr.simulators.laws.base import Law, LawFigure
from lehr.simulators.laws.inference import answers_of
from lehr.simulators.layers import Attention
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.project import Projection, StageRollout
from lehr.simulators.quantities import Interval
from lehr.simulators.training import Recipe, Stage


def compare(subject: str, row: Reported, candidates: list[Candidate]) -> Comparison:
    """The verdict on one reported figure.

    It agrees where a candidate fits the row's rule (without one: rounding, then truncation for a count). A row with
    a ``known_cause`` must differ: it fails as soon as it agrees. Raises ``LehrError`` where the figure is no number.
    """
    if row.convention is not None:
        candidates = [c for c in candidates if c.convention == row.convention]
    try:
        fits = [(c, rule) for c in candidates if (rule := fitting_rule(row, c)) is not None]
    except ValueError as error:
        raise LehrError(f"{subject}: reported {row.quantity}: {error}") from error
    candidate, rule = fits[0] if fits else (candidates[0] if candidates else Candidate("", None), "")
    if row.known_cause is not None:
        verdict: Verdict = "FAILS" if fits else "differs, known cause"
        cause: str | None = "agrees although a cause for a difference is on record" if fits else row.known_cause
    elif fits:
        verdict, cause = "agrees", None
    else:
        verdict, cause = "FAILS", "nothing is projected" if candidate.value is None else "no known cause"
    return Comparison(
        subject=subject,
        quantity=row.quantity,
        reported=row.printed,
        projected=candidate.value,
        unit=row.unit or candidate.unit,
        rule="; ".join(part for part in (rule or (row.rule or "rounds"), candidate.convention) if part),
        verdict=verdict,
        source=row.source,
        place=row.place,
        cause=cause,
    )


OTHERWISE = "set otherwise than published"
"""How the cause of a figure begins that is off because the job is another one."""


def excuse(
    rows: Iterable[Comparison], changed: Sequence[str], kept: Iterable[Comparison] | None = None
) -> list[Comparison]:
    """The rows of a job that does something otherwise than the catalogue: what was published is of another recipe, so
    that a figure which is off now differs for that known cause. Nothing is excused where nothing was ``changed``.

    ``kept`` are the rows of the catalogue's own recipe: a figure that is projected otherwise there has this cause, and
    no longer the one on record.
    """
    cause = f"{OTHERWISE}: {', '.join(changed)}"
    before = {(row.subject, row.quantity, row.reported, row.place): row.projected for row in kept or ()}

    def moved(row: Comparison) -> bool:
        key = (row.subject, row.quantity, row.reported, row.place)
        return row.verdict == "FAILS" or (key in before and before[key] != row.projected)

    return [
        msgspec.structs.replace(row, verdict="differs, known cause", cause=cause)
        if changed and row.verdict != "agrees" and moved(row)
        else row
        for row in rows
    ]


def fitting_rule(row: Reported, candidate: Candidate) -> str | None:
    """The rule by which ``candidate`` prints as the row says, or ``None``."""
    value = candidate.value
    if value is None:
        return None
    if isinstance(value, str):
        return "same" if value.casefold() == row.printed.casefold() else None
    if candidate.low is not None and candidate.high is not None:
        figure = float(parse_figure(row.printed).value)
        return "lies in the projected interval" if candidate.low <= figure <= candidate.high else None
    rules: list[Rule] = [row.rule] if row.rule else ["rounds"]
    for rule in rules:
        if matches_number(row.printed, value, rule, row.interval):
            return "exact" if rule == "rounds" and parse_figure(row.printed).exact else rule
    binary = row.quantity == "context_length" and row.printed.endswith(("K", "M"))
    if binary and value == float(parse_figure(row.printed).value) * (1.024 if row.printed[-1] == "K" else 1.024**2):
        return "K is 1,024"
    return None


# Models


def attention_variants(model: Model) -> str | None:
    """The attention kinds of the stack, such as GQA; ``None`` where the shape is not public."""
    if model.architecture is None:
        return None
    mixers = [block.mixer for block, _ in model.architecture.stack() if block.mixer is not None]
    names = {m.variant if isinstance(m, Attention) else getattr(m, "variant", type(m).__name__) for m in mixers}
    return "+".join(sorted(names))


def stack_kind(model: Model) -> str | None:
    """Encoder, decoder or both, by what a token sees; ``None`` where the shape is not public."""
    if model.architecture is None:
        return None
    if model.architecture.encoder is not None:
        return "encoder-decoder"
    return "decoder" if model.architecture.causal else "encoder"


def model_candidates(model: Model) -> dict[str, list[Candidate]]:
    """What is projected of a model, by quantity; of a closed one what its owner says."""
    said = {
        "kind": [Candidate("catalogued", model.kind)],
        "open": [Candidate("catalogued", model.open)],
        "languages": [Candidate("stated", model.languages, "languages")],
        **{f"stated.{name}": [Candidate("stated", value)] for name, value in model.stated.items()},
    }
    if model.architecture is None:
        return {**said, "context_length": [Candidate("stated", model.context_length, "tokens")]}
    count = count_parameters(model.architecture)
    stored = count.total + count.buffers + sum(count.extras.values())
    buffers = count.buffers + sum(n for name, n in count.extras.items() if name.endswith("buffers"))
    mtp = sum(n for name, n in count.extras.items() if name.startswith("mtp"))
    return {
        **said,
        "parameters.total": [Candidate("trained parameters", count.total, "parameters")],
        "parameters.non_embedding": [Candidate("without both tables", count.non_embedding, "parameters")],
        "parameters.checkpoint": [
            Candidate("trained, buffers and extras", stored, "values"),
            Candidate("trained and extras, without buffers", stored - buffers, "values"),
            Candidate("without the modules for multi-token prediction", stored - mtp, "values"),
            Candidate("trained parameters alone", count.total, "values"),
        ],
        "parameters.with_buffers": [Candidate("trained and buffers", count.total + count.buffers, "values")],
        "parameters.embedding": [
            Candidate("vocabulary's table", count.components.get("embedding"), "parameters"),
        ],
        "parameters.active": [Candidate(name, value, "parameters") for name, value in count.active.items()],
        **{f"parameters.{name}": [Candidate("extra", value, "values")] for name, value in count.extras.items()},
        "context_length": [Candidate("native", model.architecture.context_length, "tokens")],
        "vocabulary": [Candidate("rows of the table", model.architecture.embedding.vocab_size, "tokens")],
        "layers": [Candidate("blocks of the stack", model.architecture.n_layers, "layers")],
        "attention": [Candidate("", attention_variants(model))],
        "stack": [Candidate("", stack_kind(model))],
    }


def check_model(model: Model) -> list[Comparison]:
    """Every reported figure of a model."""
    return _compare_all(model.name, model.reported, lambda row: model_candidates(model))


# Recipes


def recipe_candidates(recipe: Recipe, projection: Projection, row: Reported) -> dict[str, list[Candidate]]:
    """What is projected of the stage of a ``row``, or of the whole recipe where it names none, by quantity.

    Raises ``LehrError`` where the recipe has no such stage.
    """
    stage = row.stage
    if stage is not None and stage not in recipe.stages:
        raise LehrError(f"recipe {recipe.name}: reported names stage {stage!r}; {nearest(stage, recipe.stages)}")
    stages = [s for s in projection.stages if stage is None or s.name == stage]
    # a most proves no figure
    known = [s for s in stages if s.flops is not None and not s.padded]
    tokens = plain_sum(s.tokens or 0.0 for s in known) or None
    times = [s.time for s in known if s.time is not None]
    low = plain_sum(t.hours.low if t.hours.low is not None else t.hours.value for t in times)
    high = plain_sum(t.hours.high if t.hours.high is not None else t.hours.value for t in times)
    stated = [
        (s.hardware.accelerator, hours)
        for s in _stages(recipe, stage)
        if s.hardware and (hours := s.hardware.own_hours if stage else s.hardware.stated_hours)
    ]
    hours = plain_sum(h for _, h in stated) or None
    flops = plain_sum(s.flops or 0.0 for s in known) or None
    six_nd = plain_sum(s.six_nd or 0.0 for s in known) or None
    prices = {t.accelerator: t.price.usd_per_hour for t in times if t.price}
    money = (
        plain_sum(h * prices[name] for name, h in stated) if stated and all(n in prices for n, _ in stated) else None
    )
    only = stages[0] if len(stages) == 1 else None
    return {
        "tokens": [Candidate("sum of the stages" if stage is None else "stage", tokens, "tokens")],
        "tokens_with_base": [
            Candidate(
                "base and stages",
                (recipe.base.n_tokens + tokens) if recipe.base and recipe.base.n_tokens and tokens else None,
                "tokens",
            )
        ],
        "steps": [Candidate("stage", only.steps if only else None, "steps")],
        "batch_tokens": [Candidate("after any ramp", only.batch_tokens if only else None, "tokens")],
        "peak_rate": [Candidate("stage", only.peak_rate if only else None)],
        "final_rate": [Candidate("stage", only.final_rate if only else None)],
        "training_flops": [
            Candidate("6ND", six_nd, "FLOP"),
            Candidate("8ND, one more forward pass for full recomputation", six_nd * 4 / 3 if six_nd else None, "FLOP"),
            Candidate("causal", flops, "FLOP"),
            Candidate("causal, recomputed", flops * 4 / 3 if flops else None, "FLOP"),
        ],
        "accelerator_hours": [
            Candidate("projected", plain_sum(t.hours.value for t in times) or None, "h", low, high),
            *([_rollouts(only.rollout)] if stage is not None and only and only.rollout else []),
            # for one stage that would compare a figure with itself
            *([Candidate("sum of the published stages", hours, "h")] if stage is None and len(stated) > 1 else []),
        ],
        "accelerator_hours_per_trillion_tokens": [
            Candidate("published hours", hours / tokens * 1e12 if hours and tokens else None, "h")
        ],
        "cost_usd": [Candidate("published hours at the published price", money, "USD")],
        **energy_candidates(hours, row),
        "stages": [Candidate("", ", ".join(dict.fromkeys(s.kind for s in _stages(recipe, stage))))],
    }


def _rollouts(rollout: StageRollout) -> Candidate:
    """The hours of a stage of policy gradients by its rollouts."""
    hours = rollout.hours
    return Candidate("rollouts", hours.value, "h", hours.low, hours.high)


def _stages(recipe: Recipe, stage: str | None) -> list[Stage]:
    return [s for name, s in recipe.ordered() if stage is None or name == stage]


def check_recipe(recipe: Recipe, reported: Iterable[Reported], projection: Projection) -> list[Comparison]:
    """Every reported figure of a recipe, set beside its projection."""
    return _compare_all(recipe.name, reported, lambda row: recipe_candidates(recipe, projection, row), shows_stage=True)


# Datasets


def check_dataset(dataset: Dataset) -> list[Comparison]:
    """Every reported figure of a corpus beside the value that the catalogue holds."""
    candidates = {
        "size_bytes": [Candidate("stated", dataset.size_bytes, "bytes")],
        "tokens": [Candidate("stated", dataset.tokens, "tokens")],
        "languages": [Candidate("stated", dataset.languages, "languages")],
        "sources": [Candidate("stated", ", ".join(dataset.sources) or None)],
        "deduplication": [Candidate("stated", dataset.deduplication)],
        "license": [Candidate("stated", dataset.license)],
        "examples": [Candidate("stated", dataset.examples, "examples")],
        **{f"stated.{name}": [Candidate("stated", value)] for name, value in dataset.stated.items()},
    }
    return _compare_all(dataset.name, dataset.reported, lambda row: candidates)


# Accelerators


def check_accelerator(
    device: AcceleratorFile, rows: Sequence[Measured], expected: Mapping[tuple[str, str], Utilisation]
) -> list[Comparison]:
    """Every figure that was measured on an accelerator beside the tables of measurements, and the quantiles of its
    utilisation beside those that the tables give. Raises ``LehrError`` where no row of a table is the one meant."""

    def candidates(row: Reported) -> dict[str, list[Candidate]]:
        assert isinstance(row, MeasuredFigure)
        asked = {"source": row.source, **row.of}
        meant = [r for r in rows if r.accelerator == device.name and asked.items() <= r.row.items()]
        if not meant:
            raise LehrError(f"accelerator {device.name}: reported {row.quantity}: no row of the tables is {asked}")
        known: dict[str, list[Candidate]] = {}
        for one in meant:
            for quantity, values in one.figures.items():
                unit = MEASURED_UNITS[quantity]
                known.setdefault(quantity, []).extend(Candidate(name, value, unit) for name, value in values)
        # the convention that comes nearest is the one shown
        printed = float(parse_figure(row.printed).value)
        return {name: sorted(of, key=lambda c: abs(c.value - printed)) for name, of in known.items()}  # type: ignore[operator]

    found = _compare_all(f"accelerator {device.name}", device.reported, candidates)
    for key, interval in device.mfu.items():
        if (device.name, key) in expected:
            found.append(_quantiles(device, key, interval, expected[device.name, key]))
    return found


MEASURED_UNITS = {
    "mfu": "%",
    "tflops": "TFLOP/s",
    "tokens_per_second": "tokens/s",
    "step_seconds": "s",
    "accelerator_hours": "h",
}
"""In what a measured quantity is told."""


def _quantiles(device: AcceleratorFile, key: str, interval: Interval, expected: Utilisation) -> Comparison:
    """The utilisation in a file beside the quantiles of the tables."""
    said = f"{interval.low:g}, {interval.central:g}, {interval.high:g}"
    row = Reported(
        quantity=f"mfu.{key}",
        printed=said,
        source=", ".join(expected.sources),
        place=f"10, 50 and 90 % quantiles over {expected.models} models, {expected.measurements} measurements",
    )
    of = expected.interval
    return compare(f"accelerator {device.name}", row, [Candidate("", f"{of.low:g}, {of.central:g}, {of.high:g}", "1")])


# Laws


def check_law(law: Law) -> list[Comparison]:
    """Every figure that a law should reproduce. Raises ``LehrError`` for a question that it cannot answer."""

    def candidates(row: Reported) -> dict[str, list[Candidate]]:
        assert isinstance(row, LawFigure)
        answers = answers_of(law)
        if row.quantity not in answers:
            return {name: [] for name in answers}
        compute, unit = answers[row.quantity]
        try:
            value = float(compute(**row.at))
        except (TypeError, ValueError) as error:
            raise LehrError(f"law {law.name}: reported {row.quantity} at {row.at}: {error}; correct `at`") from error
        inputs = ", ".join(f"{name} {at:g}" for name, at in row.at.items())
        return {row.quantity: [Candidate(inputs, value, unit)]}

    return _compare_all(f"law {law.name}", law.reported, candidates)


def _compare_all(
    subject: str,
    reported: Iterable[Reported],
    candidates: Callable[[Reported], dict[str, list[Candidate]]],
    *,
    shows_stage: bool = False,
) -> list[Comparison]:
    rows = []
    for row in reported:
        known = candidates(row)
        if row.quantity not in known:
            raise LehrError(
                f"{subject}: reported quantity {row.quantity!r} is not known; {nearest(row.quantity, known)}"
            )
        name = f"{subject}.{row.stage}" if shows_stage and row.stage else subject
        rows.append(compare(name, row, known[row.quantity]))
    return rows


def check_all(
    catalogue: Catalogue, project: Callable[[str], tuple[Recipe, Sequence[Reported], Projection]]
) -> list[Comparison]:
    """Every reported figure of the catalogue; ``project`` gives a recipe with its projection by name."""
    rows: list[Comparison] = []
    for model in catalogue.models().values():
        rows += check_model(model)
    for name in catalogue.files("recipe"):
        rows += check_recipe(*project(name))
    for dataset in catalogue.datasets().values():
        rows += check_dataset(dataset)
    for name in catalogue.files("law"):
        rows += check_law(catalogue.law(name))
    tables = measured(catalogue)
    expected = utilisations(catalogue, tables)
    for device in catalogue.accelerators.values():
        rows += check_accelerator(device, tables, expected)
    return rows
