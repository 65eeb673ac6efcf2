"""The plan in words and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.planning.files import recipe, tokens
from lehr.recipes.planning.result import Planned
from lehr.recipes.presenting.tables import short, text_table
from lehr.simulators.planning.choosing import Candidate, Plan

NEIGHBOURS = 3
"""Rungs on either side of the chosen one that the terminal shows."""


def shape_of(candidate: Candidate, top_k: int) -> str:
    """A rung in a few words.

    >>> c = Candidate(d_model=4096, expansion=1, parameters=8030261248, active=8030261248, tokens=2e11, epochs=1.0,
    ...     tokens_per_parameter=25.0, training_flops=1e22, serving_flops=0.0, memory=1.6e10, loss=2.1, regret=0.0)
    >>> shape_of(c, 8)
    '8.03B dense, 32 layers of 4,096'
    """
    layers = f"{candidate.d_model // 128} layers of {candidate.d_model:,}"
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
    """What the numbers amount to, a line each."""
    chosen = plan.plan.chosen
    lines = [
        f"Train {shape_of(chosen, plan.top_k)}, on {short(chosen.tokens)} tokens "
        f"({short(chosen.tokens_per_parameter)} a parameter): "
        f"loss {chosen.loss:.3f} {plan.plan.loss_unit} by {plan.law.name}."
    ]
    region = plan.plan.region()
    if chosen.wins is not None and len(plan.plan.candidates) > 1:
        sizes = sorted(c.active for c in region)
        where = f"between {short(sizes[0])} and {short(sizes[-1])}"
        ladder = sorted(c.active for c in plan.plan.candidates)
        # beyond its ends nothing was tried
        if sizes[-1] == ladder[-1]:
            where = f"at {short(sizes[0])} or more"
        elif sizes[0] == ladder[0]:
            where = f"at {short(sizes[-1])} or fewer"
        lines.append(
            f"The law puts the optimum {where} active parameters (95 %); "
            f"this network wins in {chosen.wins:.0%} of its replicas."
        )
    if chosen.epochs > 1:
        lines.append(f"The data is repeated {chosen.epochs:.3g} times; {plan.demand.unique:.3g} tokens are unique.")
    if chosen.serving_flops:
        share = chosen.serving_flops / (chosen.serving_flops + chosen.training_flops)
        lines.append(f"Serving takes {share:.0%} of the work, at the utilisation of training.")
    for second in plan.seconds:
        other = second.plan.chosen
        regret = second.regret_of_choice
        same = (other.d_model, other.expansion) == (chosen.d_model, chosen.expansion)
        said = "the same network" if same else f"{shape_of(other, plan.top_k)} on {short(other.tokens)} tokens"
        lines.append(
            f"{second.plan.law} would train {said}"
            + ("." if same or regret is None else f"; by it this plan loses {regret:.4f} {second.plan.loss_unit}.")
        )
    return lines


def warnings(plan: Planned) -> list[str]:
    """Where laws leave their range, each said once."""
    said = [f"{plan.law.name}: {w}" if ":" not in w else w for w in plan.plan.warnings]
    said += [f"{r.law}: {w}" for r in plan.rates for w in r.warnings]
    return list(dict.fromkeys(said))


def as_text(plan: Planned) -> str:
    """The plan for a terminal."""
    rows = [
        [
            ">" if c == plan.plan.chosen else "",
            shape_of(c, plan.top_k),
            short(c.tokens),
            short(c.tokens_per_parameter),
            f"{c.loss:.4f}",
            f"{c.regret:+.4f}",
            "" if c.regret_low is None or c.regret_high is None else f"{c.regret_low:+.4f} to {c.regret_high:+.4f}",
        ]
        for c in neighbours(plan.plan)
    ]
    table = text_table(["", "network", "tokens", "D/N", "loss", "regret", "95 %"], rows, right={2, 3, 4, 5})
    hyper = [
        f"{r.law}: " + ", ".join(x for x in (r.peak_rate and f"peak rate {r.peak_rate:.2e}", r.batch_tokens and
                                             f"batch {short(r.batch_tokens)} tokens") if x)
        for r in plan.rates if r.peak_rate or r.batch_tokens
    ]  # fmt: skip
    stages = [f"{name}: {short(n)} tokens" for name, n in tokens(plan).items()]
    notes = [f"warning: {w}" for w in warnings(plan)]
    return "\n".join([*verdicts(plan), "", table, "", "; ".join(stages), *hyper, *notes])


def as_json(plan: Planned) -> dict[str, Any]:
    """The plan as data; keys are stable."""
    return {
        "name": plan.name,
        "work": msgspec.to_builtins(plan.work),
        "accelerator_hours": plan.hours,
        "accelerator": plan.accelerator.name,
        "precision": plan.precision,
        "law": plan.law.name,
        "loss_unit": plan.plan.loss_unit,
        "chosen": msgspec.to_builtins(plan.plan.chosen),
        "region": msgspec.to_builtins(plan.plan.region()),
        "candidates": msgspec.to_builtins(plan.plan.candidates),
        "at_bounds": [{"work": b, "chosen": msgspec.to_builtins(p.chosen)} for b, p in plan.at_bounds],
        "other_laws": [
            {"law": s.plan.law, "loss_unit": s.plan.loss_unit, "chosen": msgspec.to_builtins(s.plan.chosen),
             "regret_of_choice": s.regret_of_choice}
            for s in plan.seconds
        ],
        "rates": msgspec.to_builtins(plan.rates),
        "stages": tokens(plan),
        "replay": None if plan.replay is None else {"law": plan.replay[0], "share": plan.replay[1]},
        "recipe": recipe(plan),
        "warnings": warnings(plan),
    }  # fmt: skip
