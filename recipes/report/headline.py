"""The first things that a reader sees: the verdict in one line and the headline numbers."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from msgspec.structs import replace

from lehr.recipes.checking import OTHERWISE
from lehr.recipes.presenting.document import Card, Mark
from lehr.recipes.presenting.numbers import (
    around,
    bounded,
    dated,
    dollars,
    estimate,
    loss,
    quantity,
    ranged,
    whole,
)
from lehr.recipes.projecting.basis import on_what
from lehr.recipes.projecting.model import NO_FIT
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.published import Published, of_what, published, published_hours, why, within
from lehr.simulators.machine.accelerator import Price
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.project import StageRollout, Time, days_of
from lehr.simulators.quantities import Amount, Bound, Relation
from lehr.simulators.training import Base


def verdict(data: ReportData) -> tuple[str, Mark]:
    """How many published figures agree, in one line, and how that is to be taken; of a recipe that nobody published
    what it comes to."""
    counts = Counter(c.verdict for c in data.comparisons)
    if not counts:
        return _answer(data), ""
    agree, known, fail = counts["agrees"], counts["differs, known cause"], counts["FAILS"]
    # what the command line changed is no disagreement of the catalogue
    ours = sum((c.cause or "").startswith(OTHERWISE) for c in data.comparisons)
    known -= ours
    text = (
        f"{agree} published {'figure agrees' if agree == 1 else 'figures agree'}, "
        f"{f'{ours} of the recipe as published, ' if ours else ''}"
        f"{known} {'differs' if known == 1 else 'differ'} for a known cause, {fail} {'fails' if fail == 1 else 'fail'}"
    )
    return text, "fails" if fail else "agrees"


def _answer(data: ReportData) -> str:
    """Loss, tokens, days, hours and money, what there is of them, as the cards say them."""
    totals, said = data.projection.totals, []
    ends, tokens, hours, cost = _loss(data), _tokens(data), _hours(data), _cost(data)
    if ends.value != "unknown":
        said.append(f"loss {ends.value} {ends.lines[0].partition(', after stage')[0]}")
    if tokens.value != "unknown":
        said.append(f"{tokens.value} tokens")
    days, work = days_of(data.projection.stages), []
    if days is not None and not rolled_only(data):
        work.append(f"{bounded(estimate(days), totals.hours_bound)} days")
    work += [f"{hours.value} accelerator-hours"] * (hours.value not in ("unknown", "none"))
    work += [cost.value] * (cost.value not in ("unknown", "none"))
    if work:
        said.append(f"{', '.join(work)} of work, to which lehr cost adds what failures take")
    line = "; ".join([*said, *_unfit(data)])
    return line[:1].upper() + line[1:] or NOTHING_TO_COMPARE


NOTHING_TO_COMPARE = "No published figure is on record to compare with."
"""Stands where nobody published a figure of a recipe."""


def headline(data: ReportData) -> list[Card]:
    """Parameters, tokens, work, accelerator-hours, money and loss."""
    return [_parameters(data), _tokens(data), _flops(data), *_hours_and_cost(data), _loss(data)]


def _parameters(data: ReportData) -> Card:
    count = data.projection.parameters
    found = published(data, "parameters.total")
    lines = [f"{whole(count.total)} trained in the main model, counted"]
    if found is not None and found.cause:
        lines.append(f"published: {found.text}; {found.cause}")
    if count.active["all"] < count.total:
        lines += [f"active per token: {quantity(n)} ({name})" for name, n in count.active.items()]
    else:
        lines.append(f"{quantity(count.non_embedding)} non-embedding")
    if found is None:
        return Card(label="Parameters", value=quantity(count.total, 4), lines=lines)
    return Card(label="Parameters", value=found.text, lines=["published", *lines], mark="published")


def _tokens(data: ReportData) -> Card:
    totals, base = data.projection.totals, data.recipe.base
    lines = [known_stages(data), *padded(data)]
    if base is not None:
        lines.append(_after(base, data))
    value = bounded(quantity(totals.tokens, 4), totals.bound) if totals.tokens else "unknown"
    if (found := published(data, "tokens")) is not None:
        lines[0] = f"{value} in {lines[0]}" if totals.tokens else lines[0]
        because = [f"they differ: {found.cause}"] if found.cause else []
        return Card(
            label="Training tokens", value=found.text, lines=[of_what(found, data), *lines, *because], mark="published"
        )
    return Card(label="Training tokens", value=value, lines=lines)


def _after(base: Base, data: ReportData) -> str:
    """What a base had seen, by the recipe or else by its own."""
    first, history = data.projection.stages[0], data.projection.totals_with_base
    if any(NO_FIT in said for said in first.warnings):
        return f"not after {base.model}: {NO_FIT}"
    if base.n_tokens is not None:
        return f"after {bounded(quantity(base.n_tokens, 4), relation(base))} tokens of {base.model}"
    if first.cumulative_tokens is None or first.tokens is None:
        return f"after an unknown number of tokens of {base.model}"
    bound, own = history.bound if history is not None else None, data.projection.totals.bound
    if own is not None:
        # the sum's bound is the stages' own, unless the base's lies on another side
        bound = None if bound == own else "at least"
    return f"after {bounded(quantity(first.cumulative_tokens - first.tokens, 4), bound)} tokens of {base.model}"


def relation(base: Base) -> Relation | None:
    """How the true tokens of a base lie to the number that stands there; nothing where it is no bound."""
    return base.tokens.relation if isinstance(base.tokens, Bound) else None


def padded(data: ReportData) -> list[str]:
    """Which stages are counted by the most tokens that they may have."""
    names = [s.name for s in data.projection.stages if s.padded and s.name not in data.projection.totals.unknown]
    return [f"{', '.join(names)} at most, padded: every example as long as the sequence"] if names else []


def known_stages(data: ReportData) -> str:
    """Which stages a sum holds.

    The length of the others is not known, so that nothing follows for them.
    """
    unknown = data.projection.totals.unknown
    n_stages = len(data.projection.stages)
    if not unknown:
        return "the only stage" if n_stages == 1 else f"all {n_stages} stages"
    return f"{n_stages - len(unknown)} of {n_stages} stages; length not known: {', '.join(unknown)}"


def _flops(data: ReportData) -> Card:
    stages = [s for s in data.projection.stages if s.flops is not None]
    conventions = ", ".join(dict.fromkeys(s.flop_convention for s in stages))
    six_nd = plain_sum(s.six_nd or 0.0 for s in stages)
    count = data.projection.parameters
    which = ", with N active, all" if count.active["all"] < count.total else ""
    lines = [f"convention: {conventions}", f"6ND: {estimate(six_nd)}{which}"] if stages else []
    if (history := data.projection.totals_with_base) is not None:
        lines.append(f"{estimate(history.flops)} with the base model's own history")
    flops = data.projection.totals.flops
    value = bounded(estimate(flops), data.projection.totals.bound) if flops else "unknown"
    if (found := published(data, "training_flops")) is not None:
        because = [f"they differ: {found.cause}"] if found.cause else []
        return Card(
            label="Training FLOPs",
            value=found.text,
            lines=[of_what(found, data), f"projected: {value}", *because, *lines],
            mark="published",
        )
    return Card(label="Training FLOPs", value=value, lines=lines)


def _hours_and_cost(data: ReportData) -> list[Card]:
    return [_hours(data), _cost(data)]


def _hours(data: ReportData) -> Card:
    """The published hours where there are any, the projected ones of the same stages beneath; else the projection."""
    stages = data.projection.stages
    times = [s.time for s in stages if s.time is not None]
    on = on_what(data.recipe, {s.name: s.time for s in stages if s.time is not None})
    found = published_hours(data)
    if found is None:
        hours, _ = with_rollouts(data)
        bound = data.projection.totals.hours_bound
        projected = around(hours, bound) if hours else _none(data)
        lines = [*_interval(hours, bound), *_rolled(data), *_unfit(data), *on]
        return Card(label="Accelerator-hours", value=projected, lines=lines, mark=_assumed(times))
    lines = [of_what(found, data), *_beside(found, data, "hours"), *on]
    return Card(label="Accelerator-hours", value=found.text, lines=lines, mark="published")


def _cost(data: ReportData) -> Card:
    """The published cost, else that of the published hours, else the projection."""
    times = [s.time for s in data.projection.stages if s.time is not None]
    _, cost = with_rollouts(data)
    prices = list(dict.fromkeys(priced(t.price, t) for t in times if t.cost is not None))
    found = published(data, "cost_usd")
    if found is not None:
        lines = [of_what(found, data), *_beside(found, data, "cost"), *prices]
        return Card(label="Cost", value=found.text, lines=lines, mark="published")
    bound = data.projection.totals.hours_bound
    projected = around(cost, bound, dollars) if cost else _none(data)
    spent = plain_sum(s.published_hours_cost or 0.0 for s in data.projection.stages)
    hours = published_hours(data)
    rates = {float(f"{t.cost.value / t.hours.value:.9g}") for t in times if t.cost is not None}
    if hours is not None and len(rates) == 1:
        # the card beside this one shows these hours; the money is theirs
        spent = hours.value * rates.pop()
    if spent and hours is not None:
        beneath = replace(hours, text=dollars(spent), value=spent)
        lines = [f"the published hours at a dated price: {', '.join(prices)}", *_beside(beneath, data, "cost")]
        return Card(label="Cost", value=dollars(spent), lines=lines, mark="derived")
    return Card(
        label="Cost",
        value=projected,
        lines=[*_interval(cost, bound, money=True), *_rolled(data), *_unfit(data), *prices],
        mark=_assumed(times),
    )


def rolled_only(data: ReportData) -> list[tuple[str, StageRollout]]:
    """The stages of which nothing but their rollouts says how long they take."""
    return [(s.name, s.rollout) for s in data.projection.stages if s.time is None and s.rollout is not None]


def with_rollouts(data: ReportData) -> tuple[Amount | None, Amount | None]:
    """Hours and cost of all stages of which either is known, those by their rollouts with them."""
    totals = data.projection.totals
    hours, cost = totals.hours, totals.cost
    if totals.unfit:
        return None, None
    for _, rollout in rolled_only(data):
        hours = rollout.hours if hours is None else hours + rollout.hours
        if rollout.cost is not None:
            cost = rollout.cost if cost is None else cost + rollout.cost
    return hours, cost


def _rolled(data: ReportData) -> list[str]:
    """Which stages stand there by their rollouts."""
    names = ", ".join(name for name, _ in rolled_only(data))
    return [f"{names} by rollouts, whose lengths are assumed where nobody published them"] if names else []


def _none(data: ReportData) -> str:
    """What stands where there are neither hours nor cost."""
    return "none" if data.projection.totals.unfit else "unknown"


def _unfit(data: ReportData) -> list[str]:
    """Which stages the devices do not hold, so that there is nothing to sum."""
    names = data.projection.totals.unfit
    return [f"these devices do not hold {', '.join(names)}: no run, no hours"] if names else []


def _assumed(times: list[Time]) -> Mark:
    return "assumed" if any(t.assumed_hardware for t in times) else ""


def _beside(found: Published, data: ReportData, what: Literal["hours", "cost"]) -> list[str]:
    """What is projected of the stages that a published figure is of, and why where that leaves it."""
    shown = estimate if what == "hours" else dollars
    of = [s.time.hours if what == "hours" else s.time.cost for s in within(found, data) if s.time is not None]
    known = [amount for amount in of if amount is not None]
    if unfit := [s.name for s in within(found, data) if s.unfit is not None]:
        return [f"projected: nothing, as these devices do not hold {', '.join(unfit)}"]
    if not known:
        return [f"projected: unknown; {why(found, data)}"]
    low, high = (
        plain_sum(getattr(a, end) if getattr(a, end) is not None else a.value for a in known) for end in ("low", "high")
    )
    value = plain_sum(a.value for a in known)
    lines = [f"projected: {shown(value)}" + (f" ({shown(low)} to {shown(high)})" if shown(low) != shown(high) else "")]
    if not low <= found.value <= high and f"{found.value:.3g}" != f"{value:.3g}":
        lines.append(f"they differ: {why(found, data)}")
    return lines


def hours_stated(data: ReportData, stage: str) -> float | None:
    """The accelerator-hours that the recipe states for a stage, or for several at the first of them [h]."""
    hardware = data.recipe.stages[stage].hardware
    return None if hardware is None else hardware.stated_hours


def priced(price: Price | None, time: Time) -> str:
    """What an accelerator-hour costs, and since when."""
    if price is None:
        rate = time.cost.value / time.hours.value if time.cost else 0.0
        return f"${rate:.2f} per {time.accelerator} hour, set for this report"
    return f"${price.usd_per_hour:.2f} per {time.accelerator} hour ({dated(price)})"


def _interval(amount: Amount | None, bound: Relation | None, *, money: bool = False) -> list[str]:
    text = ranged(amount, bound, dollars if money else estimate) if amount else ""
    return [text] if text else []


def _loss(data: ReportData) -> Card:
    label = "Loss after pre-training"
    law = data.laws[0] if data.laws else None
    reached = [s for s in data.projection.stages if law is not None and law.name in s.loss]
    if law is None or not reached:
        return Card(label=label, value="unknown", lines=["no stage that a law of next-token loss describes"])
    last = reached[-1]
    amount = last.loss[law.name]
    # a loss in another unit is no second opinion
    told = {name: said for name, said in last.loss.items() if said.unit == amount.unit}
    others = [f"{other.name} {loss(told[other.name].value)}" for other in data.laws if other.name in told]
    ends = f"at the end of a schedule of that length, stage {last.name}: {', '.join(others)}"
    if data.forecast is None:
        lines = [f"{amount.unit}{_within(told, amount.low, amount.high)}"]
        lines += [f"{law.title}, after stage {last.name}", *([ends] if len(others) > 1 else [])]
        return Card(label=label, value=loss(amount.value), lines=lines)
    end = data.forecast.stages[-1]
    shift = end.loss - end.at_end_of_schedule
    lines = [f"{amount.unit}{_within(told, end.low, end.high, shift)}, after stage {end.name}"]
    lines += [f"the forecast: {law.name}, under the recipe's own schedules", ends]
    return Card(label=label, value=loss(end.loss), lines=lines)


def _within(laws: dict[str, Amount], low: float | None, high: float | None, shift: float = 0.0) -> str:
    """The interval of the first law, widened to what the others say where there are any: the interval of one law holds
    the error of its constants and not that of its form, and laws that were fitted on other data differ by more.

    >>> amount = Amount(value=2.0, low=1.9, high=2.1, unit="nats/token")
    >>> _within({"a": amount}, 1.9, 2.1), _within({"a": amount, "b": Amount(value=2.2, unit="nats/token")}, 1.9, 2.1)
    (', 1.900 to 2.100 by the error of its constants', ', 1.900 to 2.200 over all laws')
    """
    lows = [shift + (a.value if a.low is None else a.low) for a in laws.values()]
    highs = [shift + (a.value if a.high is None else a.high) for a in laws.values()]
    least = min(lows if low is None else [low, *lows])
    most = max(highs if high is None else [high, *highs])
    if len(laws) > 1:
        return f", {loss(least)} to {loss(most)} over all laws"
    return (
        f", {loss(low)} to {loss(high)} by the error of its constants" if low is not None and high is not None else ""
    )
