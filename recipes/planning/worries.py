"""What to worry about before money is spent on a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import gcd

from lehr.recipes.planning.machine import Placed
from lehr.recipes.planning.result import Planned, Vocabulary, Worry, WorryKind
from lehr.recipes.presenting.tables import short
from lehr.simulators.laws.base import ValidRange
from lehr.simulators.laws.vocabulary import SMALLEST
from lehr.simulators.layers import Attention
from lehr.simulators.planning.choosing import Candidate
from lehr.simulators.training import PRETRAINING

FAR = 100.0
"""A law is far outside its runs where an input lies this many times beyond them."""
NOTABLE = 3.0
"""From here on it is said."""
MOST_EXPANSION = 512
"""Experts for each one used, of the widest runs that a law was fitted on (Clark et al. 2022, arXiv:2202.01169)."""
APART = 1.25
"""A rule and what was published that differ by less agree."""


FEWEST_A_PARAMETER = 0.5
"""Tokens: Megatron-Turing NLG's 530B parameters saw 270B (Hoffmann et al. 2022, arXiv:2203.15556, table 1), some of the
fewest of large networks, at a time when laws wanted them so; the laws that are used since want twenty."""

LONGEST = 120.0
"""Days: BLOOM's 1,082,990 hours on 384 A100 are 118, 3.5 months (arXiv:2211.05100, section 3.4.1); no other published
run was as long."""


def worries(
    plan: Planned, placed: Mapping[str, Placed], *, given: float | None = None, no_room: Sequence[str] = (),
    shared: str | None = None,
) -> list[Worry]:  # fmt: skip
    """One for each, the gravest first, of a plan whose stages are ``placed`` on its machine; ``given`` is the person's
    own utilisation [1], ``no_room`` are networks that were left out since no layout holds them, ``shared`` is what a
    mixture's step takes where a trainer is told no layout."""
    found = [*_of_harm(plan), *_of_time(plan, next(iter(placed.values())), given)]

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
    elif chosen.tokens_per_parameter < FEWEST_A_PARAMETER:
        worry("unreachable", f"no law is to be trusted here: {starving(chosen)}")
    elif beyond >= NOTABLE:
        worry("far", f"the loss is read {beyond:.2g} times beyond the runs of {law.name}{_knows(plan)}")
    if chosen.expansion > MOST_EXPANSION:
        worry(
            "unreachable",
            f"no law reaches here: {chosen.expansion:,} experts for each one used; laws of mixtures were fitted on "
            f"{MOST_EXPANSION} at most, and this one's answer is a guess",
        )
    found += [Worry(kind="machine", says=says) for says in _of_room(placed, no_room)]
    found += _of_heads(plan)
    found += [*_of_sharing(plan), *_of_sharding(shared)]
    if plan.base is not None and not plan.base_known:
        worry(
            "base",
            f"{plan.base} had seen at least {short(plan.demand.seen)} tokens: how many in all was not published, and "
            "the loss is read as if no more",
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
            f"a vocabulary of {words.best:,}{_between(words)} would do better, by {words.above:.3f} nats/token "
            f"normalised by the words' frequencies, as tokens of different vocabularies compare ({words.law})",
        )
    return [*found, *_of_width(plan)]


def _of_harm(plan: Planned) -> list[Worry]:
    """A base that ends worse than it began: warmed up again, with too few tokens to come down from that."""
    read, surface = plan.plan.read_at, plan.surface
    if (
        plan.base is None
        or plan.forecast is None
        or read is None
        or surface is None
        or plan.plan.read_unique is not None
    ):
        return []
    before = float(surface.loss(read[0], plan.demand.seen))
    if plan.forecast.loss <= before:
        return []
    says = (
        f"{plan.base} may be worse for it: {before:.3f} {plan.plan.loss_unit} before by {surface.name}, "
        f"{plan.forecast.loss:.3f} ({plan.forecast.low:.3f} to {plan.forecast.high:.3f}) after, under these schedules; "
        "train longer, or at a lower peak"
    )
    return [Worry(kind="harm", says=says)]


FEW_HEADS = 4
"""Of keys and values; fewer come near multi-query attention (Shazeer 2019, arXiv:1911.02150), which no law of
parameters and tokens tells from other attention."""


def _of_sharing(plan: Planned) -> Iterator[Worry]:
    """Batches of which not every device has a sequence, in stages that no trainer is told a layout for."""
    devices = plan.devices
    for stage in plan.stages.values():
        if devices is None or stage.sequences % devices == 0 or stage.kind in PRETRAINING:
            continue
        share = gcd(devices, stage.sequences)
        says = (
            f"{stage.name}: {stage.sequences:,} sequences an update cannot be shared evenly by {devices:,} devices; "
            f"with trainers that are told no layout write devices={share}, which takes longer than the plan's time"
        )
        yield Worry(kind="machine", says=says)


