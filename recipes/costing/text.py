"""What a recipe costs, as one reads it."""

from __future__ import annotations

from math import floor, log10
from typing import Any

import msgspec

from lehr.recipes.costing.result import Costed
from lehr.recipes.presenting.numbers import LENGTHS
from lehr.simulators.machine.failures import HOST_LINK, UNSEEN
from lehr.simulators.quantities import Amount, Relation
from lehr.simulators.sensitivity import Spread

MEANT = {
    "speed": "how fast the devices are",
    "failures": "what failures and repairs take",
    "price": "the price of a device",
    "power": "the power of a device",
}
"""What each assumption is called."""


def as_text(found: Costed) -> str:
    """Days, money, energy and what moves them."""
    bound = found.bound
    lines = [
        f"{found.model}: {_days(found)}",
        *([f"published: {'; '.join(found.published)}"] if found.published else []),
    ]
    if found.dollars is not None:
        lines.append(f"money: {counted(found.dollars, 'USD', bound)}" + (
            f" at {found.usd_per_hour:g} USD an hour" if found.usd_per_hour is not None else ""
        ))  # fmt: skip
    else:
        lines.append("money: no price of the accelerator is on record; write usd_per_hour=2.5")
    lines.append(f"billed: {counted(found.billed, 'accelerator-hours', bound)}")
    if found.energy is not None:
        lines.append(f"energy: {counted(found.energy, 'MWh', bound)}")
        if found.carbon is not None:
            lines.append(f"carbon: {counted(found.carbon, 't of CO2', bound)}, grid {found.grid}")
    else:
        lines.append("energy: the largest draw of the accelerator is not published")
    if (finish := found.finish) is not None:
        lines.append(
            f"failures by the formula alone, without maintenance and repairs by hand (assumed {1 - UNSEEN[1]:.1%} of "
            f"the time): the last day is day {plain(finish.median)} (median), {plain(finish.low, finish.median)} to "
            f"{plain(finish.high, finish.median)} in nine of ten of {finish.runs:,} simulated runs"
        )
    most = max(s.devices or 0 for s in found.stages)
    lines.append(f"checkpoint: {found.checkpoint_bytes / 1e9:,.0f} GB" + (
        f", from {most:,} devices to their hosts in {found.checkpoint_bytes / most / HOST_LINK:.2g} s" if most else ""
    ))  # fmt: skip
    lines += [
        "",
        f"  {'stage':16} {'devices':>8} {'work':>12} {'between failures':>17} {'checkpoint':>11} {'trains':>16}",
    ]
    for s in found.stages:
        told = f"{'-':>8} {few(s.hours.value):>10} h {'-':>17} {'-':>11} {'-':>16}"
        if s.uptime is not None:
            share = s.uptime.share
            low, high = share.low or share.value, share.high or share.value
            told = (
                f"{s.devices:8,} {few(s.hours.value):>10} h {s.uptime.between:15,.1f} h "
                f"{s.uptime.every / 60:7,.0f} min {share.value:6.1%} ({low:.0%}-{high:.0%})"
            )
        lines.append(
            f"  {s.name[:16]:16} {told}"
            + ("" if s.basis == "work" else f"  by {s.basis}")
            + ("" if s.projected is None else f"; projected {estimated(s.projected)} h")
        )
    moved = found.dollars or found.billed
    if moved.swings:
        lines += ["", "what moves the money most:" if found.dollars else "what moves the hours most:"]
    lines += [f"  {MEANT[s.name]}: {few(s.low)} to {few(s.high)}" for s in moved.swings[:3]]
    if found.left_out:
        lines.append(f"left out, as nobody published how long they are: {', '.join(found.left_out)}")
    if found.assumed:
        lines.append(f"assumed: {'; '.join(found.assumed)}")
    return "\n".join(lines)


def _days(found: Costed) -> str:
    """The days, or why there are none."""
    days = found.days
    if days is None:
        return "no number of devices was published, so that no days follow; write devices=512"
    one, each = ("hours by the calendar", 24.0) if days.value < 1 else ("calendar days", 1.0)
    value, low, high, work = (each * x for x in (days.value, days.low, days.high, found.work_days or 0.0))
    low_said, high_said = plain(low, value), plain(high, value)
    between = "" if low_said == high_said else f" ({low_said} to {high_said})"
    told = f"{plain(value)} {one}{between}"
    return f"{of_bound(told, found.bound, ranged=bool(between))}, {plain(work, value)} of them work"


def estimated(of: Amount) -> str:
    """An amount with its interval.

    >>> estimated(Amount(value=1234.5, low=1000.0, high=1500.0, unit="h")), estimated(Amount(value=12.0, unit="h"))
    ('1,234 (1,000 to 1,500)', '12')
    """
    return few(of.value) + ("" if of.low is None or of.high is None else f" ({few(of.low)} to {few(of.high)})")


def said(of: Spread) -> str:
    """A value with its interval.

    >>> said(Spread(value=1234.5, low=1000.0, high=1500.0, swings=[]))
    '1,234 (1,000 to 1,500)'
    >>> said(Spread(value=0.041, low=0.027, high=0.0712, swings=[]))
    '0.041 (0.027 to 0.071)'
    """
    value, low, high = (plain(x, of.value, least=0 if of.value >= 100 else 1) for x in (of.value, of.low, of.high))
    return value if low == high else f"{value} ({low} to {high})"


def counted(of: Spread, unit: str, bound: Relation | None) -> str:
    """The same with its unit, and of what tokens it is where those are a bound.

    >>> counted(Spread(value=1234.5, low=1000.0, high=1500.0, swings=[]), "h", "at most")
    '1,234 (1,000 to 1,500) h at the most tokens'
    """
    text = said(of)
    return of_bound(f"{text} {unit}", bound, ranged="(" in text)


def of_bound(told: str, bound: Relation | None, *, ranged: bool) -> str:
    """What is told of tokens that are a bound: a number is one too, and an interval passes it.

    >>> of_bound("3.0 days", "at least", ranged=False)
    'at least 3.0 days'
    """
    if bound is None:
        return told
    return f"{told} {LENGTHS[bound]}" if ranged else f"{'at most' if bound == 'at most' else 'at least'} {told}"


def plain(value: float, beside: float | None = None, least: int = 1) -> str:
    """A number with ``least`` decimals, and with two digits that count below 1, of it or what it stands ``beside``.

    >>> plain(1234.56), plain(0.0412), plain(0.1, beside=0.0412), plain(0.0)
    ('1,234.6', '0.041', '0.100', '0.0')
    """
    of = value if beside is None else beside
    return f"{value:,.{least if of >= 1 or of <= 0 else max(least, 1 - floor(log10(of)))}f}"


def few(value: float) -> str:
    """Hours or money to the whole from ten on.

    >>> few(1234.5), few(7.94), few(0.512)
    ('1,234', '7.9', '0.51')
    """
    return plain(value, least=0 if value >= 10 else 1)


def as_json(found: Costed) -> dict[str, Any]:
    """The same as data."""
    data: dict[str, Any] = msgspec.to_builtins(found)
    return data
