"""The plan in words and as JSON."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import msgspec

from lehr.recipes.planning.files import recipe
from lehr.recipes.planning.result import Planned, Scored, StageSettings
from lehr.recipes.planning.why import why_lines
from lehr.recipes.planning.worries import how_far
from lehr.recipes.presenting.numbers import dated
from lehr.recipes.presenting.tables import short, text_table
from lehr.simulators.laws import DataConstrained
from lehr.simulators.laws.hyper import PowerRules
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.machine.failures import uptime
from lehr.simulators.planning.choosing import Candidate, Plan, PlanWarning
from lehr.simulators.planning.rates import Advice
from lehr.simulators.planning.reading import REFERENCE_VOCABULARY, size_at
from lehr.simulators.projection.rollout_time import StageRollout
from lehr.simulators.projection.stage_work import MANY_EPOCHS
from lehr.simulators.quantities import Amount

NEIGHBOURS = 2
"""Rungs on either side of the chosen one that the terminal shows."""


def shape_of(candidate: Candidate, top_k: int) -> str:
    """A rung in a few words.

    >>> c = Candidate(d_model=4096, expansion=1, parameters=8030261248, active=8030261248, tokens=2e11, epochs=1.0,
    ...     tokens_per_parameter=25.0, training_flops=1e22, serving_flops=0.0, memory=1.6e10, loss=2.1, regret=0.0,
    ...     layers=32)
    >>> shape_of(c, 8)
    '8.03B dense, 32 layers of 4,096'
    """
    layers = f"{candidate.layers} layers of {candidate.d_model:,}"
    if candidate.expansion == 1:
        return f"{short(candidate.parameters)} dense, {layers}"
    experts = f"{top_k} of {top_k * candidate.expansion} experts"
    return f"{short(candidate.parameters)} with {short(candidate.active)} active, {layers}, {experts}"


def neighbours(plan: Plan, n: int = NEIGHBOURS) -> list[Candidate]:
    """The rungs around the chosen one of its own expansion, and the best of every other expansion."""
    mine = [c for c in plan.candidates if c.expansion == plan.chosen.expansion]
    at = mine.index(plan.chosen)
    others = {c.expansion for c in plan.candidates} - {plan.chosen.expansion}
    best = [min((c for c in plan.candidates if c.expansion == e), key=lambda c: c.loss) for e in sorted(others)]
    return [*mine[max(0, at - n) : at + n + 1], *best]


def verdicts(plan: Planned) -> list[str]:
    """What the numbers amount to, a line each; what no law reaches comes first."""
    chosen = plan.plan.chosen
    own = plan.forecast
    lines = [w.says[0].upper() + w.says[1:] + "." for w in plan.worries if w.kind == "unreachable"]
    lines.append(
        f"Train {shape_of(chosen, plan.top_k)}, on {short(chosen.tokens)} tokens "
        f"({short(chosen.tokens_per_parameter)} a parameter): "
        f"loss {chosen.loss:.3f}{_within(plan)} {plan.plan.loss_unit} by {_read_by(plan)}, under its runs' schedules"
        + (f"; {own.loss:.3f} ({own.low:.3f} to {own.high:.3f}) under the plan's own." if own is not None else ".")
    )
    if plan.score is not None:
        lines.append(score_line(plan.score))
    lines.append(budget_line(plan))
    lines += why_lines(plan)
    if chosen.useful < 1:
        lines.append(
            f"Spend {plan.spent:.3g} FLOP and keep the rest of the budget: one more repeat of "
            f"{plan.demand.unique:.3g} tokens is worth less than {_worth_left(plan)} of fresh ones."
        )
    if chosen.epochs > 1:
        lines.append(f"The data is repeated {chosen.epochs:.3g} times; {plan.demand.unique:.3g} tokens are unique.")
    if chosen.serving_flops:
        share = chosen.serving_flops / (chosen.serving_flops + chosen.training_flops)
        lines.append(f"Serving takes {share:.0%} of the work, at the utilisation of training.")
    for second in plan.seconds:
        other = second.plan.chosen
        regret = second.regret_of_choice
        same = other.key == chosen.key
        said = "the same network" if same else f"{shape_of(other, plan.top_k)} on {short(other.tokens)} tokens"
        lines.append(
            f"{second.plan.law} would train {said}"
            + ("." if same or regret is None else f"; by it this plan loses {regret:.4f} {second.plan.loss_unit}.")
        )
    return lines


def score_line(scored: Scored) -> str:
    """The score with its interval, and what it takes for granted."""
    return (
        f"Score: {scored.metric} {_amount(scored.score, '{:.3f}')} on {scored.benchmark} by {scored.law}, were its "
        "loss that of this plan's law."
    )


def _worth_left(plan: Planned) -> str:
    """What one more repeat is worth where a plan stops, in words."""
    return "a thousandth" if isinstance(plan.surface, DataConstrained) else "a tenth"


def _within(plan: Planned) -> str:
    """The interval of the loss, where its law says how sure it is."""
    if plan.loss_interval is None:
        return ""
    return f" ({plan.loss_interval[0]:.3f} to {plan.loss_interval[1]:.3f}, 95 %)"


def _read_by(plan: Planned) -> str:
    if isinstance(plan.law, JointMoe):
        return plan.law.name
    frontier = plan.surface is not None and plan.surface.name != plan.law.name
    return f"{plan.surface.name}, the size by {plan.law.name}" if frontier and plan.surface else plan.law.name


def budget_line(plan: Planned) -> str:
    """The limit that binds, what it comes to in work, time and money, and what the others would have bought."""
    amounts = [f"{_amount(plan.bought.work, '{:.3g}')} FLOP"]
    if plan.bought.binding != "flops":
        amounts.append(f"{_whole(plan.hours.value)} h of {plan.accelerator.title}")
    else:
        amounts.append(f"{_amount(plan.hours, _form(plan.hours.value))} h of {plan.accelerator.title}")
    if plan.days is not None and plan.devices is not None:
        trains = uptime(plan.devices).share.value
        amounts.append(
            f"{plan.days.value:.3g} calendar days of {plan.devices:,} devices, which train {trains:.1%} of them"
        )
    if plan.usd is not None:
        calendar = " of the calendar" if plan.devices else ""
        price = plan.accelerator.price
        since = f" ({dated(price)})" if price is not None and price.usd_per_hour == plan.usd_per_hour else ""
        amounts.append(f"{_whole(plan.usd.value)} USD at {plan.usd_per_hour:.3g} USD/h{since}{calendar}")
    others = [
        f"{name} would buy {limit.value:.3g}" for name, limit in plan.bought.limits.items()
        if name != plan.bought.binding
    ]  # fmt: skip
    binds = f"Budget: {plan.bought.binding} binds" if others else "Budget"
    if plan.plan.chosen.useful < 1:
        amounts[0] += f", of which {plan.spent:.3g} are of use"
    elif plan.spent < 0.999 * plan.bought.work.value:
        amounts[0] += f" at the first stage's utilisation, {plan.spent:.3g} as the others run"
    return f"{binds}: {', '.join(amounts)}{'; ' + ', '.join(others) + ' FLOP' if others else ''}."


def stage_rows(plan: Planned) -> list[list[str]]:
    """A row for each stage, as the terminal and the page have it."""
    rows = []
    for stage in plan.stages.values():
        shape = stage.schedule["kind"]
        rate = f"{stage.peak:.3g}" if shape == "constant" else f"{stage.peak:.3g} to {stage.final:.3g}"
        group = f" x {stage.objective['group_size']} rollouts" if "group_size" in stage.objective else ""
        decay = stage.optimizer["weight_decay"]
        prompts = stage.sequences // stage.objective["group_size"] if group else stage.sequences
        rows.append([
            stage.name, stage.kind, short(stage.tokens), f"{prompts:,}{group} of {stage.sequence_length:,}",
            rate, shape, f"{stage.warmup_steps:,}", f"{decay:g}",
            f"{stage.days.value:.3g} d" if stage.days else f"{_whole(stage.hours.value)} h",
            _whole(stage.usd.value) if stage.usd else "–",
        ])  # fmt: skip
    return rows


STAGE_HEADINGS = [
    "stage", "kind", "tokens", "batch, sequences", "rate", "shape", "warm-up", "weight decay", "time", "USD",
]  # fmt: skip


def advice_lines(plan: Planned) -> list[str]:
    """Each hyper-parameter: its value, its rule, its interval and the nearest published recipes; each rule once."""
    lines: dict[str, None] = {}
    for stage in plan.stages.values():
        for name, advice in stage.evidence.items():
            lines[f"{_setting(stage, name)} {advice_line(plan, name, advice)}"] = None
    # what later stages share with the first is said once
    return list(lines)


def _setting(stage: StageSettings, name: str) -> str:
    tuned = f"{stage.name} " if stage.kind in ("SFT", "REPO_SFT", "RL") else ""
    return (
        tuned + {"peak": "peak rate", "batch": "batch", "weight_decay": "weight decay", "group_size": "rollouts"}[name]
    )


def advice_line(plan: Planned, name: str, advice: Advice) -> str:
    """One value with what stands beside it."""
    parts = [f"{_number(advice.value)} by {advice.rule}"]
    if advice.bound:
        parts[0] = (
            f"{_number(advice.value)}: {advice.rule} says {_number(advice.rule_value)}, bound by what was published"
        )
    if advice.bound and advice.published is not None:
        # what the rule calls likely is not, where others' values bind it
        parts.append(f"others took {_number(advice.published[0])} to {_number(advice.published[1])}")
    elif advice.interval is not None:
        parts.append(f"95 % {_number(advice.interval[0])} to {_number(advice.interval[1])}")
    law = plan_law(plan, advice.rule)
    if name == "peak" and law is not None and law.regret is not None and not advice.bound:
        parts.append(f"half of it costs {law.regret.half:.1%} of the loss, double {law.regret.double:.1%}")
    if advice.outside and law is not None:
        parts.append(f"{beyond(plan, law):.2g} times beyond its runs")
    if advice.nearest:
        parts.append("published: " + ", ".join(f"{name} {_number(value)}" for name, value in advice.nearest))
    if name == "batch" and advice.note is not None:
        parts.append(advice.note)
    return "; ".join(parts)


def beyond(plan: Planned, law: PowerRules) -> float:
    """How far the whole pre-training lies beyond the runs of a law of rates."""
    rung = plan.rungs[plan.plan.chosen.key]
    size = size_at(rung, law.n_convention, every_expert=law.every_expert)
    return how_far(law.range, parameters=size, tokens=plan.plan.chosen.tokens, flops=plan.plan.chosen.training_flops)


def plan_law(plan: Planned, name: str) -> PowerRules | None:
    """The law of rates called ``name``, where the plan asked it."""
    return next((law for law in plan.hyper if law.name == name and isinstance(law, PowerRules)), None)


def _number(value: float) -> str:
    return short(value) if value >= 1000 else f"{value:.3g}"


def _form(value: float) -> str:
    return "{:,.0f}" if value >= 100 else "{:.2g}"


def _whole(value: float) -> str:
    """Hours or money as a number of them, two digits of a few: half an hour is not none.

    >>> _whole(6765.3), _whole(0.0375)
    ('6,765', '0.037')
    """
    return _form(value).format(value)


def _amount(amount: Amount, form: str) -> str:
    if amount.low is None or amount.high is None:
        return form.format(amount.value)
    return f"{form.format(amount.value)} ({form.format(amount.low)} to {form.format(amount.high)})"


def warnings(plan: Planned) -> list[PlanWarning]:
    """Where laws leave their range, each said once."""
    return list(dict.fromkeys(plan.plan.warnings))


def machine_lines(plan: Planned) -> list[str]:
    """The optimiser, whether the network fits the machine, and how the batch grows."""
    first = next(iter(plan.stages.values()))
    lines = [
        f"AdamW, betas {first.optimizer['beta1']} and {first.optimizer['beta2']}, epsilon "
        f"{first.optimizer['epsilon']:g}, clipped at {first.optimizer['grad_clip']:g}; {plan.precision}; {plan.fit}"
    ]
    own = {s.fit: s.name for s in reversed(plan.stages.values()) if s.fit not in (None, plan.fit)}
    lines += [f"{name}: {fit}" for fit, name in reversed(own.items())]
    if plan.replay is not None:
        mixed = [s.name for s in plan.stages.values() if s.data is not None]
        lines += (
            [f"{', '.join(mixed)}: {plan.replay[1]:.1%} of the tokens are old data, by {plan.replay[0]}"]
            if mixed
            else []
        )
    lines += [f"{s.name}: {rollout_line(s, s.rollout)}" for s in plan.stages.values() if s.rollout is not None]
    if ramp := first.ramp:
        lines.append(f"batch ramp: from {ramp['start']:,} sequences over the first {short(ramp['tokens'])} tokens")
    return lines


def rollout_line(stage: StageSettings, rollout: StageRollout) -> str:
    """What the hours of a stage of reinforcement learning buy, by its rollouts, and what of that is assumed."""
    seconds, of = rollout.step.seconds, stage.objective["rollout"]["prompts"]
    hours = _amount(rollout.hours, _form(rollout.hours.value))
    return (
        f"{stage.steps:,} steps of {of:,} prompts x {stage.objective['group_size']} answers, {seconds.value:.3g} s "
        f"each ({seconds.low:.3g} to {seconds.high:.3g}, 90 %): {hours} h; assumed: "
        f"{', '.join(rollout.assumed)}"
    )


def as_text(plan: Planned) -> str:
    """The plan for a terminal: one screen."""
    shown = neighbours(plan.plan)
    least = min(c.regret for c in shown)
    rows = [
        [
            ">" if c == plan.plan.chosen else "",
            shape_of(c, plan.top_k),
            short(c.tokens),
            short(c.tokens_per_parameter),
            f"{c.loss:.4f}",
            f"{c.regret - least:+.4f}",
            "" if c.regret_low is None or c.regret_high is None else f"{c.regret_low:+.4f} to {c.regret_high:+.4f}",
        ]
        for c in shown
    ]
    headings = ["", "network", "tokens", "D/N", "loss", "regret", "over the plan, 95 %"]
    table = text_table(headings, rows, right={2, 3, 4, 5})
    stages = text_table(STAGE_HEADINGS, stage_rows(plan), right={2, 8, 9})
    worry = [f"worry: {w.says}" for w in plan.worries if w.kind != "unreachable"]
    notes = [f"outside: {w}" for w in warnings(plan)]
    return "\n".join([
        *verdicts(plan), "", stages, *machine_lines(plan), *advice_lines(plan), *worry, *notes, "", table,
    ])  # fmt: skip


def beside_the_report(plan: Planned) -> str:
    """Whether ``lehr report`` reads the same loss, or why it does not."""
    chosen = plan.plan.chosen
    if chosen.expansion > 1:
        return "which reads a mixture by laws of dense models: its loss there is an interval of sizes, about this one"
    if chosen.epochs > 1 and not isinstance(plan.law, DataConstrained):
        repeats = (
            "takes up to 4 epochs for new tokens" if chosen.epochs <= MANY_EPOCHS else "reads repeats by muennighoff"
        )
        return f"which {repeats}: its loss there is another"
    if plan.vocabulary is not None and plan.vocabulary.own != REFERENCE_VOCABULARY:
        return "which counts the tables of any vocabulary as size: its loss there is another"
    calendar = ", its hours and money without the time that failures take" if plan.devices else ""
    return f"which says the same{calendar}, and how the loss falls under these schedules"


def as_json(plan: Planned) -> dict[str, Any]:
    """The plan as data; keys are stable."""
    return {
        "name": plan.name,
        "work": msgspec.to_builtins(plan.bought.work),
        "spent": plan.spent,
        "binding": plan.bought.binding,
        "limits": msgspec.to_builtins(plan.bought.limits),
        "accelerator_hours": plan.hours.value,
        "days": msgspec.to_builtins(plan.days),
        "usd": msgspec.to_builtins(plan.usd),
        "accelerator": plan.accelerator.name,
        "devices": plan.devices,
        "precision": plan.precision,
        "fit": plan.fit,
        "law": plan.law.name,
        "loss_unit": plan.plan.loss_unit,
        "chosen": msgspec.to_builtins(plan.plan.chosen),
        "loss_interval": plan.loss_interval,
        "forecast": None if plan.forecast is None else msgspec.to_builtins(plan.forecast),
        "score": None if plan.score is None else msgspec.to_builtins(plan.score),
        "own_optimum": None if plan.own_optimum is None else
        {"parameters": plan.own_optimum[0], "tokens": plan.own_optimum[1]},
        "region": msgspec.to_builtins(plan.plan.region()),
        "candidates": msgspec.to_builtins(plan.plan.candidates),
        "at_bounds": [{"work": b, "chosen": msgspec.to_builtins(p.chosen)} for b, p in plan.at_bounds],
        "other_laws": [
            {"law": s.plan.law, "loss_unit": s.plan.loss_unit, "chosen": msgspec.to_builtins(s.plan.chosen),
             "regret_of_choice": s.regret_of_choice}
            for s in plan.seconds
        ],
        "rates": msgspec.to_builtins(plan.rates),
        "stages": {name: stage.tokens for name, stage in plan.stages.items()},
        "settings": msgspec.to_builtins(plan.stages),
        "vocabulary": None if plan.vocabulary is None else
        {"best": plan.vocabulary.best, "interval": plan.vocabulary.interval, "above_it": plan.vocabulary.above},
        "replay": None if plan.replay is None else {"law": plan.replay[0], "share": plan.replay[1]},
        "recipe": recipe(plan),
        "worries": msgspec.to_builtins(plan.worries),
        "warnings": [str(w) for w in warnings(plan)],
    }  # fmt: skip


def as_bytes(plan: Planned) -> bytes:
    """The content of ``plan.json``."""
    body = {"version": 1, "lehr": version("lehr"), **as_json(plan)}
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()
