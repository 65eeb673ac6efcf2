"""Sums over stages, of which some are not known or only bounded."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lehr.simulators.quantities import Amount, Relation


class Totals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sums over the stages that are known; ``unknown`` names the stages that are not. Of ``unfit`` stages the devices
    do not hold there are neither hours nor cost, nor of the sum. ``bound`` is of tokens and work, ``hours_bound`` of
    hours and cost."""

    tokens: float
    flops: float
    hours: Amount | None
    cost: Amount | None
    unknown: list[str]
    bound: Relation | None = None
    hours_bound: Relation | None = None
    unfit: list[str] = []


def relation_of(parts: Iterable[Relation | None]) -> Relation | None:
    """How a sum lies to the sum of its parts, some of which are bounds.

    >>> relation_of([None, "at least"]), relation_of(["at least", "at most"]), relation_of([None])
    ('at least', 'between', None)
    """
    found = {part for part in parts if part is not None}
    return found.pop() if len(found) == 1 else ("between" if found else None)


def add_totals(base: Totals, own: Totals, base_name: str) -> Totals:
    """Two histories in sequence; the base's unknown stages are named after it.

    >>> base = Totals(tokens=2e12, flops=8e22, hours=None, cost=None, unknown=["sft"])
    >>> own = Totals(tokens=5e11, flops=2e22, hours=None, cost=None, unknown=["rl"])
    >>> found = add_totals(base, own, "base")
    >>> found.tokens, found.flops, found.unknown
    (2500000000000.0, 1e+23, ['base: sft', 'rl'])
    """

    unfit = [*(f"{base_name}: {name}" for name in base.unfit), *own.unfit]

    def plus(a: Amount | None, b: Amount | None) -> Amount | None:
        if unfit:
            return None
        return a + b if a is not None and b is not None else a or b

    return Totals(
        tokens=base.tokens + own.tokens,
        flops=base.flops + own.flops,
        hours=plus(base.hours, own.hours),
        cost=plus(base.cost, own.cost),
        unknown=[*(f"{base_name}: {name}" for name in base.unknown), *own.unknown],
        bound=relation_of([base.bound, own.bound]),
        hours_bound=relation_of([base.hours_bound, own.hours_bound]),
        unfit=unfit,
    )
