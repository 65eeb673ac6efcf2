"""What the digits that a log prints leave open: of each number the unit of its last digit, and of a mean what is left.

A number that is rounded to units of u may be off by u / 2, and the mean of many as much where they all are rounded the
same way, as those of a loss are that falls by less than u while its rows hardly scatter. Noise of a standard deviation
s before rounding evens that out: the mean's error is at most about u / 2 exp(-2 pi^2 s^2 / u^2) (the first term of the
Fourier series of a saw-tooth's mean; Widrow and Kollar, Quantization Noise, 2008, section 4.2), a fiftieth of u at s
= u / 2.5.
"""

from __future__ import annotations

from math import exp, pi, sqrt

import msgspec
import numpy as np

from lehr.simulators.quantities import Floats

DIGITS = 7
"""Digits of a number from which on it is taken as it stands."""
LEAST = 3
"""Numbers of one decade that say how many digits it is printed with, at least: fewer may be whole by chance."""
LOOKED_AT = 5000
"""Rows, spread over all, by which digits are told."""
PARTS, NOTHING = 4, 0.02
"""Parts of a log of which each is asked how far its rows scatter; and what of a unit is nothing."""
OF_BENDS = 0.674490 * sqrt(6.0)
"""The median of second differences without their sign, of independent normal rows of a standard deviation of one."""


def units_of(values: Floats, *, least: int = LEAST) -> Floats:
    """What one of the last printed digit is of each of ``values`` (rows,), by all of them; 0 where that is not known.

    All numbers of a decade have the same, whether they are printed with so many digits or so many decimals. A decade
    of fewer numbers than ``least`` has that of the next above it, or as many digits as the next below, but no larger
    one than its own numbers say.

    >>> units_of(np.array([3e-4, 2e-4, 1e-4, 2.98e-5, 2.11e-5, 1.5e-5])).tolist()
    [0.0001, 0.0001, 0.0001, 1e-07, 1e-07, 1e-07]
    >>> units_of(np.array([3e-4, 3e-4, 1e-4])).tolist()
    [0.0, 0.0, 0.0]
    """
    units = np.zeros(len(values))
    some = np.unique(np.abs(values)[:: max(len(values) // LOOKED_AT, 1)])
    some = some[np.isfinite(some) & (some > 0)]
    if not len(some):
        return units
    decades = np.floor(np.log10(some) + 1e-12).astype(int)
    known, own = {}, {}
    for decade in np.unique(decades).tolist():
        here = some[decades == decade] / 10.0**decade
        digits = next((d for d in range(DIGITS - 1) if np.abs(here - np.round(here, d)).max() < 1e-9), None)
        own[decade] = 0.0 if digits is None else 10.0 ** (decade - digits)
        if len(here) >= least:
            known[decade] = own[decade]
    for decade, unit in own.items():
        if decade not in known:
            above, below = [d for d in known if d > decade], [d for d in known if d < decade]
            next_to = known[min(above)] if above else known[max(below)] * 10.0 ** (decade - max(below)) if below else 0
            own[decade] = min(unit, next_to)
    each = _decade(values)
    for decade, unit in own.items():
        units[each == decade] = unit
    return units


def _decade(values: Floats) -> Floats:
    """The power of ten below each of ``values``; no finite number of 0 and of what is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.floor(np.log10(np.abs(values)) + 1e-12)


def units_like(values: Floats, units: Floats | None) -> Floats | None:
    """The units of ``values`` (rows,), of whose first those are ``units``: of each decade the same.

    >>> units_like(np.array([0.31, 0.32, 0.33, 3.1]), np.array([0.01, 0.01]))
    array([0.01, 0.01, 0.01, 0.01])
    """
    if units is None:
        return None
    decades = _decade(values)
    first = dict(zip(decades[: len(units)].tolist(), units.tolist(), strict=True))
    rest = [first.get(decade, float(units[-1])) for decade in decades[len(units) :].tolist()]
    return np.concatenate([units, rest])


class Grain(msgspec.Struct, frozen=True):
    """What the digits of losses leave open [log loss]: one of the last (``unit``), and by how much the ``mean`` of any
    rows may be off, 0 where their own noise evens it out."""

    unit: float = 0.0
    mean: float = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of a row that is rounded to units which its own noise does not even out."""
        return self.mean / sqrt(3)

    def words(self) -> list[str]:
        """What they keep from being told.

        >>> Grain(unit=0.0033, mean=0.0017).words()
        ['the losses are printed with few digits: a mean may be off by 0.17%, and no change below 0.34% is told']
        """
        if not self.mean:
            return []
        return [
            f"the losses are printed with few digits: a mean may be off by {self.mean:.2%}, and no change below "
            f"{2 * self.mean:.2%} is told"
        ]


def grain_of(residuals: Floats, losses: Floats, units: Floats) -> Grain:
    """What the digits of ``losses`` (rows,) leave open, of which ``units`` (rows,) are one of the last digit of each;
    ``residuals`` (rows,) are those of their logarithm.

    >>> steps, noise = np.arange(400), np.random.default_rng(0).standard_normal(400)
    >>> for scatter in (1e-4, 1e-2):
    ...     losses = (3.0 * np.exp(-1e-4 * steps + scatter * noise)).round(2)
    ...     found = grain_of(np.log(losses) + 1e-4 * steps, losses, np.full(400, 0.01))
    ...     print(round(found.unit, 4), round(found.mean, 4))
    0.0034 0.0017
    0.0034 0.0
    """
    known = np.isfinite(residuals)
    if not known.any() or not units[known].any():
        return Grain()
    shares = units[known] / losses[known]
    most = 0.0
    for e, u in zip(*(np.array_split(values, PARTS) for values in (residuals[known], shares)), strict=True):
        if len(e) < LEAST or not (unit := float(np.median(u))):
            continue
        scatter = float(np.median(np.abs(np.diff(e, n=2)))) / OF_BENDS
        left = 0.5 * exp(-2 * (pi / unit) ** 2 * max(scatter**2 - unit**2 / 12, 0.0))
        most = max(most, left * unit if left > NOTHING else 0.0)
    return Grain(float(np.median(shares)), most)
