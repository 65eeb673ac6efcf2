"""How far a projected quantity moves with each of its assumptions: the interval of them all, and which matter most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, log

import msgspec

LEVEL = 1.645
"""Standard deviations of a normal law that hold 90 %."""


class Swing(msgspec.Struct, frozen=True, kw_only=True):
    """What a quantity is where one assumption is at the ends of its 90 % interval, and the others are central."""

    name: str
    low: float
    high: float

    @property
    def width(self) -> float:
        """How far apart the two are, in the quantity's unit."""
        return abs(self.high - self.low)


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity with the interval that holds 90 %, and its assumptions, those that move it most first."""

    value: float
    low: float
    high: float
    swings: list[Swing]


Sides = tuple[float, float]
"""Standard deviations of a logarithm below and above its centre [1]."""


def sides_of(value: float, low: float, high: float) -> Sides:
    """Those of a quantity of which ``low`` to ``high`` holds 90 %.

    >>> [round(side, 3) for side in sides_of(100.0, 90.0, 250.0)]
    [0.064, 0.557]
    """
    return log(value / low) / LEVEL, log(high / value) / LEVEL


def spread_of(quantity: Callable[[Mapping[str, float]], float], spreads: Mapping[str, float | Sides]) -> Spread:
    """The interval of ``quantity``, a function of factors by name, each log-normal about 1 with a standard deviation of
    ``spreads``, on both sides or below and above; swings of the logarithm add in squares, below and above the centre
    apart.

    Raises ``ValueError`` where the quantity is not positive.

    >>> found = spread_of(lambda x: 100 * x["price"] * (1 + 0.1 * x["energy"]), {"price": 0.2, "energy": 0.3})
    >>> round(found.value), round(found.low), round(found.high), [s.name for s in found.swings]
    (110, 79, 154, ['price', 'energy'])
    >>> skew = spread_of(lambda x: 100 * x["hours"], {"hours": sides_of(1.0, 0.9, 2.5)})
    >>> round(skew.low), round(skew.high)
    (90, 250)
    """
    centre = dict.fromkeys(spreads, 1.0)
    value = quantity(centre)
    if not value > 0:
        raise ValueError(f"a quantity of {value:g} has no interval of factors")
    swings, below, above = [], 0.0, 0.0
    for name, spread in spreads.items():
        below_it, above_it = spread if isinstance(spread, tuple) else (spread, spread)
        ends = [quantity({**centre, name: exp(LEVEL * side)}) for side in (-below_it, above_it)]
        low, high = min(ends), max(ends)
        swings.append(Swing(name=name, low=low, high=high))
        below += log(min(low, value) / value) ** 2
        above += log(max(high, value) / value) ** 2
    return Spread(
        value=value,
        low=value * exp(-(below**0.5)),
        high=value * exp(above**0.5),
        swings=sorted(swings, key=lambda s: -s.width),
    )
