"""What to worry about before money is spent on a plan."""

from __future__ import annotations

from collections.abc import Sequence

from lehr.recipes.planning.result import Planned, Vocabulary, Worry, WorryKind
from lehr.recipes.presenting.tables import short
from lehr.simulators.laws.base import Law, ValidRange
from lehr.simulators.laws.vocabulary import SMALLEST

FAR = 100.0
"""A law is far outside its runs where an input lies this many times beyond them."""
NOTABLE = 3.0
"""From here on it is said."""
MOST_EXPANSION = 512
"""Experts for each one used, of the widest runs that a law was fitted on (Clark et al. 2022, arXiv:2202.01169)."""
APART = 1.25
"""A rule and what was published that differ by less agree."""


def worries(plan: Planned, *, fits: bool, no_room: Sequence[str] = ()) -> list[Worry]:
    """One for each, the gravest first; ``no_room`` are networks that were left out since no layout holds them."""
    found: list[Worry] = []

    def worry(kind: WorryKind, says: str) -> None:
        found.append(Worry(kind=kind, says=says))

    law, chosen = plan.law, plan.plan.chosen
    beyond = how_far(law.range, parameters=chosen.active, tokens=chosen.tokens)
    worth = ""
    if plan.surface is law and plan.plan.read_at is not None:
        # repeated tokens, and parameters that they cannot teach, are read as what they are worth
        n, d = plan.plan.read_at
        read = how_far(law.range, parameters=n, tokens=d)
        if read > beyond and chosen.epochs > 1:
            beyond, worth = read, f", worth {n:.3g} on {d:.3g},"
    if beyond >= FAR:
        worry(
            "unreachable",
            f"no law reaches here: {chosen.active:.3g} parameters on {chosen.tokens:.3g} tokens{worth} lie "
            f"{beyond:,.0f} times beyond the runs of {law.name}; its answer is a guess",
        )
    elif beyond >= NOTABLE:
        worry("far", f"the loss is read {beyond:.2g} times beyond the runs of {law.name}{_knows(law)}")
    if chosen.expansion > MOST_EXPANSION:
        worry(
            "unreachable",
            f"no law reaches here: {chosen.expansion:,} experts for each one used; laws of mixtures were fitted on "
            f"{MOST_EXPANSION} at most, and this one's answer is a guess",
        )
    if not fits:
        worry("machine", f"it does not fit the machine: {plan.fit}")
    if no_room:
        worry(
            "machine",
            f"the law would rather have {no_room[0]}: no layout on the devices holds that",
        )
    if chosen.epochs > 4:
        worry(
            "repeats",
            f"data is repeated {chosen.epochs:.3g} times; up to 4 repeats are nearly as good as new tokens "
            "(Muennighoff et al. 2023)",
        )
    said = set()
    for stage in plan.stages.values():
        for name, advice in stage.evidence.items():
            apart = max(advice.value, advice.rule_value) / max(min(advice.value, advice.rule_value), 1e-300)
            if apart > APART and (name, advice.rule) not in said:
                said.add((name, advice.rule))
                worry(
                    "bound",
                    f"{stage.name}: {name.replace('_', ' ')} by {advice.rule} would be {_number(advice.rule_value)}, "
                    f"outside its runs; bound at {_number(advice.value)} by what was published",
                )
    words = plan.vocabulary
    if words is not None and words.above > 0.01 and words.settled:
        worry(
            "vocabulary",
            f"a vocabulary of {words.best:,}{_between(words)} would lose {words.above:.3f} nats/token less, "
            f"by {words.law}",
        )
    return found


def _between(words: Vocabulary) -> str:
    if words.interval is None:
        return ""
    low, high = words.interval
    # what the search was bound by is no answer
    least = "" if low <= SMALLEST * 1.01 else f"{short(low)} "
    return f" (95 %: {least}{'to' if least else 'up to'} {short(high)})"


def _knows(law: Law) -> str:
    """What a law's interval knows of forms that are wrong there."""
    if getattr(law, "misfit", None) is not None:
        return ""
    return "; its interval knows no other form"


def how_far(bounds: ValidRange, **values: float) -> float:
    """How many times the farthest of ``values`` lies beyond a law's runs; 1 within.

    >>> how_far(ValidRange(parameters=(1e8, 1e9), tokens=(1e9, 1e11)), parameters=5e9, tokens=1e12)
    10.0
    """
    beyond = [1.0]
    for name, value in values.items():
        known = getattr(bounds, name)
        if known is not None:
            beyond += [value / known[1], known[0] / value]
    return max(beyond)


def _number(value: float) -> str:
    return short(value) if value >= 1 else f"{value:.3g}"
