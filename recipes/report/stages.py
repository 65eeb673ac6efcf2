"""The stages of a recipe as a table: what was stated of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lehr.recipes.presenting.document import Cell, Column, Mark, Table
from lehr.recipes.presenting.numbers import bounded, percent, quantity, rate, whole
from lehr.recipes.report.facts import ReportData
from lehr.simulators.objectives import Fim, Objective
from lehr.simulators.projection.project import StageProjection
from lehr.simulators.quantities import Bound
from lehr.simulators.rollouts import Rollout
from lehr.simulators.schedules import WeightDecay
from lehr.simulators.training import STAGE_KINDS, Optimizer, Stage


def mark_of(data: ReportData, *paths: str) -> Mark:
    """Where the values at ``paths`` and below them come from: the command line before all else, then the weakest."""
    if any(data.is_set(path) for path in paths):
        return "set"
    origins = {fact.origin for path in paths for fact in data.facts(path)}
    weakest: list[Mark] = ["assumed", "derived"]
    return next((mark for mark in weakest if mark in origins), "published")


def stated(data: ReportData, path: str, value: Any, shown: Callable[[Any], str] = str, below: str = "") -> Cell:
    """A value of the recipe, with the sign of its origin."""
    return absent(data, path) if value is None else Cell(shown(value), mark_of(data, path), below)


def absent(data: ReportData, path: str, below: str = "") -> Cell:
    """A value of the recipe that is not there: looked for in vain, or not read for; in a recipe that is taken from no
    source it was not given."""
    provenance, within = data.recipe.provenance, path.removeprefix("recipe.")
    own = provenance.of(within).source is None and provenance.default.source is None
    return Cell("not given" if own else provenance.state(within, there=False), "unknown", below)


def as_stated(data: ReportData) -> Table:
    """What the recipe says of each stage."""
    return Table(
        name="stages-stated",
        caption="What was stated of each stage",
        columns=[
            Column("Stage"),
            Column("Objective"),
            Column("Tokens", "in the stage", True),
            Column("Sequence", "tokens", True),
            Column("Batch", "tokens per update", True),
            Column("Steps", "updates", True),
            Column("Learning rate", "peak to final", True),
            Column("Optimiser"),
            Column("Hardware"),
        ],
        rows=[
            _stated_row(data, name, stage, projected)
            for (name, stage), projected in zip(data.recipe.ordered(), data.projection.stages, strict=True)
        ],
    )


def _stated_row(data: ReportData, name: str, stage: Stage, projected: StageProjection) -> list[Cell]:
    path = f"recipe.stages.{name}"
    return [
        Cell(name, below=f"{stage.kind}, {STAGE_KINDS[stage.kind].partition(':')[0]}"),
        stated(data, f"{path}.objective", objective(stage.objective)),
        _tokens(data, path, stage),
        _sequence(data, path, stage, projected),
        _batch(data, path, stage, projected),
        _steps(data, path, stage, projected),
        _rates(data, path, stage, projected),
        stated(data, f"{path}.optimizer", stage.optimizer, optimizer),
        _hardware(data, path, stage),
    ]


def _tokens(data: ReportData, path: str, stage: Stage) -> Cell:
    below = ", ".join(
        part
        for part in (
            f"{whole(stage.examples) if isinstance(stage.examples, int) else length(stage.examples)} examples"
            if stage.examples
            else "",
            f"{length(stage.epochs)} epoch{'' if stage.epochs == 1 else 's'}" if stage.epochs else "",
        )
        if part
    )
    if stage.tokens is not None:
        return stated(data, f"{path}.tokens", stage.tokens, length, below)
    if stage.padded_tokens is not None:
        said = "padded, " + ("steps × batch" if stage.steps is not None else below)
        return Cell(bounded(quantity(stage.padded_tokens, 4), "at most"), "projected", said)
    if stage.n_tokens is not None:
        return Cell(bounded(quantity(stage.n_tokens, 4), stage.token_bound), "projected", "steps × batch")
    return absent(data, f"{path}.tokens", below)


def length(tokens: float | Bound) -> str:
    """Tokens, or the bounds of them.

    >>> length(2e12), length(Bound(at_least=15e12)), length(Bound(at_least=3e12, at_most=4e12))
    ('2T', '≥ 15T', '3T to 4T')
    """
    if not isinstance(tokens, Bound):
        return quantity(tokens, 4)
    if tokens.at_least is not None and tokens.at_most is not None:
        return f"{quantity(tokens.at_least, 4)} to {quantity(tokens.at_most, 4)}"
    return bounded(quantity(tokens.value, 4), tokens.relation)


def _sequence(data: ReportData, path: str, stage: Stage, projected: StageProjection) -> Cell:
    if stage.sequence_length is None:
        return Cell(whole(projected.sequence_length), "assumed")
    return stated(data, f"{path}.sequence_length", stage.sequence_length, whole)


def _batch(data: ReportData, path: str, stage: Stage, projected: StageProjection) -> Cell:
    if stage.batch is None:
        return absent(data, f"{path}.batch")
    below = f"{whole(stage.batch.sequences)} {'pairs' if stage.sequences_each == 2 else 'sequences'}"
    if stage.batch.ramp is not None:
        below += f", ramped up from {whole(stage.batch.ramp.start)}"
    mark = mark_of(data, f"{path}.batch")
    return Cell(quantity(projected.batch_tokens) if projected.batch_tokens else "unknown", mark, below)


def _steps(data: ReportData, path: str, stage: Stage, projected: StageProjection) -> Cell:
    if stage.steps is not None:
        return stated(data, f"{path}.steps", stage.steps, whole if isinstance(stage.steps, int) else length)
    if projected.steps is not None:
        from_examples = stage.tokens is None and stage.examples is not None
        passes = "examples × epochs" if stage.epochs else "examples"
        below = f"{passes} / sequences" if from_examples else "tokens / batch"
        return Cell(bounded(whole(projected.steps), projected.step_bound), "projected", below)
    return absent(data, f"{path}.steps")


def _rates(data: ReportData, path: str, stage: Stage, projected: StageProjection) -> Cell:
    if stage.schedule is None:
        return absent(data, f"{path}.schedule")
    mark = mark_of(data, f"{path}.schedule")
    kind = str(stage.schedule.__struct_config__.tag).replace("_", " ")
    if projected.peak_rate is None or projected.final_rate is None:
        return Cell(rate(stage.schedule.peak), mark, f"{kind}; length unknown")
    if projected.peak_rate == projected.final_rate:
        return Cell(rate(projected.peak_rate), mark, kind)
    return Cell(f"{rate(projected.peak_rate)} to {rate(projected.final_rate)}", mark, kind)


def _hardware(data: ReportData, path: str, stage: Stage) -> Cell:
    hardware = stage.hardware
    if hardware is None:
        return absent(data, f"{path}.hardware")
    text = f"{whole(hardware.count)} × {hardware.accelerator}" if hardware.count else hardware.accelerator
    below = ", ".join(
        part
        for part in (
            hardware.precision or "",
            f"MFU {percent(hardware.mfu)}" if hardware.mfu else "",
        )
        if part
    )
    shown = ("accelerator", "count", "precision", "mfu")
    return Cell(text, mark_of(data, *(f"{path}.hardware.{field}" for field in shown)), below)


def objective(of: Objective) -> str:
    """What a stage is trained to do, in words, with every setting that is known.

    >>> from lehr.simulators.objectives import NextToken, PolicyGradient
    >>> from lehr.simulators.rollouts import Lengths
    >>> objective(NextToken(fim=Fim(rate=0.1, formats=["psm"]), mtp_weight=0.3))
    'next token; FIM 10 % (PSM); MTP weight 0.3'
    >>> objective(PolicyGradient(method="grpo", group_size=16))
    'policy gradient; GRPO; group size 16'
    >>> objective(PolicyGradient(method="grpo", rollout=Rollout(prompts=512, response=Lengths(cap=32768))))
    'policy gradient; GRPO; 512 prompts a step; answers of at most 32,768'
    """
    settings = [(f.name, getattr(of, f.name)) for f in msgspec.structs.fields(of)]
    words = str(of.__struct_config__.tag).replace("_", " ")
    said = [_setting(name, value) for name, value in settings if value is not None]
    return "; ".join([words, *(word for word in said if word)])


def _setting(name: str, value: Any) -> str:
    if isinstance(value, Fim):
        formats = f" ({', '.join(f.upper() for f in value.formats)})" if value.formats else ""
        return f"FIM {percent(value.rate)}{formats}"
    if isinstance(value, Rollout):
        return _rollout(value)
    if name == "method":
        return str(value).upper()
    words = name.replace("_", " ").replace("mtp", "MTP")
    return f"{words} {value:g}" if isinstance(value, (int, float)) else f"{words} {value}"


def _rollout(of: Rollout) -> str:
    """What is known of a step's answers."""
    said = [f"{of.prompts:,} prompts a step"] if of.prompts is not None else []
    lengths = [f"answers of {of.response.mean:,.0f} tokens"] if of.response.mean is not None else []
    lengths += [f"{'answers of ' * (not lengths)}at most {of.response.cap:,}"] if of.response.cap is not None else []
    said += [", ".join(lengths)] if lengths else []
    said += [f"{of.generators:,} devices generate"] if of.generators is not None else []
    said += [f"answers up to {of.behind} steps old"] if of.behind else []
    said += ["a critic"] if of.critic else []
    return "; ".join([*said, *(["no reference model"] if not of.reference else [])])


def optimizer(of: Optimizer) -> str:
    """An optimiser with the settings that are known.

    >>> optimizer(Optimizer(kind="adamw", beta1=0.9, beta2=0.95, weight_decay=0.1))
    'AdamW, β₁ 0.9, β₂ 0.95, weight decay 0.1'
    >>> optimizer(Optimizer(kind="adamw", weight_decay=WeightDecay(start=0.01, end=0.1)))
    'AdamW, weight decay 0.01 to 0.1'
    """
    names = {"adam": "Adam", "adamw": "AdamW", "muonclip": "MuonClip", "sgd": "SGD"}
    settings = (
        ("β₁", of.beta1),
        ("β₂", of.beta2),
        ("ε", of.epsilon),
        ("momentum", of.momentum),
        ("weight decay", of.weight_decay),
        ("clip", of.grad_clip),
    )
    known = [f"{name} {_amount_of(value)}" for name, value in settings if value is not None]
    return ", ".join([names.get(of.kind, of.kind.capitalize()), *known])


def _amount_of(value: float | WeightDecay) -> str:
    if isinstance(value, WeightDecay):
        return f"{_amount_of(value.start)} to {_amount_of(value.end)}"
    return rate(value) if 0 < value < 1e-3 else f"{value:g}"