def _of_sharding(shared: str | None) -> Iterator[Worry]:
    """A mixture's time where a trainer is not told to put its experts in parallel."""
    if shared is not None:
        says = (
            "its days and money are those of its layout, with experts in parallel; where a trainer shares out weights "
            f"instead (ZeRO 3, as lehr export tells TRL, ms-swift, LLaMA-Factory and Axolotl) {shared}"
        )
        yield Worry(kind="machine", says=says)


def _of_heads(plan: Planned) -> list[Worry]:
    """Heads of a base that share fewer than ``FEW_HEADS`` heads of keys and values; those of the ladder do not."""
    if plan.base is None:
        return []
    mixers = [block.mixer for block in plan.architecture.blocks.values() if isinstance(block.mixer, Attention)]
    few = [one for one in mixers if one.n_kv_heads < FEW_HEADS and one.n_heads >= 2 * FEW_HEADS]
    says = [
        f"its {one.n_heads} heads share {one.n_kv_heads} of keys and values, which no tensor group divides well; no "
        "law here knows what that loses"
        for one in few[:1]
    ]
    return [Worry(kind="heads", says=one) for one in says]


def _of_width(plan: Planned) -> list[Worry]:
    """Heads that are not as wide together as the network, which one trainer takes for so."""
    width = plan.architecture.d_model
    mixers = [block.mixer for block in plan.architecture.blocks.values() if isinstance(block.mixer, Attention)]
    wide = [one for one in mixers if one.n_heads * one.d_head != width]
    says = [
        f"its {one.n_heads} heads are {one.n_heads * one.d_head:,} wide together and not {width:,}: torchtitan's "
        "llama3 has no setting for that, so that an export to it is refused"
        for one in wide[:1]
    ]
    return [Worry(kind="heads", says=one) for one in says]


def _of_room(placed: Mapping[str, Placed], no_room: Sequence[str]) -> list[str]:
    """A network that does not fit, or may not, and one that the law would rather have and that does not."""
    first, *_ = placed.values()
    others = {name: one for name, one in placed.items() if one is not first}
    said = [] if first.fits else [f"it does not fit the machine: {first.says}"]
    said += [f"{name} does not fit the machine: {one.says}" for name, one in others.items() if not one.fits]
    if no_room:
        said.append(f"the law would rather have {no_room[0]}: no layout on the devices holds that")
    if first.tight:
        said.append(f"it may not fit the machine: {first.tight}; try a step before the devices are booked")
    apart = {name: one.tight for name, one in others.items() if one.tight not in (None, first.tight)}
    return [*said, *(f"{name} may not fit the machine: {tight}" for name, tight in apart.items())]


def _of_time(plan: Planned, placed: Placed, given: float | None) -> list[Worry]:
    """A utilisation that the machine does not reach, and a run longer than any."""
    found = []
    reached = placed.reached or plan.accelerator.mfu.get("dense" if plan.plan.chosen.expansion == 1 else "moe")
    if given is not None and reached is not None and given > reached.high:
        whose = (
            "the fastest layout reaches" if placed.reached else f"published runs on {plan.accelerator.title} reached"
        )
        times = given / reached.central
        days = "" if plan.days is None else f", {plan.days.value * times:,.3g} days in place of {plan.days.value:,.3g}"
        says = (
            f"mfu={given:g} is given, and {whose} {reached.central:.0%} ({reached.low:.0%} to {reached.high:.0%}); at "
            f"that the plan takes {times:.2g} times the time and money{days}"
        )
        found.append(Worry(kind="utilisation", says=says))
    if plan.days is not None and plan.days.value > LONGEST:
        says = (
            f"{plan.days.value:,.0f} days are longer than any published run (BLOOM: 118); write days=90 beside the "
            "budget, or more devices"
        )
        found.append(Worry(kind="long", says=says))
    return found


def _between(words: Vocabulary) -> str:
    if words.interval is None:
        return ""
    low, high = words.interval
    # what the search was bound by is no answer
    least = "" if low <= SMALLEST * 1.01 else f"{short(low)} "
    return f" (95 %: {least}{'to' if least else 'up to'} {short(high)})"


def _knows(plan: Planned) -> str:
    """What a plan's interval knows of forms that are wrong there."""
    if plan.loss_interval is None:
        return "; nothing says how sure that is"
    if plan.surface is not None and plan.surface.misfit is not None:
        return "; its interval widens as its form missed its own largest runs"
    return "; its interval widens as other forms missed the largest runs of public tables"


def starving(chosen: Candidate) -> str:
    """Tokens a parameter, beside one of the published runs that had the fewest."""
    return (
        f"{chosen.tokens_per_parameter:.2g} tokens a parameter, where Megatron-Turing NLG, which was starved, had 0.5"
    )


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
