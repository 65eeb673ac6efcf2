"""Numbers as a reader of the report sees them."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, isfinite, log10

from lehr.conf import __version__ as edition
from lehr.recipes.presenting.tables import short
from lehr.simulators.machine.accelerator import Price, months_before
from lehr.simulators.quantities import Amount, Relation

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(value: float, digits: int = 3) -> str:
    """A number as digits times a power of ten.

    >>> power(3.8476e24), power(2.2e-4, 2), power(9.999e5), power(0.0)
    ('3.85 × 10²⁴', '2.2 × 10⁻⁴', '1.00 × 10⁶', '0')
    """
    if value == 0 or not isfinite(value):
        return f"{value:.0f}"
    exponent = floor(log10(abs(value)))
    if abs(round(value / 10.0**exponent, digits - 1)) >= 10:
        exponent += 1
    return f"{value / 10.0**exponent:.{digits - 1}f} × 10{str(exponent).translate(_SUPERSCRIPT)}"


def quantity(value: float, digits: int = 3) -> str:
    """A number with K, M, B or T, and from 10**15 on as a power of ten.

    >>> quantity(14.8e12), quantity(3.8476e24), quantity(2048, 4), quantity(0.39)
    ('14.8T', '3.85 × 10²⁴', '2.048K', '0.39')
    """
    return power(value, digits) if abs(value) >= 1e15 else short(value, digits=digits)


def estimate(value: float) -> str:
    """A projected number, to three digits that are all shown.

    >>> estimate(5e6), estimate(2.918e6), estimate(3.8476e24), estimate(812.4), estimate(0.605)
    ('5.00M', '2.92M', '3.85 × 10²⁴', '812', '0.605')
    """
    if abs(value) >= 1e15:
        return power(value)
    for suffix, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3), ("", 1.0)):
        # what would print as 1000 of one suffix is 1 of the next
        if abs(value) >= scale * 0.9995:
            return f"{value / scale:#.3g}".rstrip(".") + suffix
    return f"{value:.3g}"


def ratio(value: float) -> str:
    """One number over another, to three digits or to the unit.

    >>> ratio(0.8512), ratio(23.04), ratio(1871.3)
    ('0.851', '23', '1,871')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def whole(value: float) -> str:
    """A count with every digit.

    >>> whole(671026404352)
    '671,026,404,352'
    """
    return f"{round(value):,}"


def rate(value: float) -> str:
    """A learning rate.

    >>> rate(2.2e-4), rate(0.01), rate(0.0), rate(3e-5)
    ('2.2 × 10⁻⁴', '1 × 10⁻²', '0', '3 × 10⁻⁵')
    """
    digits, times, exponent = power(value, 4).partition(" × ")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}{times}{exponent}"


def dollars(value: float) -> str:
    """Money, to three digits.

    >>> dollars(5.576e6), dollars(812.4)
    ('$5.58M', '$812')
    """
    return f"${estimate(value)}"


def percent(value: float) -> str:
    """A share.

    >>> percent(0.389), percent(0.004), percent(1.0), percent(1.5e-6)
    ('38.9 %', '0.4 %', '100 %', '< 0.01 %')
    """
    if 0 < abs(value) < 1e-4:
        return "< 0.01 %"
    return f"{100 * value:.3g} %"


def loss(value: float) -> str:
    """A loss, to the third decimal.

    >>> loss(1.93472)
    '1.935'
    """
    return f"{value:.3f}"


def bounded(text: str, relation: Relation | None, *, falls: bool = False) -> str:
    """A number of which only a bound is known, with its sign; ``falls`` where it goes down as the other goes up.

    >>> bounded("15T", "at least"), bounded("1.9", "at least", falls=True), bounded("2T", None)
    ('≥ 15T', '≤ 1.9', '2T')
    """
    if relation is None or text in ("", "unknown"):
        return text
    return f"{'≤' if (relation == 'at most') != falls else '≥'} {text}"


def between(amount: Amount, shown: Callable[[float], str] = estimate) -> str:
    """The interval around an amount, or nothing where it has none, or one whose bounds print alike.

    >>> between(Amount(value=2e6, low=1.5e6, high=2.5e6, unit="h"))
    '1.50M to 2.50M'
    """
    if amount.low is None or amount.high is None or shown(amount.low) == shown(amount.high):
        return ""
    return f"{shown(amount.low)} to {shown(amount.high)}"


LENGTHS: dict[Relation, str] = {
    "at least": "at the least tokens",
    "at most": "at the most tokens",
    "between": "at the least tokens",
}
"""Of what an interval is, beside a number whose tokens are a bound: it may lie on both sides of such a number."""


def ranged(amount: Amount, relation: Relation | None, shown: Callable[[float], str] = estimate) -> str:
    """The interval around an amount, of whose tokens only a bound is known where there is a ``relation``.

    >>> ranged(Amount(value=2e6, low=1.5e6, high=2.5e6, unit="h"), "at most")
    '1.50M to 2.50M at the most tokens'
    """
    found = between(amount, shown)
    return f"{found} {LENGTHS[relation]}" if found and relation is not None else found


def around(
    amount: Amount, relation: Relation | None, shown: Callable[[float], str] = estimate, *, falls: bool = False
) -> str:
    """An amount with the sign of a bound, which none is that an interval passes: that says of what it is.

    >>> hours = Amount(value=2e6, low=1e6, high=3e6, unit="h")
    >>> around(Amount(value=2e6, unit="h"), "at most"), around(hours, "at most")
    ('≤ 2.00M', '2.00M')
    """
    return shown(amount.value) if between(amount, shown) else bounded(shown(amount.value), relation, falls=falls)


OLD = 12
"""Months after which a price is said to be old [month]."""


def dated(price: Price) -> str:
    """Since when a price stands, whose it is, on what terms where those are others, and whether it is old.

    >>> dated(Price(usd_per_hour=3.06, date="2022-03-01", source="s", place="p"))
    '2022-03-01, over a year before this catalogue'
    >>> dated(Price(usd_per_hour=3.0, date="2026-05", source="s", place="p", terms="reserved", seller="AWS"))
    '2026-05, AWS, reserved'
    """
    terms = "" if price.terms == "on_demand" else f", {price.terms}"
    old = ", over a year before this catalogue" if months_before(price.date, edition) > OLD else ""
    return f"{price.date}{f', {price.seller}' * bool(price.seller)}{terms}{old}"
